"""What records say, as pure functions: attempts, instances, drills, cancellations, usual durations."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from drs_recovery.statuses import (
    ENDED_JOBS,
    FINAL_EXECUTIONS,
    ExecutionStatus,
    ExecutionType,
    GateDecision,
    ServerPhase,
)

if TYPE_CHECKING:
    from drs_recovery.store.execution_types import Execution
    from drs_recovery.store.expressions import Item

Record = Mapping[str, Any]

# Seconds that DRS usually takes for one wave; real recoveries run post-launch actions too.
USUAL_WAVE_SECONDS: Mapping[ExecutionType, float] = {
    ExecutionType.DRILL: 1200.0,
    ExecutionType.RECOVERY: 1800.0,
}

RECORD_VERSION = 1
"""
What this release writes into EXECUTION records as ``recordVersion``.

Counted up by a change alone that an earlier release would get wrong; a field that is new is none.
"""

# How records of earlier releases begin a reason that a person gave.
_BY_MARKING = re.compile(r"^the DAG run was marked as \w+: ")

# A cancellation that came too late changed nothing.
_UNDISTURBED = frozenset({ExecutionStatus.COMPLETED, ExecutionStatus.SKIPPED})


def attempt_of(record: Record) -> int:
    """Number of the attempt that a WAVE, a SERVER or an entry of a job belongs to, from 1."""
    return int(record.get("attempt", 1))


def attempt_began(wave: Record) -> float:
    """When the launch of the wave's attempt was asked for, in epoch seconds: behind its gates and steps."""
    return float(wave.get("launchTime") or wave.get("attemptTime") or wave["startTime"])


def wanted_since(execution: Record, wave: Record) -> float:
    """
    Since when nothing but room in DRS keeps the wave's attempt from starting, in epoch seconds.

    Where people or other waves come first, that is when it was asked for. Otherwise it is when Airflow began
    the run: executions get their turn in the order of their triggers, whichever task is faster.
    """
    # A record of an earlier release does not say when its run began.
    if waits_for_capacity_only(wave) and "runStartTime" in execution:
        return float(execution["runStartTime"])
    return attempt_began(wave)


def waits_for_capacity_only(wave: Record) -> bool:
    """Whether neither people, steps nor other waves come before the wave's attempt."""
    waits = wave["dependsOn"] or wave.get("gate") or wave.get("beforeSteps") or wave.get("waitBefore")
    return attempt_of(wave) == 1 and not waits


def launch_began(wave: Record) -> float:
    """When the wave's attempt could begin to launch, in epoch seconds: behind its time in a queue for DRS."""
    return max(attempt_began(wave), float(wave.get("queueEndTime", 0)))


def was_queued(wave: Record) -> bool:
    """Whether the wave's attempt waits, or has waited, for room in DRS."""
    return "queuedTime" in wave


def left_queue(wave: Record, now: float) -> Item:
    """Changes of a WAVE record once every job got its room; none if the attempt never waited."""
    return {"queue": None, "queueEndTime": now} if was_queued(wave) else {}


def instances_of(server: Record) -> dict[str, Record]:
    """
    Every instance that a server has on record, of all its attempts.

    :return: by its recovery instance id: ``jobId``, ``recoveryInstanceId``, ``instanceId``.
    """
    attempts = (*server.get("previousInstances", []), server)
    named = {attempt.get("recoveryInstanceId") or attempt.get("instanceId"): attempt for attempt in attempts}
    return {name: attempt for name, attempt in named.items() if name}


def instances_left(server: Record) -> dict[str, Record]:
    """
    The instances of a server that are called running: not seen to be gone, and replaced by no later launch.

    :return: by recovery instance id, as :func:`instances_of`.
    """
    if _is_over(server) or server["phase"] == ServerPhase.TERMINATED:
        return {}
    return {name: attempt for name, attempt in instances_of(server).items() if not _is_over(attempt)}


def has_instance_left(server: Record) -> bool:
    """Whether a server has an instance on record that is called running, of this or an earlier attempt."""
    return bool(instances_left(server))


def jobs_run(wave: Record) -> bool:
    """Whether DRS jobs of a wave were still running when last seen: they may launch instances."""
    return any(job["status"] not in ENDED_JOBS for job in wave["jobs"])


def is_live(document: Record) -> bool:
    """Whether an execution has not ended."""
    return document["status"] not in FINAL_EXECUTIONS


def has_instances_left(document: Record) -> bool:
    """Whether an execution has instances on record that were not seen to be gone."""
    return any(has_instance_left(server) for wave in document["waves"] for server in wave["serverStatuses"])


def unconfirmed_instances(server: Record) -> dict[str, Record]:
    """The instances of a server that were not seen to be gone, replaced or not, by recovery instance id."""
    if "terminatedTime" in server or server["phase"] == ServerPhase.TERMINATED:
        return {}
    return {name: one for name, one in instances_of(server).items() if "terminatedTime" not in one}


