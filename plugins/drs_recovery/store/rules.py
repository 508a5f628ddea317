"""
Decide as pure functions over records: transitions, an execution's final status, proofs of a wave's end, why
instances may not be terminated, measured objectives.

Nothing here reads or writes. A function that refuses raises ``TransitionRefusedError``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from drs_recovery.durations import DEFAULT_TERMINATE_AFTER, format_duration, parse_duration
from drs_recovery.exceptions import StoreConflictError, TransitionRefusedError
from drs_recovery.statuses import (
    EXECUTION_TRANSITIONS,
    WAVE_TRANSITIONS,
    ExecutionStatus,
    GateDecision,
    ServerPhase,
    SkipCause,
    StepStatus,
    WaveStatus,
)
from drs_recovery.store.facts import Record, has_instances_left, instances_of, is_refused
from drs_recovery.store.server_types import progress_of
from drs_recovery.store.step_rules import AFTER, gone_on

if TYPE_CHECKING:
    from drs_recovery.store.expressions import Item

EXECUTION_SUBJECT = "the execution"
"""How errors name an execution."""


def final_status(document: Record, cancelled: bool) -> ExecutionStatus:
    """Say with which status an execution ends; a gate that was not approved is a cancellation."""
    waves = document["waves"]
    statuses = {wave["status"] for wave in waves}
    failed = WaveStatus.FAILED in statuses or any(map(_has_failed_server, waves))
    refused = any(map(is_refused, waves))
    nothing_left = all(map(ended_as_planned, waves)) or bool(document.get("dryRun"))
    # With no completed wave there is nothing that outweighs a cancellation or an error before the first wave.
    undisturbed = WaveStatus.COMPLETED in statuses or not (cancelled or document.get("error"))
    # What only the record knew was lost with it: nothing proves that everything went as it should. Nor does
    # anything prove what a person went on without.
    is_whole = "rebuilt" not in document and not any(gone_on(step) for step in steps_of(waves))
    if is_whole and nothing_left and undisturbed and not (failed or refused):
        return ExecutionStatus.COMPLETED
    if any(wave["status"] == WaveStatus.COMPLETED and _launched_any(wave) for wave in waves):
        return ExecutionStatus.PARTIAL_SUCCESS
    if (cancelled or refused) and WaveStatus.FAILED not in statuses:
        return ExecutionStatus.CANCELLED
    return ExecutionStatus.FAILED


def steps_of(waves: Iterable[Record]) -> Iterator[Record]:
    """The steps of waves of a document."""
    return (step for wave in waves for step in wave.get("steps", ()))


def ended_as_planned(wave: Record) -> bool:
    """Whether a wave is COMPLETED, or SKIPPED by choice."""
    if wave["status"] == WaveStatus.SKIPPED:
        cause: SkipCause = wave.get("skipCause", SkipCause.NOT_CHOSEN)
        return cause.is_choice
    return bool(wave["status"] == WaveStatus.COMPLETED)


def can_terminate(document: Record) -> bool:
    """Say whether the instances of an execution may be terminated: it ended, and left some that still run."""
    return why_not_terminated(document) is None


def why_not_terminated(document: Record) -> str | None:
    """Say why the instances of an execution may not be terminated, for people; None if they may."""
    status = document["status"]
    if not status.is_final:
        or_cancel = "" if status is ExecutionStatus.CANCELLING else ", or cancel it first"
        return f"the execution is {status}: wait for its end{or_cancel}"
    if document.get("instancesTerminated"):
        return "its instances are terminated already"
    return None if has_instances_left(document) else "it has no instance on record"


def is_termination_requested(execution: Record, request_id: str) -> bool:
    """Whether a request to terminate instances is on record, so that a retry of it is no new one."""
    requests = execution.get("terminationRequests", [])
    return any(request["requestId"] == request_id for request in requests)


def termination_time(document: Record, end: float) -> float | None:
    """
    When the instances that an execution leaves are to be terminated by themselves; None if never.

    A plan's ``terminate_after`` counts from the end of the drill. Those of a real recovery always stay.
    """
    if not document["isDrill"] or document.get("keepInstances"):
        return None
    settings: Record = document["planSnapshot"].get("drill", {})
    after = settings.get("terminate_after", format_duration(DEFAULT_TERMINATE_AFTER))
    if after == "never":
        return None
    return end if after == "now" else end + parse_duration(after).total_seconds()


def _launched_any(wave: Record) -> bool:
    """Whether a wave brought up an instance, be it gone by now."""
    return any(map(instances_of, wave["serverStatuses"]))


def _has_failed_server(wave: Record) -> bool:
    return any(server["phase"] == ServerPhase.FAILED for server in wave["serverStatuses"])


def standing_status(
    status: ExecutionStatus, active_waves: Collection[int], waiting: Collection[object]
) -> ExecutionStatus:
    """
    Status of a live execution after its active waves or open questions changed.

    :param active_waves: those that wait for more than people.
    :param waiting: gates and steps that wait for people.
    """
    if status is ExecutionStatus.CANCELLING:
        return status
    if active_waves:
        return ExecutionStatus.POLLING
    if waiting:
        return ExecutionStatus.PAUSED
    return ExecutionStatus.POLLING if status is ExecutionStatus.PAUSED else status


def demand_live(execution: Record, subject: str, wanted: str) -> ExecutionStatus:
    """Refuse what would change an execution that has ended; gives its status otherwise."""
    status: ExecutionStatus = execution["status"]
    if status.is_final:
        raise TransitionRefusedError(subject, f"part of an execution that is {status}", wanted)
    return status


def demand_wave_transition(wave: Record, wanted: WaveStatus) -> None:
    """Refuse a change of a wave's status that the table of transitions does not have."""
    status = wave["status"]
    if wanted not in WAVE_TRANSITIONS[status]:
        raise TransitionRefusedError(wave_subject(wave), status, wanted)


