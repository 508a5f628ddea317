"""An execution changes hands: another Airflow installation runs it from now on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from drs_recovery.exceptions import ForeignExecutionError
from drs_recovery.statuses import GateDecision, WaveStatus
from drs_recovery.store.base import StoreBase
from drs_recovery.store.expressions import Put
from drs_recovery.store.first_forms import NewEvent, due_item, live_item, server_item, wave_item
from drs_recovery.store.mending import UNKNOWN_BASIS, mending_of
from drs_recovery.store.transaction import (
    RECORD_IS_NEW,
    execution_update,
    in_transactions,
    record_update,
    retried_on_conflict,
)
from drs_recovery.store.values import present

if TYPE_CHECKING:
    from drs_recovery.store.expressions import Action, Item
    from drs_recovery.store.records import NewServer, NewWave
    from drs_recovery.store.refs import WaveRef

NOBODY = "nobody"
"""How records and messages call the controller of a record that names none."""


class Takeovers(StoreBase):
    """Take executions over, and make their records agree with themselves."""

    @retried_on_conflict
    def take_over(self, execution_id: str, old: str | None, new: str, actor: str) -> bool:
        """
        Make another installation the controller of an execution, once.

        :param old: the installation that runs it; None for a record that names none.
        :param actor: who wants it.
        :return: False if it is the new one's already.
        :raises ForeignExecutionError: a third one runs it, perhaps since a moment ago.
        """
        execution = self._read_execution(execution_id)
        controller = execution.get("controller")
        if controller == new:
            return False
        if controller != old:
            raise ForeignExecutionError(execution_id, controller or NOBODY, new)
        now = self._now()
        entry = present({"previous": old, "controller": new, "actor": actor, "time": now})
        changes = {"controller": new, "takeovers": [*execution.get("takeovers", []), entry]}
        event = NewEvent("EXECUTION_TAKEN_OVER", {"from": old or NOBODY, "to": new}, actor)
        update = execution_update(execution, now, changes)
        self._commit(event, [update, *_findable(execution)], by_anybody=True)
        return True

    @retried_on_conflict
    def add_missing_waves(self, execution_id: str, waves: Iterable[NewWave]) -> list[int]:
        """
        Add the waves of an execution that its plan has and this copy of the table has not.

        :return: their numbers.
        """
        known = {wave["waveNumber"] for wave in self._read_parts(execution_id)[0]}
        missing = [wave for wave in waves if wave.number not in known]
        for part in in_transactions(missing):
            self.table.transact([Put(wave_item(execution_id, wave), RECORD_IS_NEW) for wave in part])
        return [wave.number for wave in missing]

    def short_of_servers(self, execution_id: str) -> list[int]:
        """Waves that count more servers than this copy of the table has, or have none although checked."""
        execution = self._read_execution(execution_id)
        waves, servers, _ = self._read_parts(execution_id)
        there = Counter(server["waveNumber"] for server in servers)
        checked = "admittedTime" in execution
        return [
            wave["waveNumber"]
            for wave in waves
            if there[wave["waveNumber"]] < max(wave["progress"]["totalServers"], int(checked))
            and wave["status"] != WaveStatus.SKIPPED
        ]

    @retried_on_conflict
    def add_missing_servers(self, ref: WaveRef, servers: Iterable[NewServer]) -> list[str]:
        """
        Add servers of a wave that this copy of the table has not; :meth:`mend` counts them.

        :return: their ids.
        """
        execution = self._read_execution(ref.execution_id)
        known = {server["sourceServerId"] for server in self._read_servers(ref)}
        missing = [server for server in servers if server.source_server_id not in known]
        for part in in_transactions(missing):
            items = (server_item(execution, ref.number, server) for server in part)
            self.table.transact([Put(item, RECORD_IS_NEW) for item in items])
        return [server.source_server_id for server in missing]

    @retried_on_conflict
    def approve_started(self, ref: WaveRef, job_id: str) -> bool:
        """
        Record that the question before a wave was answered, since DRS has a job of it; who did is lost.

        :return: False if there is no open question.
        """
        execution, wave = self._read_together(ref)
        gate = wave.get("gate") or {}
        if gate.get("decision") != GateDecision.WAITING:
            return False
        now = self._now()
        comment = f"DRS has job {job_id} of this wave; who approved it is not in this copy of the table"
        answer = {"decision": GateDecision.APPROVED, "actor": "unknown", "decidedTime": now}
        waiting = [one for one in execution["waitingGates"] if one != ref.number]
        standing = self._standing(execution, execution["activeWaves"], waiting)
        self._commit(
            NewEvent("GATE_APPROVED", {"wave": ref.number, "comment": comment}, "unknown"),
            [
                execution_update(execution, now, standing),
                record_update(wave, {"gate": {**gate, **answer, "comment": comment}}),
            ],
        )
        return True

    @retried_on_conflict
    def mend(self, execution_id: str, also: Sequence[str] = ()) -> list[str]:
        """
        Count everything of an execution anew; tries of tasks, too: another Airflow counts them from now on.

        :param also: what else was wrong, for the event.
        :return: what was wrong, for people.
        """
        execution = self._read_execution(execution_id)
        waves, servers, steps = self._read_parts(execution_id)
        found = mending_of(execution, waves, servers, steps)
        changes = {wave["waveNumber"]: _forgotten_requests(wave) for wave in waves}
        for number, of_wave in found.waves.items():
            changes[number] = {**changes[number], **of_wave}
        updates = [record_update(w, changes[w["waveNumber"]]) for w in waves if changes[w["waveNumber"]]]
        told = [*also, *found.told]
        if not (told or updates):
            return []
        *earlier, last = in_transactions(updates) if updates else [()]
        for part in earlier:
            self.table.transact(part)
        standing = {**found.execution, **self._paused(execution, found.execution, waves)}
        update = execution_update(execution, self._now(), standing)
        if told:
            self._commit(NewEvent("EXECUTION_MENDED", {"mended": told}), [update, *last])
        else:
            self.table.transact([update, *last])
        return told

    def _paused(self, execution: Item, changes: Mapping[str, Any], waves: Sequence[Item]) -> Item:
        """The question that the execution waits for, as its waves have it."""
        if execution["status"].is_final:
            return {}
        after = {**execution, **changes}
        first = next(iter(after["waitingGates"]), None)
        opened = next((wave for wave in waves if wave["waveNumber"] == first), None)
        standing = self._standing(after, after["activeWaves"], after["waitingGates"], opened)
        return {"paused": standing["paused"]}


def _findable(execution: Item) -> list[Action]:
    """The records by which housekeeping finds what lives and what is due: they may not have come along."""
    if not execution["status"].is_final:
        return [Put(live_item(execution))]
    due = execution.get("terminateAfter")
    if due is None or execution["instancesTerminated"]:
        return []
    return [Put(due_item(execution["executionId"], due))]


def _forgotten_requests(wave: Item) -> Item:
    """Changes of a wave that was started: requests to try it again were numbered by another Airflow."""
    if "startTime" not in wave or wave.get("askedBy") == UNKNOWN_BASIS:
        return {}
    return {"askedBy": UNKNOWN_BASIS, "retryRequest": None}
