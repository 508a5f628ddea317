"""
The execution store: the durable record of every execution, written by transitions that cannot contradict it.

Every transition and its EVENT record are one transaction. Polls never set the status of an execution.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from drs_recovery.exceptions import StoreConflictError, TransitionRefusedError
from drs_recovery.statuses import FindingSeverity, WaveStatus
from drs_recovery.store.ending import Ending
from drs_recovery.store.expressions import MAX_TRANSACTION_ACTIONS, Check, Item, Put
from drs_recovery.store.facts import foreign_controller
from drs_recovery.store.first_forms import (
    NewEvent,
    execution_item,
    listing_items,
    live_item,
    server_item,
    step_item,
    wave_item,
)
from drs_recovery.store.gates import Gates
from drs_recovery.store.instances import Instances
from drs_recovery.store.job_queue import JobQueue
from drs_recovery.store.keys import execution_key
from drs_recovery.store.listings import Listings
from drs_recovery.store.locks import ActionLock, Installations, Notifications, PlanLocks
from drs_recovery.store.plans import Plans
from drs_recovery.store.points import Points
from drs_recovery.store.polls import Polls, Waits
from drs_recovery.store.purging import Purges
from drs_recovery.store.reads import StoreReads
from drs_recovery.store.records import NewExecution, NewFinding, NewServer
from drs_recovery.store.refs import WaveRef
from drs_recovery.store.retries import Retries
from drs_recovery.store.rules import (
    EXECUTION_SUBJECT,
    demand_live,
    wave_subject,
)
from drs_recovery.store.steps import Steps
from drs_recovery.store.takeovers import Takeovers
from drs_recovery.store.terminations import Terminations
from drs_recovery.store.transaction import (
    RECORD_IS_NEW,
    execution_growth,
    execution_update,
    record_update,
    retried_on_conflict,
)
from drs_recovery.store.values import limited, present
from drs_recovery.store.waves import Waves

if TYPE_CHECKING:
    from drs_recovery.store.execution_types import ExecutionRecord
    from drs_recovery.store.table import ExecutionsTable

# A record of DynamoDB has room for 400 KB, and every look at the execution reads all of it.
MOST_FINDINGS = 100

# Servers can be added until the jobs of their wave are started; a skipped wave shows what it passes over.
_OPEN_FOR_SERVERS = frozenset({WaveStatus.NOT_STARTED, WaveStatus.PENDING, WaveStatus.SKIPPED})


class ExecutionStore(StoreReads):
    """
    Read executions and open them; everything else has a part of its own.

    The first parts write the life of an execution, the others partitions of their own.
    """

    def __init__(self, table: ExecutionsTable, clock: Callable[[], float] = time.time) -> None:
        super().__init__(table, clock)
        self.instances = Instances(table, clock)
        self.waves = Waves(table, clock, self.instances)
        self.steps = Steps(table, clock)
        self.gates = Gates(table, clock)
        self.polls = Polls(table, clock)
        self.points = Points(table, clock)
        self.waits = Waits(table, clock)
        self.ending = Ending(table, clock)
        self.terminations = Terminations(table, clock, self.instances)

        self.locks = PlanLocks(table, clock)
        self.retries = Retries(table, clock, self.locks)
        self.queue = JobQueue(table, clock)
        self.listings = Listings(table, clock)
        self.action_lock = ActionLock(table, clock)
        self.installations = Installations(table, clock)
        self.plans = Plans(table, clock)
        self.purges = Purges(table, clock)
        self.takeovers = Takeovers(table, clock)
        self.notifications = Notifications(table, clock)

    def act_for(self, installation: str | None) -> None:
        """
        Change executions in the name of an Airflow installation from now on: only its own.

        :param installation: None for one that is not known, which is not held to anything.
        """
        self.table.installation = installation

    def is_ours(self, execution: Mapping[str, Any]) -> bool:
        """Whether the installation in whose name this store acts may change an execution."""
        return self.table.installation is None or not foreign_controller(execution, self.table.installation)

    def get_own_execution(self, execution_id: str) -> ExecutionRecord:
        """
        Read the EXECUTION record right before something is started or ended for it.

        :raises ForeignExecutionError: another installation runs it, perhaps since a moment ago.
        """
        execution = self.get_execution(execution_id)
        self._demand_ours(execution)
        return execution

    def create_execution(self, new: NewExecution) -> bool:
        """
        Open an execution, once: a record with all its waves appears, or nothing.

        :return: False if there was one with that id already, which then stays as it is.
        """
        now = self._now()
        record = Put(execution_item(new, now), RECORD_IS_NEW)
        listings = [Put(item) for item in [*listing_items(new, now), live_item(record.item)]]
        waves = [Put(wave_item(new.execution_id, wave)) for wave in new.waves]
        steps = [
            Put(step_item(WaveRef(new.execution_id, w.number), step)) for w in new.waves for step in w.steps
        ]
        room = MAX_TRANSACTION_ACTIONS - 2 - len(listings)
        try:
            self._put_early(new.execution_id, [*waves[room:], *steps])
            detail = {"executionType": new.execution_type, "ticket": new.ticket, "reason": new.reason}
            event = NewEvent("EXECUTION_OPENED", detail, new.initiated_by)
            self._commit(event, [record, *listings, *waves[:room]])
        except StoreConflictError:
            if self.table.get(record.key) is None:
                raise
            return False
        return True

    def _put_early(self, execution_id: str, parts: Sequence[Put]) -> None:
        """
        Write steps, and waves for which the opening transaction has no room; no reader looks at them before.

        They replace those of an opening that died here.
        """
        not_open_yet = Check(execution_key(execution_id), RECORD_IS_NEW)
        room = MAX_TRANSACTION_ACTIONS - 1
        for start in range(0, len(parts), room):
            self.table.transact([not_open_yet, *parts[start : start + room]])

    def add_servers(self, ref: WaveRef, servers: Sequence[NewServer]) -> None:
        """Add servers to a wave; see :meth:`add_servers_of_waves`."""
        self.add_servers_of_waves(ref.execution_id, {ref.number: servers})

    @retried_on_conflict
    def add_servers_of_waves(self, execution_id: str, servers: Mapping[int, Sequence[NewServer]]) -> None:
        """
        Add servers to waves; those that they have already stay as they are.

        :raises TransitionRefusedError: a wave's jobs are started, or the execution has ended.
        """
        execution, waves, known, _ = self._read_all(execution_id)
        by_number = {wave["waveNumber"]: wave for wave in waves}
        ids = {(server["waveNumber"], server["sourceServerId"]) for server in known}
        missing = [
            (number, server)
            for number, of_wave in servers.items()
            for server in of_wave
            if (number, server.source_server_id) not in ids
        ]
        growing = {number for number, _ in missing}
        for number in growing:
            _demand_open(execution, by_number[number])
        # Each server of a transaction may be another wave's; beside them there is the EXECUTION record.
        room = MAX_TRANSACTION_ACTIONS - 1 - min(len(growing), MAX_TRANSACTION_ACTIONS // 2)
        for start in range(0, len(missing), room):
            part = missing[start : start + room]
            counts = Counter(number for number, _ in part)
            self.table.transact(
                [
                    execution_growth(execution, self._now(), {}, _growth(len(part))),
                    *(record_update(by_number[n], {}, _growth(count)) for n, count in counts.items()),
                    *(Put(server_item(execution, n, server), RECORD_IS_NEW) for n, server in part),
                ]
            )
            for number in counts:
                wave = by_number[number]
                by_number[number] = {**wave, "version": wave["version"] + 1}

    @retried_on_conflict
    def admit(self, execution_id: str) -> bool:
        """
        Record that everything was checked and every server is on record: from now on waves may start.

        :return: False if it was admitted already.
        :raises TransitionRefusedError: the execution has ended.
        """
        execution = self._read_execution(execution_id)
        if "admittedTime" in execution:
            return False
        demand_live(execution, EXECUTION_SUBJECT, "admitted")
        now = self._now()
        update = execution_update(execution, now, {"admittedTime": now, "waitingFor": None})
        self._commit(NewEvent("EXECUTION_ADMITTED"), [update])
        return True

    @retried_on_conflict
    def set_error(self, execution_id: str, message: str) -> bool:
        """
        Record why an execution does not end well; the first error stands.

        :return: False if it had an error already.
        :raises TransitionRefusedError: the execution has ended.
        """
        execution = self._read_execution(execution_id)
        if "error" in execution:
            return False
        demand_live(execution, EXECUTION_SUBJECT, "given an error")
        error = limited(message)
        update = execution_update(execution, self._now(), {"error": error})
        self._commit(NewEvent("EXECUTION_ERROR", {"error": error}), [update])
        return True

    @retried_on_conflict
    def set_findings(self, execution_id: str, findings: Sequence[NewFinding]) -> bool:
        """
        Record what a preflight found; a later preflight of the same execution replaces it.

        Errors come first. Of more than a hundred findings the rest is only counted, here and in the event.

        :param findings: all of them; none means that everything is fine.
        :return: False if the record says so already.
        :raises TransitionRefusedError: the execution has ended.
        """
        execution = self._read_execution(execution_id)
        demand_live(execution, EXECUTION_SUBJECT, "checked")
        items = _finding_items(findings)
        if execution.get("findings") == items:
            return False
        counts = Counter(finding.severity for finding in findings)
        detail = {"errors": counts[FindingSeverity.ERROR], "warnings": counts[FindingSeverity.WARNING]}
        update = execution_update(execution, self._now(), {"findings": items})
        self._commit(NewEvent("PREFLIGHT", detail), [update])
        return True

    @retried_on_conflict
    def begin_rebuilding(self, execution_id: str, reason: str) -> None:
        """
        Record that an execution is being rebuilt: from now on nothing of it starts, and none ends COMPLETED.

        :param reason: what was lost, for people; stands before an error that was recorded already.
        :raises TransitionRefusedError: the execution has ended.
        """
        execution = self._read_execution(execution_id)
        if "rebuilt" in execution:
            return
        demand_live(execution, EXECUTION_SUBJECT, "rebuilt")
        error = limited("\n".join(text for text in (reason, execution.get("error")) if text))
        # Without this time no wave starts, whatever a task makes of it.
        changes = {"rebuilt": False, "error": error, "admittedTime": None}
        event = NewEvent("EXECUTION_REBUILDING", {"reason": reason})
        self._commit(event, [execution_update(execution, self._now(), changes)])

    @retried_on_conflict
    def rebuild_wave(self, ref: WaveRef, start: float, attempt: int) -> None:
        """
        Record that a wave was started, since DRS has jobs of it.

        :param start: epoch seconds of its first job.
        :raises TransitionRefusedError: the execution has ended.
        """
        execution, wave = self._read_together(ref)
        if "startTime" in wave:
            return
        demand_live(execution, wave_subject(wave), WaveStatus.PENDING)
        if wave["status"].is_final:
            raise TransitionRefusedError(wave_subject(wave), wave["status"], WaveStatus.PENDING)
        changes = {"status": WaveStatus.PENDING, "startTime": start, "askedBy": 0}
        if attempt > 1:
            changes |= {"attempt": attempt, "attemptTime": start}
        active: Sequence[int] = [*execution["activeWaves"], ref.number]
        started = {
            "startTime": min(start, execution.get("startTime", start)),
            "currentWave": max(execution["currentWave"], ref.number),
        }
        standing = self._standing(execution, active, execution["waitingGates"])
        self._commit(
            NewEvent("WAVE_REBUILT", {"wave": ref.number, "attempt": attempt}),
            [execution_update(execution, self._now(), {**standing, **started}), record_update(wave, changes)],
        )

    @retried_on_conflict
    def end_rebuilding(self, execution_id: str, jobs: Sequence[str]) -> None:
        """Record that everything is in an execution's record that DRS knows of it."""
        execution = self._read_execution(execution_id)
        if execution.get("rebuilt") is False:
            event = NewEvent("EXECUTION_REBUILT", {"jobs": list(jobs)})
            self._commit(event, [execution_update(execution, self._now(), {"rebuilt": True})])