def demand_requested(wave: Record, wanted: str) -> None:
    """Refuse what only a wave can have whose start was asked for; one can end without that."""
    if "startTime" not in wave:
        raise TransitionRefusedError(wave_subject(wave), f"{wave['status']} without a start", wanted)


def demand_startable(execution: Record, wave: Record) -> None:
    """Refuse the start of a wave: its execution ends or has ended, or its gate is not approved."""
    status = demand_live(execution, wave_subject(wave), WaveStatus.PENDING)
    if status is ExecutionStatus.CANCELLING:
        raise TransitionRefusedError(
            wave_subject(wave), f"part of an execution that is {status}", WaveStatus.PENDING
        )
    demand_wave_transition(wave, WaveStatus.PENDING)
    decision = (wave.get("gate") or {}).get("decision", GateDecision.APPROVED)
    if decision != GateDecision.APPROVED:
        raise TransitionRefusedError(
            wave_subject(wave), f"behind a gate that is {decision}", WaveStatus.PENDING
        )


def demand_no_cancel(execution: Record, wave: Record) -> None:
    """Refuse to complete a wave of a cancelled execution: it was interrupted, even if all came up."""
    if "cancel" in execution:
        current = f"part of an execution that was cancelled by {execution['cancel']['actor']}"
        raise TransitionRefusedError(wave_subject(wave), current, WaveStatus.COMPLETED)


def demand_proof_of_completion(wave: Record, servers: Sequence[Record]) -> None:
    """
    Refuse COMPLETED unless every server failed, or is ready with its instance id and address.

    :raises StoreConflictError: wave and servers were read while a poll was writing them.
    """
    demand_wave_transition(wave, WaveStatus.COMPLETED)
    if wave["progress"] != progress_of(server["phase"] for server in servers):
        raise StoreConflictError([wave["recordKey"]])
    unproven = [_shortcoming(server) for server in servers if not is_proven(server)]
    if unproven:
        current = f"{wave['status']} with {', '.join(unproven)}"
        raise TransitionRefusedError(wave_subject(wave), current, WaveStatus.COMPLETED)


def is_proven(server: Record) -> bool:
    """Whether a server failed, or is ready with its instance id and address."""
    if server["phase"] == ServerPhase.FAILED:
        return True
    return server["phase"].is_end and not _missing_details(server)


def _missing_details(server: Record) -> list[str]:
    return [name for name in ("instanceId", "privateIp") if not server.get(name)]


def _shortcoming(server: Record) -> str:
    subject = f"{server['serverName']} ({server['sourceServerId']})"
    if not server["phase"].is_end:
        return f"{subject} in phase {server['phase']}"
    return f"{subject} without {' and '.join(_missing_details(server))}"


