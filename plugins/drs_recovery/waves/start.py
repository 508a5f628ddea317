"""Start the DRS jobs of a wave's attempt: adopt what exists, start the rest, or say when to try again."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from drs_recovery.durations import moment
from drs_recovery.exceptions import (
    ExecutionError,
    InstancesInUseError,
    JobStartError,
    NotStartedError,
    WaveFailedError,
    WaveRefusedError,
)
from drs_recovery.hooks import Clients, Target
from drs_recovery.jobs import (
    JobPart,
    JobStarter,
    QueuedError,
    Started,
    awaited_parts,
    jobs_of_attempt,
    parts_of_attempt,
)
from drs_recovery.plan import plan_from_snapshot
from drs_recovery.statuses import ServerPhase
from drs_recovery.store import FollowedWave, ServerSeen, WavePoll, WaveRef, attempt_of, limited
from drs_recovery.waves.points_in_time import SnapshotCheck
from drs_recovery.waves.polling import WaveWatcher
from drs_recovery.waves.reservations import WaveReservations, leave_queues
from drs_recovery.waves.rules import check_not_ending, deadline_of, wave_label, wave_of

if TYPE_CHECKING:
    from drs_recovery.airflow_versions import TaskMemory
    from drs_recovery.store import Execution, ExecutionDocument, ExecutionRecord, ExecutionStore, WaveRecord

log = logging.getLogger(__name__)


ChooseServers = Callable[["ExecutionStore", Clients, WaveRef], None]


class WaveStarter:
    """
    Start the jobs of waves whose start was requested.

    :param choose_servers: decides which servers a retry starts again; None for a first start.
    """

    def __init__(
        self, store: ExecutionStore, memory: TaskMemory, choose_servers: ChooseServers | None = None
    ) -> None:
        self._store = store
        self._memory = memory
        self._choose_servers = choose_servers
        self._clients = Clients()

    def start(
        self,
        ref: WaveRef,
        document: ExecutionDocument | None = None,
        followed: FollowedWave | None = None,
    ) -> list[str]:
        """
        Make sure that every job of the wave's attempt is started and recorded.

        A job that AWS refuses for good fails its servers alone: the wave is judged by all of them at its end.

        :param document: the execution document as the request left it, if it was made just now.
        :raises NotStartedError: not all now; the same call goes on later.
        :raises ExecutionError: the wave cannot start; it is FAILED, unless the execution is ending.
        """
        try:
            return self._start(ref, document, followed or FollowedWave())
        except NotStartedError as error:
            self._give_up_in_time(ref, error, self._told_since(ref, error))
            # The parts that did start go on meanwhile.
            WaveWatcher(self._store).look(ref)
            raise
        except WaveRefusedError:
            self.leave_queues(ref)
            raise
        except ExecutionError as error:
            self._fail(ref, error)
            raise

    def _told_since(self, ref: WaveRef, error: NotStartedError) -> float | None:
        """Put on record what the wave waits for, and since when; of its turn, the queue tells."""
        if isinstance(error, QueuedError):
            self._store.waits.end(ref)
            return None
        return self._store.waits.note(ref.execution_id, str(error), ref.number)

    def leave_queues(self, ref: WaveRef) -> None:
        """Take the waiting jobs of a wave that starts no more out of the queues."""
        wave = self._store.get_wave(ref)
        leave_queues(self._store, self._clients, wave, self._store.get_servers(ref))

    def _start(
        self,
        ref: WaveRef,
        document: ExecutionDocument | None,
        followed: FollowedWave,
    ) -> list[str]:
        if document is None:
            if self._choose_servers:
                self._choose_servers(self._store, self._clients, ref)
            document, followed = self._store.follow(ref)
        wave = wave_of(document, ref.number)
        parts = awaited_parts(wave, wave["serverStatuses"])
        known = jobs_of_attempt(wave) | self._start_parts(document, wave, parts, followed)
        if not known:
            self._demand_a_job(wave)
        self._store.waves.start_polling(ref, followed)
        return [known[part_number] for part_number in sorted(known)]

    def _start_parts(
        self,
        execution: ExecutionRecord,
        wave: WaveRecord,
        parts: Sequence[JobPart],
        followed: FollowedWave,
    ) -> dict[int, str]:
        """Start what can be started now, target by target: a full Region does not hold up another one."""
        reservations = WaveReservations(self._store, self._clients, execution, wave)
        started: dict[int, str] = {}
        delays: dict[Target, NotStartedError] = {}
        for part in parts:
            if part.target in delays:
                if isinstance(delays[part.target], QueuedError):
                    reservations.join(part)
                continue
            # Somebody may have cancelled while the parts before this one were started.
            execution = execution if part is parts[0] else self._store.get_execution(wave["executionId"])
            check_not_ending(execution)
            try:
                started[part.number] = self._start_part(execution, wave, part, reservations, followed)
            except NotStartedError as error:
                delays[part.target] = error
            except (JobStartError, InstancesInUseError) as error:
                self._refuse(wave, part, error)
        if delays:
            raise self._told(wave, list(delays.values()))
        return started

    def _start_part(
        self,
        execution: Execution,
        wave: WaveRecord,
        part: JobPart,
        reservations: WaveReservations,
        followed: FollowedWave,
    ) -> str:
        starter = JobStarter(self._clients, execution, wave)
        remembered = self._memory.get(_memory_key(wave, part.number))
        snapshots = SnapshotCheck(self._clients, wave, self._memory)
        try:
            started = starter.start_or_adopt(part, reservations, remembered, snapshots.demand)
        except JobStartError:
            # One that has gone since the last look: DRS names no other ones.
            snapshots.explain(part)
            raise
        finally:
            self._tell_ignored(wave, part, starter.ignored)
        self._record(wave, started, followed)
        reservations.started(part, started.job.job_id)
        return started.job.job_id

    def _refuse(self, wave: WaveRecord, part: JobPart, error: ExecutionError) -> None:
        """Fail the servers of a job that is not started, now or later; those of the other jobs go on."""
        ref = WaveRef.of(wave)
        log.warning("%s: %s", ref, error)
        why = {"error": limited(str(error))}
        failed = tuple(ServerSeen(one, phase=ServerPhase.FAILED, fields=why) for one in part.server_ids)
        servers = self._store.polls.record(ref, WavePoll(servers=failed, is_look=False))
        leave_queues(self._store, self._clients, wave, servers, [part.number])

    def _demand_a_job(self, wave: WaveRecord) -> None:
        """Without any job there is nothing to follow; ends the wave with what AWS said, target by target."""
        servers = self._store.get_servers(WaveRef.of(wave))
        if parts_of_attempt(wave, servers) and not any("jobId" in server for server in servers):
            raise JobStartError("\n".join(dict.fromkeys(str(server.get("error")) for server in servers)))

    def _told(self, wave: WaveRecord, delays: Sequence[NotStartedError]) -> NotStartedError:
        """Record where the wave stands in the queue, and choose what it waits for: what passes soonest."""
        queued = [delay for delay in delays if isinstance(delay, QueuedError)]
        if queued:
            last = max(queued, key=lambda delay: delay.queue_position.number)
            self._store.waits.queue_wave(
                WaveRef.of(wave),
                last.queue_position.number,
                last.queue_position.reason,
            )
        else:
            self._store.waits.end_queueing(WaveRef.of(wave))
        others = [delay for delay in delays if not isinstance(delay, QueuedError)]
        return min(others or queued, key=lambda delay: math.inf if delay.pause is None else delay.pause)

    def _fail(self, ref: WaveRef, error: ExecutionError) -> None:
        self._store.waves.fail(ref, str(error))
        self.leave_queues(ref)

    def _record(self, wave: WaveRecord, started: Started, followed: FollowedWave) -> None:
        job, ref = started.job, WaveRef.of(wave)
        self._memory.set(_memory_key(wave, job.part), job.job_id)
        self._store.waves.record_job(ref, job, adopted=started.adopted, followed=followed)
        verb = "adopted" if started.adopted else "started"
        log.info("%s: %s %s", ref, verb, job.job_id)

    def _tell_ignored(self, wave: WaveRecord, part: JobPart, ignored: Mapping[str, str]) -> None:
        """Put on record which jobs were named as the part's and are not; the next try starts without them."""
        for job_id, why in ignored.items():
            self._store.waves.ignore_job(WaveRef.of(wave), job_id, why)
        if str(self._memory.get(_memory_key(wave, part.number))) in ignored:
            self._memory.set(_memory_key(wave, part.number), "")

    def _give_up_in_time(self, ref: WaveRef, error: NotStartedError, since: float | None) -> None:
        execution = self._store.get_execution(ref.execution_id)
        wave = self._store.get_wave(ref)
        plan_wave = plan_from_snapshot(execution["planSnapshot"]).wave(ref.number)
        if time.time() < deadline_of(plan_wave, wave):
            log.warning("%s: not started yet: %s", ref, error)
            return
        since = since or wave.get("queue", {}).get("since")
        waited = f" (since {moment(since)})" if since else ""
        failed = WaveFailedError(wave_label(wave), f"not started within its timeout: {error}{waited}")
        self._fail(ref, failed)
        raise failed from error


def _memory_key(wave: WaveRecord, part_number: int) -> str:
    return f"drs_job_{attempt_of(wave)}_{part_number}"
