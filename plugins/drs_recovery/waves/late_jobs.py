"""
Find DRS jobs that nobody wrote down: the answer was lost, or the task that asked was being cancelled.

Airflow's "Mark run as failed" does not stop a process at once: it lives on until its supervisor's next
heartbeat and may be inside a StartRecovery call. Such a job carries the execution's tags, so that it is found
and followed.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from drs_recovery.exceptions import NotStartedError
from drs_recovery.hooks import AWS_ERRORS, START_RECOVERY_SECONDS, Clients, describe, is_transient
from drs_recovery.jobs import JobStarter, awaited_parts, parts_without_job
from drs_recovery.statuses import WaveStage
from drs_recovery.store import WaveRef, attempt_of

if TYPE_CHECKING:
    from drs_recovery.store import ExecutionDocument, ExecutionStore, Wave

# How long after the end of a run a job of it may still turn up: the longest StartRecovery call, and the
# seconds until Airflow's supervisor ends the process (``[workers] min_heartbeat_interval`` is 5).
LATE_START_SECONDS = START_RECOVERY_SECONDS + 10

log = logging.getLogger(__name__)


def waves_without_all_jobs(document: ExecutionDocument) -> list[Wave]:
    """Waves whose start was requested, and of which jobs may still turn up."""
    return [wave for wave in document["waves"] if may_get_jobs(wave)]


def may_get_jobs(wave: Wave) -> bool:
    """Whether the start of a wave was requested, and jobs of it may still turn up."""
    if not _is_requested(wave):
        return False
    return bool(awaited_parts(_as_started(wave), wave["serverStatuses"]))


def waves_to_search(document: ExecutionDocument) -> list[Wave]:
    """Those, and the waves of which AWS refused a job for good: an earlier request may have got through."""
    requested = filter(_is_requested, document["waves"])
    return [w for w in requested if parts_without_job(_as_started(w), w["serverStatuses"])]


def _is_requested(wave: Wave) -> bool:
    """Whether the launch of the wave was asked for, in this attempt or in an earlier one."""
    is_at_steps = wave.get("stage") is WaveStage.BEFORE_STEPS and not wave["jobs"]
    return "startTime" in wave and not is_at_steps


def record_late_jobs(store: ExecutionStore, document: ExecutionDocument, wave: Wave) -> bool:
    """
    Look once for the unknown jobs of the last attempt that was started and record those that exist.

    :raises botocore errors: DRS cannot be asked in one of the targets; what the others told is on record.
    """
    wave = _as_started(wave)
    starter = JobStarter(Clients(), document, wave)
    awaited = {part.number for part in awaited_parts(wave, wave["serverStatuses"])}
    troubles: list[Exception] = []
    for part in parts_without_job(wave, wave["serverStatuses"]):
        try:
            started = starter.find(part)
        except NotStartedError:
            continue
        except AWS_ERRORS as error:
            number, where = wave["waveNumber"], part.target
            log.warning("wave %s: a late job in %s is not found: %s", number, where, describe(error))
            # Nobody waits for a job that was refused.
            troubles += [error] if part.number in awaited else []
            continue
        if started is not None:
            store.waves.record_job(
                WaveRef(document["executionId"], wave["waveNumber"]), started.job, adopted=True
            )
            awaited.discard(part.number)
    if troubles:
        # One that may pass is worth another look, whatever a definite refusal says.
        raise max(troubles, key=is_transient)
    return not awaited


def _as_started(wave: Wave) -> Wave:
    """The wave as it was in its last attempt that may have jobs: a retry first looks what that one left."""
    if not wave.get("restartPending"):
        return wave
    attempt = max(map(attempt_of, wave["serverStatuses"]), default=attempt_of(wave))
    return {**wave, "attempt": attempt, "attemptTime": wave["startTime"], "restartPending": False}