def demand_final_transition(document: Record, wanted: ExecutionStatus) -> None:
    """
    Refuse a final status while a wave is active, COMPLETED unless the records prove it, and SKIPPED if
    somebody asked to cancel.

    :raises StoreConflictError: execution and waves were read while a transition was writing them.
    """
    status = document["status"]
    if document["activeWaves"]:
        active = ", ".join(str(number) for number in document["activeWaves"])
        raise TransitionRefusedError(EXECUTION_SUBJECT, f"{status} with active waves ({active})", wanted)
    if wanted not in EXECUTION_TRANSITIONS[status]:
        raise TransitionRefusedError(EXECUTION_SUBJECT, status, wanted)
    if wanted is ExecutionStatus.SKIPPED and "cancel" in document:
        current = f"{status} and cancelled by {document['cancel']['actor']}"
        raise TransitionRefusedError(EXECUTION_SUBJECT, current, wanted)
    completed = [wave for wave in document["waves"] if wave["status"] == WaveStatus.COMPLETED]
    if len(completed) != document["completedWaves"]:
        raise StoreConflictError(["EXECUTION"])
    if wanted is ExecutionStatus.COMPLETED and final_status(document, cancelled=False) is not wanted:
        raise TransitionRefusedError(EXECUTION_SUBJECT, f"{status} with unfinished or failed parts", wanted)


def measured_objectives(document: Record, status: ExecutionStatus, end_time: float) -> Item:
    """
    Measure what the plan promised, in seconds, as far as the record knows it.

    :param status: its final status; only a COMPLETED execution has a recovery time.
    :return: ``rto``: from the first wave's start until the last proof has passed; ``rtoLaunched``: until the
        last server was ready; ``rtoDeclared``: from the trigger until the last proof; ``rpo``: age of a ready
        server's oldest data; ``rpoData``: age of the oldest heartbeat that was read in the data.
    """
    if "startTime" not in document:
        return {}
    measured = {}
    start, completed = document["startTime"], _completed(document)
    if status is ExecutionStatus.COMPLETED:
        proven = max((_proven_time(wave) or end_time for wave in completed), default=end_time)
        measured["rto"] = seconds_between(start, proven)
        measured["rtoDeclared"] = seconds_between(document["submittedTime"], proven)
        ready = [time for wave in completed for time in _ready_times(wave)]
        if ready and None not in ready:
            measured["rtoLaunched"] = seconds_between(start, max(time for time in ready if time is not None))
    ages = _data_ages(document)
    if ages and None not in ages:
        measured["rpo"] = max(age for age in ages if age is not None)
    if heartbeats := list(_heartbeats(document)):
        measured["rpoData"] = seconds_between(min(heartbeats), start)
    return measured


def _heartbeats(document: Record) -> Iterator[float]:
    """The times that steps of kind ``heartbeat_probe`` read in the recovered data: one a line."""
    for wave in document["waves"]:
        for step in wave.get("steps", ()):
            if step["kind"] == "heartbeat_probe" and step["status"] == StepStatus.SUCCEEDED:
                yield from (datetime.fromisoformat(line).timestamp() for line in step["output"].splitlines())


def _completed(document: Record) -> list[Record]:
    return [wave for wave in document["waves"] if wave["status"] == WaveStatus.COMPLETED]


def _proven_time(wave: Record) -> float | None:
    """When the last of a wave's after-steps had ended; when the wave had, if it has none."""
    steps = [s["endTime"] for s in wave.get("steps", ()) if s["side"] == AFTER and "endTime" in s]
    return max(steps) if steps else wave.get("endTime")


def _ready_times(wave: Record) -> list[float | None]:
    """When each ready server of a wave was seen so; None where its record does not tell."""
    ready = [server for server in wave["serverStatuses"] if server["phase"] == ServerPhase.READY]
    return [server.get("readyTime") for server in ready]


def _data_ages(document: Record) -> list[float | None]:
    """Age of each ready server's data when the recovery began; None where the point in time is unknown."""
    points = [
        server.get("pointInTime")
        for wave in document["waves"]
        for server in wave["serverStatuses"]
        if server["phase"] == ServerPhase.READY
    ]
    return [None if point is None else seconds_between(point, document["startTime"]) for point in points]


def seconds_between(start: float, end: float) -> float:
    """Duration, rounded to milliseconds; 0 if clocks disagree about what came first."""
    return max(0, round(end - start, 3))


def wave_subject(wave: Record) -> str:
    """How errors name a wave."""
    return f"wave {wave['waveNumber']}"


def without(numbers: Iterable[int], number: int) -> list[int]:
    """The numbers but this one."""
    return [other for other in numbers if other != number]
