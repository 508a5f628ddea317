"""
The execution store: the durable record of every execution, written by transitions that cannot contradict it.

Every transition and its EVENT record are one transaction. Polls never set the status of an execution.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from drs_recovery.exceptions import StoreConflictError, TransitionRefusedError
from drs_recovery.statuses import ExecutionStatus, SkipCause, WaveStatus
from drs_recovery.store.cancels import StoreCancels
from drs_recovery.store.documents import (
    ENGINE,
    Event,
    compose,
    due_item,
    execution_item,
    limited,
    listing_items,
    live_item,
    present,
    server_item,
    wave_item,
)
from drs_recovery.store.expressions import Action, Check, Condition, Delete, Item, Put, Update
from drs_recovery.store.facts import has_instances_left, instances_of
from drs_recovery.store.findings import StoreFindings
from drs_recovery.store.job_queue import JobQueue
from drs_recovery.store.keys import execution_key, key_of, live_key
from drs_recovery.store.listings import Listings
from drs_recovery.store.locks import ActionLock, Installations, Notifications, PlanLocks
from drs_recovery.store.polls import StorePolls
from drs_recovery.store.rebuilding import StoreRebuilding
from drs_recovery.store.records import NewExecution, NewServer
from drs_recovery.store.retries import StoreRetries
from drs_recovery.store.retry_requests import StoreRetryRequests
from drs_recovery.store.rules import (
    EXECUTION_SUBJECT,
    can_terminate,
    demand_final_transition,
    demand_live,
    final_status,
    measured_objectives,
    seconds_between,
    termination_time,
    wave_subject,
)
from drs_recovery.store.table import MAX_TRANSACTION_ACTIONS, ExecutionsTable
from drs_recovery.store.terminations import StoreTerminations
from drs_recovery.store.transaction import (
    RECORD_IS_AS_READ,
    RECORD_IS_NEW,
    execution_growth,
    execution_update,
    record_update,
    retried_on_conflict,
)
from drs_recovery.store.waits import Waits

__all__ = ["ExecutionStore", "can_terminate", "final_status"]

# Servers can be added until the jobs of their wave are started; a skipped wave shows what it passes over.
_OPEN_FOR_SERVERS = frozenset({WaveStatus.NOT_STARTED, WaveStatus.PENDING, WaveStatus.SKIPPED})


class ExecutionStore(
    StoreTerminations,
    StoreRetries,
    StoreRebuilding,
    StoreRetryRequests,
    StorePolls,
    StoreCancels,
    StoreFindings,
):
    """
    The records of executions; what lies in partitions of its own is an attribute each.

    :param table: the table of executions.
    :param clock: gives epoch seconds.
    """

    def __init__(self, table: ExecutionsTable, clock: Callable[[], float] = time.time) -> None:
        super().__init__(table, clock)
        self.listings = Listings(table, clock)
        self.queue = JobQueue(table, clock)
        self.waits = Waits(table, clock)
        self.locks = PlanLocks(table, clock)
        self.action_lock = ActionLock(table, clock)
        self.installations = Installations(table, clock)
        self.notifications = Notifications(table, clock)

    def create_execution(self, new: NewExecution) -> bool:
        """
        Open an execution, once: a record with all its waves appears, or nothing.

        :param new: the execution.
        :return: False if there was one with that id already, which then stays as it is.
        """
        now = self._now()
        record = Put(execution_item(new, now), RECORD_IS_NEW)
        listings = [Put(item) for item in [*listing_items(new, now), live_item(record.item)]]
        waves = [Put(wave_item(new.execution_id, wave)) for wave in new.waves]
        room = MAX_TRANSACTION_ACTIONS - 2 - len(listings)
        try:
            self._put_early(new.execution_id, waves[room:])
            detail = {"executionType": new.execution_type, "ticket": new.ticket, "reason": new.reason}
            event = Event("EXECUTION_OPENED", detail, new.initiated_by)
            self._commit(event, [record, *listings, *waves[:room]])
        except StoreConflictError:
            if self.table.get(record.key) is None:
                raise
            return False
        return True

    def _put_early(self, execution_id: str, waves: Sequence[Put]) -> None:
        """
        Write the waves for which the opening transaction has no room; no reader looks at them before it.

        They replace those of an opening that died here.
        """
        if waves:
            not_open_yet = Check(execution_key(execution_id), RECORD_IS_NEW)
            self.table.transact([not_open_yet, *waves])

    def add_servers(self, execution_id: str, number: int, servers: Sequence[NewServer]) -> None:
        """
        Add servers to a wave; see :meth:`add_servers_of_waves`.

        :param execution_id: the execution.
        :param number: the wave, from 1.
        :param servers: the servers.
        """
        self.add_servers_of_waves(execution_id, {number: servers})

    @retried_on_conflict
    def add_servers_of_waves(self, execution_id: str, servers: Mapping[int, Sequence[NewServer]]) -> None:
        """
        Add servers to waves; those that they have already stay as they are.

        :param execution_id: the execution.
        :param servers: the servers of each wave, by its number.
        :raises TransitionRefusedError: a wave's jobs are started, or the execution has ended.
        """
        execution, waves, known = self._read_all(execution_id)
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

        :param execution_id: the execution.
        :return: False if it was admitted already.
        :raises TransitionRefusedError: the execution has ended.
        """
        execution = self._read_execution(execution_id)
        if "admittedTime" in execution:
            return False
        demand_live(execution, EXECUTION_SUBJECT, "admitted")
        now = self._now()
        update = execution_update(execution, now, {"admittedTime": now, "waitingFor": None})
        self._commit(Event("EXECUTION_ADMITTED"), [update])
        return True

    @retried_on_conflict
    def set_error(self, execution_id: str, message: str) -> bool:
        """
        Record why an execution does not end well; the first error stands.

        :param execution_id: the execution.
        :param message: for people.
        :return: False if it had an error already.
        :raises TransitionRefusedError: the execution has ended.
        """
        execution = self._read_execution(execution_id)
        if "error" in execution:
            return False
        demand_live(execution, EXECUTION_SUBJECT, "given an error")
        error = limited(message)
        update = execution_update(execution, self._now(), {"error": error})
        self._commit(Event("EXECUTION_ERROR", {"error": error}), [update])
        return True

    @retried_on_conflict
    def finalize(
        self,
        execution_id: str,
        status: ExecutionStatus,
        error: str | None = None,
        actor: str = ENGINE,
        *,
        cancelled: bool = False,
    ) -> bool:
        """
        End an execution, once: what it ended with never changes.

        A wave that still could start ends with it: a retry may have reopened it a moment before.

        :param execution_id: the execution.
        :param status: a final status.
        :param error: why it did not end well; an error that is recorded already stands.
        :param actor: who ends it.
        :param cancelled: whether it is ended before its time, whatever the status.
        :return: False if it had ended already.
        :raises TransitionRefusedError: a wave is active, the records do not prove COMPLETED, or what is to be
            SKIPPED has begun or is being cancelled.
        """
        if not status.is_final:
            raise ValueError(f"{status} is not a final status")
        execution, waves, servers = self._read_all(execution_id)
        if ExecutionStatus(execution["status"]).is_final:
            return False
        document = compose(execution, waves, servers)
        demand_final_transition(document, status)
        now = self._now()
        end = max(now, execution.get("startTime", now))
        told = execution.get("error", error and limited(error))
        cut_short = (cancelled and status is not ExecutionStatus.COMPLETED) or None
        changes = {**_ending(document, status, end), **present({"error": told, "cancelled": cut_short})}
        unstarted = [wave for wave in waves if wave["status"] == WaveStatus.NOT_STARTED]
        ended = "skippedWaves" if status is ExecutionStatus.SKIPPED else "cancelledWaves"
        detail = {
            "error": changes.get("error"),
            ended: [wave["waveNumber"] for wave in unstarted] or None,
        }
        actions: list[Action] = [
            execution_update(execution, now, changes),
            Delete(live_key(execution_id)),
            *_due(execution_id, changes.get("terminateAfter")),
        ]
        waves_end = [record_update(wave, {**_ended_with(status, told), "endTime": end}) for wave in unstarted]
        room = MAX_TRANSACTION_ACTIONS - 1 - len(actions)
        self._end_early(execution, waves_end[room:])
        self._commit(Event(f"EXECUTION_{status}", detail, actor), [*actions, *waves_end[:room]])
        return True

    def _end_early(self, execution: Item, waves: Sequence[Update]) -> None:
        """End the waves for which the ending transaction has no room: no wave may outlive its execution."""
        if waves:
            nothing_else_happened = Check(
                key_of(execution), Condition(RECORD_IS_AS_READ, {"readVersion": execution["version"]})
            )
            self.table.transact([nothing_else_happened, *waves])