def _is_over(record: Record) -> bool:
    return "terminatedTime" in record or "replacedBy" in record


def is_drill(execution: Mapping[str, Any]) -> bool:
    """Whether an execution launches drill instances: no dry run does, and none that was skipped."""
    if execution.get("dryRun") or execution["status"] == ExecutionStatus.SKIPPED:
        return False
    return bool(execution["executionType"] == ExecutionType.DRILL)


def is_good_drill(execution: Mapping[str, Any]) -> bool:
    """
    Whether a drill proves that the plan works.

    One of chosen waves only proves nothing of the others, although it ends as COMPLETED.
    """
    wanted = execution["totalWaves"] - execution.get("otherTypeWaves", 0)
    return (
        is_drill(execution)
        and execution["status"] == ExecutionStatus.COMPLETED
        and execution["completedWaves"] == wanted
    )


def is_refused(wave: Record) -> bool:
    """Whether a wave was not approved: that it does not start, or was skipped, was not the plan."""
    return (wave.get("gate") or {}).get("decision") in (GateDecision.REJECTED, GateDecision.TIMED_OUT)


def is_same_person(initiator: str, *names: str | None) -> bool:
    """
    Whether a person, known by names or ids, is the one who started an execution.

    :param initiator: ``initiatedBy`` of the execution.
    """
    return initiator.strip().casefold() in {name.strip().casefold() for name in names if name}


def was_cancelled(execution: Mapping[str, Any]) -> bool:
    """
    Whether people, a gate without approval, or a real recovery ended an execution, or are ending it.

    With a completed wave it is PARTIAL_SUCCESS, with a failed one FAILED.
    """
    status = execution["status"]
    if status in _UNDISTURBED:
        return False
    asked = "cancel" in execution or bool(execution.get("cancelled"))
    return asked or status is ExecutionStatus.CANCELLED


def cancel_words(execution: Mapping[str, Any]) -> str | None:
    """Say who cancelled an execution and why: ``cancelled by admin: wrong plan``; None if it was not."""
    cancel = execution.get("cancel")
    return f"cancelled by {cancel['actor']}: {cancel_reason(cancel)}" if cancel else None


def cancel_reason(cancel: Mapping[str, Any]) -> str:
    """Why an execution was cancelled: the person's own words without those that Airflow adds."""
    return _BY_MARKING.sub("", str(cancel["reason"]))


def critical_path(dependencies: Mapping[int, Sequence[int]], seconds: Mapping[int, float]) -> float:
    """
    How long waves take that run side by side wherever they may.

    :param dependencies: for each wave by number, the waves that must end before it; none depends on itself.
    :param seconds: for each wave by number; one that is left out takes none, but passes on what it waits for.
    """
    ends: dict[int, float] = {}

    def end_of(number: int) -> float:
        if number not in ends:
            begin = max((end_of(other) for other in dependencies[number]), default=0.0)
            ends[number] = begin + seconds.get(number, 0.0)
        return ends[number]

    return max(map(end_of, dependencies), default=0.0)


def request_behind(wave: Record, asked_by: int | None) -> Record:
    """The recorded request that led to an attempt; empty if there is none."""
    request: Record = wave.get("retryRequest") or {}
    return request if asked_by is not None and request.get("askedBy") == asked_by else {}


def foreign_controller(execution: Mapping[str, Any], installation: str | None) -> str | None:
    """
    The Airflow installation that runs an execution, if that is another one: this one then changes nothing.

    A record that an earlier release has opened names none: it belongs to whoever has its DAG run.

    :param installation: name of this one; None if it has none yet.
    """
    controller: str | None = execution.get("controller")
    return None if controller == installation else controller


def why_read_only(execution: Mapping[str, Any]) -> str | None:
    """Say that a later release wrote a record, whose rules this one does not know; None if it did not."""
    version = execution.get("recordVersion", 0)
    if version <= RECORD_VERSION:
        return None
    return (
        f"a newer release wrote its record (version {version}, this release knows {RECORD_VERSION}), and "
        "that one alone changes it"
    )


def taken_from(execution: Mapping[str, Any], installation: str | None) -> Record | None:
    """The newest takeover by which an installation lost an execution; None if there is none."""
    takeovers: Sequence[Record] = execution.get("takeovers", ())
    return next((one for one in reversed(takeovers) if one.get("previous") == installation), None)


def named(execution: Execution) -> str:
    """How messages name an execution."""
    where = f" in the Airflow installation {execution['controller']}" if "controller" in execution else ""
    return (
        f"execution {execution['executionId']} (DAG run {execution['dagRunId']} of {execution['dagId']}"
        f"{where}, started by {execution['initiatedBy']}), which is {execution['status']}"
    )
