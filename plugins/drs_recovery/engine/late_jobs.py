"""
Find DRS jobs that nobody wrote down: the answer was lost, or the task that asked was being cancelled.

Airflow's "Mark run as failed" does not stop a process at once: it lives on until its supervisor's next
heartbeat and may be inside a StartRecovery call. Such a job carries the execution's tags, so that it is found
and followed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drs_recovery.engine.clients import Clients
from drs_recovery.engine.job_starter import JobStarter, NotStartedError
from drs_recovery.engine.parts import jobs_of_attempt, parts_of_attempt
from drs_recovery.hooks.drs import START_RECOVERY_SECONDS
from drs_recovery.hooks.errors import AWS_ERRORS, is_transient
from drs_recovery.store import ExecutionStore

# How long after the end of a run a job of it may still turn up: the longest StartRecovery call, and the
# seconds until Airflow's supervisor ends the process (``[workers] min_heartbeat_interval`` is 5).
LATE_START_SECONDS = START_RECOVERY_SECONDS + 10


def waves_without_all_jobs(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """
    Waves whose start was requested and of which not every job is known.

    :param document: the execution document.
    """
    return [
        wave
        for wave in document["waves"]
        if wave.get("startTime")
        and len(jobs_of_attempt(wave)) < len(parts_of_attempt(wave, wave["serverStatuses"]))
    ]


def record_late_jobs(store: ExecutionStore, document: Mapping[str, Any], wave: Mapping[str, Any]) -> bool:
    """
    Look once for the unknown jobs of a wave's last attempt and record those that exist.

    :param store: the execution store.
    :param document: the execution document.
    :param wave: one of its waves, whose start was requested.
    :return: whether every job of the attempt is known now.
    :raises botocore errors: DRS cannot be asked in one of the places; what the others told is on record.
    """
    starter = JobStarter(Clients(), document, wave)
    known = jobs_of_attempt(wave)
    unknown = [p for p in parts_of_attempt(wave, wave["serverStatuses"]) if p.number not in known]
    troubles: list[Exception] = []
    found = 0
    for part in unknown:
        try:
            started = starter.find(part)
        except NotStartedError:
            continue
        except AWS_ERRORS as error:
            troubles.append(error)
            continue
        if started is not None:
            store.record_job(document["executionId"], wave["waveNumber"], started.job, adopted=True)
            found += 1
    if troubles:
        # One that may pass is worth another look, whatever a definite refusal says.
        raise max(troubles, key=is_transient)
    return found == len(unknown)
