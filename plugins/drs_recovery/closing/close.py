"""
Close an execution: let no wave start, follow the jobs that still run, write the end.

The last step of a DAG run does this, and the reconciler does it for a run that never reaches its last step.
Each call polls once and never waits, so both can run in their own way and at the same time.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from drs_recovery.closing.outcome import Ending, Pending, settle_deadline, waves_with_running_jobs
from drs_recovery.exceptions import TransitionRefusedError, WaveFailedError
from drs_recovery.hooks import AWS_ERRORS, Clients, describe, is_transient
from drs_recovery.plan import plan_from_snapshot
from drs_recovery.settings import details_timeout
from drs_recovery.statuses import ServerPhase
from drs_recovery.store import ServerSeen, WavePoll, WaveRef
from drs_recovery.waves import (
    LATE_START_SECONDS,
    InstanceEnricher,
    WaveEnd,
    WaveWatcher,
    end_open_steps,
    has_ended,
    has_launched,
    last_trouble,
    leave_queue_early,
    leave_queues,
    may_get_jobs,
    needs_details,
    record_late_jobs,
    waves_to_search,
    waves_without_all_jobs,
)

if TYPE_CHECKING:
    from drs_recovery.store import ExecutionDocument, ExecutionStore, ServerStatus, Wave, WaveRecord


log = logging.getLogger(__name__)


class ExecutionCloser:
    """Close executions, with clients that are kept between them."""

    def __init__(self, store: ExecutionStore) -> None:
        self._store = store
        self._clients = Clients()

    def close(self, document: ExecutionDocument, ending: Ending) -> Pending | None:
        """
        Take an execution as far towards its final status as it can go now; a final one stays as it is.

        Where nothing of the execution still runs or is missing, its document stays true: what ends it is
        written on proof by the store's own look.

        :return: what is still to come; None if the execution has its final status.
        """
        if document["status"].is_final:
            return None
        self._stop_starts(document, ending)
        if pending := self._late_jobs(document):
            return pending
        if waves_to_search(document) or waves_with_running_jobs(document):
            document = self._anew(document)
            if pending := self._running_jobs(document):
                return pending
            document = self._anew(document)
        if any(needs_details(server) for wave in document["waves"] for server in wave["serverStatuses"]):
            if pending := self._late_instances(document):
                return pending
            document = self._anew(document)
        self._write(document, ending)
        return None

    def _anew(self, document: ExecutionDocument) -> ExecutionDocument:
        return self._store.get_document(document["executionId"])

    def _stop_starts(self, document: ExecutionDocument, ending: Ending) -> None:
        """A task that is being cancelled lives on for some seconds: from here on it may start nothing."""
        unstarted = waves_without_all_jobs(document)
        if waves_with_running_jobs(document) or unstarted:
            self._store.ending.begin_cancelling(document["executionId"], ending.actor, ending.reason)
        # At every look: such a task may also have joined the queue once more.
        for wave in unstarted:
            leave_queues(self._store, self._clients, wave, wave["serverStatuses"])
        leave_queue_early(self._store, self._clients, document)

    def _late_jobs(self, document: ExecutionDocument) -> Pending | None:
        """Look for jobs whose start was asked for while the run ended, or whose answer was lost."""
        for wave in waves_to_search(document):
            try:
                if record_late_jobs(self._store, document, wave):
                    continue
            except AWS_ERRORS as error:
                log.warning("wave %s: late jobs not found yet: %s", wave["waveNumber"], describe(error))
                # Nobody knows of a job as long as DRS does not answer.
                if is_transient(error) and time.time() < settle_deadline(document):
                    return Pending(f"DRS did not return the jobs of wave {wave['waveNumber']}")
            begun = float(self._store.get_execution(document["executionId"])["cancellingTime"])
            if wave["status"].is_active and time.time() < begun + LATE_START_SECONDS:
                return Pending(f"a job of wave {wave['waveNumber']} may still turn up")
        return None

    def _running_jobs(self, document: ExecutionDocument) -> Pending | None:
        deadline = settle_deadline(document)
        waves = waves_with_running_jobs(document)
        watcher = WaveWatcher(self._store, self._clients)
        looks = [watcher.look(WaveRef(document["executionId"], number)) for number in waves]
        if all(look.settled for look in looks) or time.time() >= deadline:
            return None
        names = ", ".join(str(number) for number in waves)
        return Pending(f"DRS jobs of wave {names} still run", tuple(waves), deadline)

    def _late_instances(self, document: ExecutionDocument) -> Pending | None:
        """Look for launched servers that lack their details."""
        deadline = settle_deadline(document) + details_timeout()
        is_over = time.time() >= deadline
        # Nobody looks for them any more after that: the record says of each server what was missing.
        enricher = InstanceEnricher(self._store, self._clients, 0 if is_over else details_timeout())
        looks = [
            enricher.enrich(WaveRef.of(wave), deadline, wave["serverStatuses"])
            for wave in document["waves"]
            if wave["jobs"]
        ]
        missing = [one for details in looks for one in details.waits_for]
        return None if is_over or not missing else Pending(f"late details of {', '.join(missing)}")

    def _write(self, document: ExecutionDocument, ending: Ending) -> None:
        execution_id = document["executionId"]
        if self._gives_up(document) or self._ends_steps(document, ending):
            document = self._anew(document)
        # What becomes of a wave that never started depends on what became of those that ran.
        for ends_now in (_runs, _is_open):
            if ending_waves := list(filter(ends_now, document["waves"])):
                for wave in ending_waves:
                    self._end_wave(document, wave, ending)
                document = self._anew(document)
        status, error = ending.status_of(document), ending.error_of(document)
        self._store.ending.finalize(execution_id, status, error, ending.actor, cancelled=ending.cancelled)

    def _ends_steps(self, document: ExecutionDocument, ending: Ending) -> bool:
        """From now on nobody follows the steps that were begun."""
        steps = [step for wave in document["waves"] for step in wave.get("steps", ())]
        why = (ending.reason, ending.actor)
        return end_open_steps(self._store, self._clients, steps, *why, cancelled=ending.cancelled)

    def _gives_up(self, document: ExecutionDocument) -> bool:
        """From now on nobody looks at servers that are still under way: their phase must not say "wait"."""
        wrote = False
        for wave in document["waves"]:
            started = [server for server in wave["serverStatuses"] if server.get("jobId")]
            under_way = [server for server in started if not server["phase"].is_end]
            failed = tuple(
                ServerSeen(
                    server["sourceServerId"],
                    phase=ServerPhase.FAILED,
                    fields={"error": server.get("error") or _why_given_up(wave, server)},
                )
                for server in under_way
            )
            if failed:
                poll = WavePoll(servers=failed, is_look=False)
                self._store.polls.record(WaveRef.of(wave), poll)
                wrote = True
        return wrote

    def _end_wave(self, document: ExecutionDocument, wave: Wave, ending: Ending) -> None:
        try:
            if ending.cancelled or not self._is_judged(document, wave):
                ending.end_wave(self._store, document, wave)
        except TransitionRefusedError as refused:
            # A task that was still alive ended the wave in this moment: its verdict stands.
            log.info("execution %s: %s", document["executionId"], refused)

    def _is_judged(self, document: ExecutionDocument, wave: Wave) -> bool:
        """Judge a wave as its last task would have, if all of its jobs have ended; whether it is judged."""
        is_started = wave["status"].is_active and not may_get_jobs(wave)
        if not is_started or not all(map(has_ended, wave["jobs"])):
            return False
        plan, execution_id = plan_from_snapshot(document["planSnapshot"]), document["executionId"]
        try:
            self._store.waves.start_polling(WaveRef.of(wave))
            WaveEnd(self._store, plan, WaveRef.of(wave)).end()
        except WaveFailedError as failed:
            log.info("execution %s: %s", execution_id, failed)
        return True


def _why_given_up(wave: WaveRecord, server: ServerStatus) -> str:
    if has_launched(server):
        trouble = last_trouble(wave.get("waitingFor"), wave.get("lastPollError"))
        return f"it was launched, but its details were not known when the execution ended{trouble}"
    status = next((job["status"] for job in wave["jobs"] if job["jobId"] == server["jobId"]), "not known")
    return (
        f"it was in phase {server['phase']} when the execution ended, its job {server['jobId']} {status}: "
        "its later result is not in this record"
    )


def _runs(wave: WaveRecord) -> bool:
    return wave["status"].is_active


def _is_open(wave: WaveRecord) -> bool:
    return not wave["status"].is_final