def _demand_open(execution: Item, wave: Item) -> None:
    demand_live(execution, wave_subject(wave), "open for more servers")
    if WaveStatus(wave["status"]) not in _OPEN_FOR_SERVERS:
        raise TransitionRefusedError(wave_subject(wave), wave["status"], "open for more servers")


def _growth(servers: int) -> dict[str, int]:
    return {"progress.totalServers": servers, "progress.pending": servers}


def _ended_with(status: ExecutionStatus, told: str | None) -> Item:
    """What the end of an execution makes of a wave that has not started."""
    if status is not ExecutionStatus.SKIPPED:
        return {"status": WaveStatus.CANCELLED, "statusReason": "not started: the execution ended"}
    return {
        "status": WaveStatus.SKIPPED,
        "skipCause": SkipCause.EXECUTION_SKIPPED,
        "statusReason": told or "not started: the execution was not run",
    }


def _ending(document: Item, status: ExecutionStatus, end: float) -> Item:
    left = has_instances_left(document)
    return {
        "status": status,
        "paused": None,
        "waitingGates": [],
        "waitingFor": None,
        "endTime": end,
        "duration": seconds_between(document.get("startTime") or document["submittedTime"], end),
        "measured": measured_objectives(document, status, end),
        # Lists show executions without their servers: a server that failed may have an instance, too.
        "instancesLeft": left or (False if _launched_any(document) else None),
        "terminateAfter": termination_time(document, end) if left else None,
    }


def _launched_any(document: Item) -> bool:
    return any(instances_of(server) for wave in document["waves"] for server in wave["serverStatuses"])


def _due(execution_id: str, time: float | None) -> list[Put]:
    """The record by which housekeeping finds the instances that this execution leaves."""
    return [] if time is None else [Put(due_item(execution_id, time))]