def _demand_open(execution: Item, wave: Item) -> None:
    demand_live(execution, wave_subject(wave), "open for more servers")
    if wave["status"] not in _OPEN_FOR_SERVERS:
        raise TransitionRefusedError(wave_subject(wave), wave["status"], "open for more servers")


def _growth(servers: int) -> dict[str, int]:
    return {"progress.totalServers": servers, "progress.pending": servers}


def _finding_items(findings: Sequence[NewFinding]) -> list[Item]:
    ordered = sorted(findings, key=lambda finding: finding.severity is not FindingSeverity.ERROR)
    if len(ordered) > MOST_FINDINGS:
        left_out = len(ordered) - MOST_FINDINGS + 1
        more = NewFinding(
            ordered[MOST_FINDINGS - 1].severity,
            f"there are {left_out} more findings",
            "see the log of the task open_execution",
        )
        ordered = [*ordered[: MOST_FINDINGS - 1], more]
    return [_finding_item(finding) for finding in ordered]


def _finding_item(finding: NewFinding) -> Item:
    return {
        "severity": finding.severity,
        "what": finding.what,
        "remedy": finding.remedy,
        **present(
            {
                "sourceServerId": finding.source_server_id,
                "serverName": finding.server_name,
                "waveNumber": finding.wave_number,
            }
        ),
    }
