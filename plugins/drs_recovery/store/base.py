"""The base of the execution store's classes: read records together, and commit transitions."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from drs_recovery.exceptions import (
    ExecutionNotFoundError,
    ForeignExecutionError,
    StoreConflictError,
    StoreError,
)
from drs_recovery.statuses import ACTIVE_WAVES, FINAL_EXECUTIONS, ExecutionStatus, GateDecision
from drs_recovery.store.expressions import Action, Item, Key, Put, Update
from drs_recovery.store.facts import foreign_controller
from drs_recovery.store.first_forms import NewEvent, event_item
from drs_recovery.store.keys import (
    END_OF_RANGE,
    event_prefix,
    execution_key,
    server_prefix,
    step_prefix,
    wave_key,
    wave_of_step,
)
from drs_recovery.store.refs import WaveRef
from drs_recovery.store.rules import standing_status
from drs_recovery.store.transaction import (
    RECORD_IS_NEW,
    FollowedWave,
    WaveRecords,
    execution_update,
    log_transition,
    retried_on_conflict,
)

if TYPE_CHECKING:
    from drs_recovery.store.facts import Record
    from drs_recovery.store.table import ExecutionsTable

_PAUSE_FIELDS = ("since", "message", "approvers", "deadline", "twoPerson")


class StoreBase:
    """The table and the clock behind an execution store."""

    def __init__(self, table: ExecutionsTable, clock: Callable[[], float] = time.time) -> None:
        self.table = table
        self._clock = clock

    def _now(self) -> float:
        return round(self._clock(), 3)

    def _read_execution(self, execution_id: str) -> Item:
        item = self.table.get(execution_key(execution_id))
        if item is None:
            raise ExecutionNotFoundError(execution_id)
        return item

    def _read_wave(self, ref: WaveRef) -> Item:
        item = self.table.get(wave_key(ref))
        return self._read_together(ref)[1] if item is None else item

    def _read_together(self, ref: WaveRef) -> tuple[Item, Item]:
        """Read EXECUTION and WAVE of one moment; one after the other, they could contradict each other."""
        keys = [execution_key(ref.execution_id), wave_key(ref)]
        execution, wave = self.table.get_together(keys)
        if execution is None:
            raise ExecutionNotFoundError(ref.execution_id)
        if wave is None:
            raise StoreError(f"execution {ref.execution_id} has no wave {ref.number}")
        return execution, wave

    def _read_servers(self, ref: WaveRef) -> list[Item]:
        prefix = server_prefix(ref.number)
        return self.table.query(ref.execution_id, prefix, prefix + END_OF_RANGE)

    def _read_steps(self, ref: WaveRef) -> list[Item]:
        prefix = step_prefix(ref.number)
        return self.table.query(ref.execution_id, prefix, prefix + END_OF_RANGE)

    def _known(self, ref: WaveRef, followed: FollowedWave | None = None) -> WaveRecords:
        """The records of a wave as somebody who follows it knows them, or read now."""
        if known := followed and followed.take():
            return known
        execution, wave = self._read_together(ref)
        return WaveRecords(execution, wave, self._read_servers(ref))

    @retried_on_conflict
    def _read_all(self, execution_id: str) -> tuple[Item, list[Item], list[Item], list[Item]]:
        """
        Read the execution, then its waves, then their steps and servers.

        In this order a part can only be newer than the whole above it: a final execution is never shown with
        a wave that still runs, nor a COMPLETED wave with a server that has no instance yet. Only a retry can
        reopen what was read as final a moment before, and then everything is read again.
        """
        execution = self._read_execution(execution_id)
        waves, servers, steps = self._read_parts(execution_id)
        if is_reopened(execution, waves):
            raise StoreConflictError([execution["recordKey"]])
        return execution, waves, servers, steps

    def _read_parts(self, execution_id: str) -> tuple[list[Item], list[Item], list[Item]]:
        """Waves, servers and steps."""
        rows = self.table.query(execution_id, "SERVER#", f"WAVE#{END_OF_RANGE}", backward=True)
        kinds = by_kind(rows)
        return kinds["WAVE"], kinds["SERVER"], kinds["STEP"]

    def _standing(
        self,
        execution: Item,
        active_waves: Sequence[int],
        waiting_gates: Sequence[int],
        opened: Item | None = None,
        *,
        waiting_steps: Sequence[str] | None = None,
        asked: Item | None = None,
    ) -> Item:
        """
        What active waves, waiting gates and steps make of the EXECUTION record.

        :param waiting_gates: numbers of the waves whose gates wait from now on, the longest waiting first.
        :param opened: a wave with a gate as it will be.
        :param waiting_steps: record keys of the steps that wait for people from now on; None for those that
            do and whose waves are active.
        :param asked: a step with a question as it will be.
        """
        known = execution.get("waitingSteps", [])
        steps = [key for key in known if wave_of_step(key) in active_waves]
        steps = steps if waiting_steps is None else list(waiting_steps)
        at_work = set(active_waves).difference(map(wave_of_step, steps))
        status = standing_status(execution["status"], at_work, [*waiting_gates, *steps])
        paused = None
        if status is ExecutionStatus.PAUSED and waiting_gates:
            first = waiting_gates[0]
            if opened is None or opened["waveNumber"] != first:
                opened = self._read_wave(WaveRef(execution["executionId"], first))
            paused = _pause(opened)
        elif status is ExecutionStatus.PAUSED:
            paused = _step_pause(self._step_as_asked(execution, steps[0], asked))
        return {
            "status": status,
            "paused": paused,
            "activeWaves": sorted(active_waves),
            "waitingGates": list(waiting_gates),
            **({"waitingSteps": steps} if steps or known else {}),
        }

    def _step_as_asked(self, execution: Item, record_key: str, asked: Item | None) -> Item:
        if asked is not None and asked["recordKey"] == record_key:
            return asked
        step = self.table.get(Key(execution["executionId"], record_key))
        if step is None or not step.get("gate"):
            raise StoreConflictError([record_key])
        return step

    def _commit(self, event: NewEvent, actions: Sequence[Action], *, by_anybody: bool = False) -> None:
        """
        Write a transition together with its event.

        :param by_anybody: a fact, or a wish, that any Airflow installation may put on record.
        :raises ForeignExecutionError: another installation runs the execution.
        """
        for action in () if by_anybody else actions:
            if isinstance(action, Update):
                self._demand_ours(action.stored)
        execution_id, moment = actions[0].key.execution_id, self._moment_of(actions)
        number = 0
        while True:
            put = Put(event_item(execution_id, event, moment, number), RECORD_IS_NEW)
            try:
                self.table.transact([*actions, put])
            except StoreConflictError as conflict:
                if set(conflict.record_keys) != {put.key.record_key}:
                    raise
                # Only the event's key was taken: the next number of that moment is free, or the one after it.
                number = max(number + 1, self._events_at(execution_id, moment))
            else:
                log_transition(event, actions)
                return

    def _demand_ours(self, record: Mapping[str, Any]) -> None:
        """
        Refuse a change of an execution that another installation runs; other records name none.

        A takeover counts up the version of the execution: nothing that was decided before it gets through.
        """
        name = self.table.installation
        if name and (controller := foreign_controller(record, name)):
            raise ForeignExecutionError(record["executionId"], controller, name)

    @retried_on_conflict
    def _tell_once(self, execution_id: str, event: NewEvent, of: str) -> bool:
        """Write an event that is no transition, unless there is one about the same part of its detail."""
        told = self.table.query(execution_id, "EVENT#", f"EVENT#{END_OF_RANGE}")
        subject = event.name, event.detail[of]
        if any((one["event"], one["detail"].get(of)) == subject for one in told):
            return False
        self._commit(event, [execution_update(self._read_execution(execution_id), self._now(), {})])
        return True

    def _events_at(self, execution_id: str, moment: float) -> int:
        """Count the events of one moment: the number of the next one."""
        prefix = event_prefix(moment)
        return len(self.table.query(execution_id, prefix, prefix + END_OF_RANGE))

    def _moment_of(self, actions: Sequence[Action]) -> float:
        """
        Time of a transition: what it makes the EXECUTION record's ``lastUpdatedTime``, which never goes back.

        So events stay in the order in which things happened, also when the hosts' clocks disagree.
        """
        return next((time for action in actions if (time := _updated_time(action)) is not None), self._now())


def _updated_time(action: Action) -> float | None:
    match action:
        case Put(item=values) | Update(changes=values):
            time: float | None = values.get("lastUpdatedTime")
            return time
    return None


def _pause(wave: Record) -> Item:
    gate = _waiting_gate(wave)
    if gate is None:
        # EXECUTION names the gate already: the transaction that opens it is still being written.
        raise StoreConflictError([wave["recordKey"]])
    return {"wave": wave["waveNumber"], **{name: gate[name] for name in _PAUSE_FIELDS if name in gate}}


def _step_pause(step: Record) -> Item:
    gate, at = step["gate"], {"wave": step["waveNumber"], "side": step["side"], "step": step["stepNumber"]}
    return {**at, **{name: gate[name] for name in _PAUSE_FIELDS if name in gate}}


def by_kind(rows: Iterable[Item]) -> dict[str, list[Item]]:
    """Records by the first word of their keys; of a kind that there is not, none."""
    kinds: dict[str, list[Item]] = defaultdict(list)
    for row in rows:
        kinds[row["recordKey"].partition("#")[0]].append(row)
    return kinds


def _waiting_gate(wave: Record) -> Item | None:
    """The open question of a wave: before its start, or about its failure."""
    gates = (wave.get("gate"), wave.get("failureGate"))
    return next((gate for gate in gates if gate and gate["decision"] == GateDecision.WAITING), None)


def is_reopened(execution: Mapping[str, Any], waves: Iterable[Item]) -> bool:
    """Whether a retry has begun since the EXECUTION record was read."""
    return is_final(execution) and any(wave["status"] in ACTIVE_WAVES for wave in waves)


def is_final(item: Mapping[str, Any]) -> bool:
    """Whether an EXECUTION record, or a row of an index that shows its status, tells of an end."""
    return item.get("status") in FINAL_EXECUTIONS
