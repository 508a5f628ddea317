"""
May this wave start, and is its gate asked? The answers come from the record, never from the colour of a task.

A person with edit rights can mark any task of a DAG run as success; that must not launch servers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drs_recovery.exceptions import ExecutionCancelledError, WaveRefusedError
from drs_recovery.plan.model import RecoveryPlan
from drs_recovery.statuses import ExecutionStatus, ExecutionType, GateDecision, WaveStatus
from drs_recovery.waves.failure_policy import check_dependencies
from drs_recovery.waves.judgement import wave_label, wave_of

_REFUSING_GATES = frozenset({GateDecision.REJECTED, GateDecision.TIMED_OUT})


def refused_gate(document: Mapping[str, Any]) -> str | None:
    """Say which gate of the execution was not approved, by whom and why, or None."""
    wave = refusing_wave(document)
    if wave is None:
        return None
    gate = wave["gate"]
    comment = f": {gate['comment']}" if gate.get("comment") else ""
    return f"the gate of wave {wave_label(wave)} was {gate['decision']} by {gate.get('actor')}{comment}"


def refusing_wave(document: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The wave whose gate was rejected or not answered in time, or None."""
    refusing = (wave for wave in document["waves"] if _decision(wave) in _REFUSING_GATES)
    return next(refusing, None)


def skip_reason(document: Mapping[str, Any], number: int) -> str | None:
    """
    Say why this wave is passed over without being a failure, or None.

    :param document: the execution document.
    :param number: wave number, from 1.
    """
    wave = wave_of(document, number)
    if wave["status"] == WaveStatus.SKIPPED:
        return str(wave.get("statusReason", "this wave is skipped"))
    return refused_gate(document)


def gate_is_asked(document: Mapping[str, Any], plan: RecoveryPlan, number: int) -> bool:
    """
    Whether this execution has a question in front of this wave.

    A wave that was left out needs no pause, but the approval of a real recovery is asked at the plan's first
    waves even if they are left out: it is for the execution.

    :param document: the execution document.
    :param plan: the plan with which the execution was opened.
    :param number: wave number, from 1.
    """
    wave = wave_of(document, number)
    execution_type = ExecutionType(document["executionType"])
    if document.get("dryRun") or not plan.needs_gate(number, execution_type):
        return False
    if wave["status"] != WaveStatus.SKIPPED:
        return True
    return execution_type is ExecutionType.RECOVERY and number in plan.root_waves()


def check_may_start(document: Mapping[str, Any], plan: RecoveryPlan, number: int) -> None:
    """
    Demand what a wave needs before it launches anything.

    :param document: the execution document.
    :param plan: the plan with which the execution was opened.
    :param number: wave number, from 1.
    :raises WaveRefusedError: with what is missing and what to do.
    """
    label = wave_label(wave_of(document, number))
    check_admitted(document)
    check_not_ending(document)
    check_dependencies(document, plan, number)
    for gated in sorted({number, *plan.root_ancestors(number)}):
        if gate_is_asked(document, plan, gated):
            _check_gate(document, label, gated)


def check_admitted(execution: Mapping[str, Any]) -> None:
    """
    Demand that ``open_execution`` found nothing against the execution, however its task got green.

    :param execution: EXECUTION record or document.
    :raises WaveRefusedError: it did not, or has not come to an end.
    """
    if "admittedTime" not in execution:
        why = execution.get("error") or "open_execution has not come to its end"
        raise WaveRefusedError(f"nothing is started: the execution was not admitted: {why}")


def check_not_ending(execution: Mapping[str, Any]) -> None:
    """
    Demand that the execution may still launch something.

    :param execution: EXECUTION record or document.
    :raises ExecutionCancelledError: somebody asked to cancel it.
    :raises WaveRefusedError: it ends or is over.
    """
    check_not_cancelled(execution)
    status = ExecutionStatus(execution["status"])
    if status is ExecutionStatus.CANCELLING or status.is_final:
        raise WaveRefusedError(f"nothing more is started: the execution is {status}")


def check_not_cancelled(execution: Mapping[str, Any]) -> None:
    """
    Demand that nobody asked to cancel the execution.

    :param execution: EXECUTION record or document.
    :raises ExecutionCancelledError: with who asked, and why.
    """
    if cancel := execution.get("cancel"):
        raise ExecutionCancelledError(cancel["actor"], cancel["reason"])


def _check_gate(document: Mapping[str, Any], label: str, gated: int) -> None:
    gate_wave = wave_of(document, gated)
    if _decision(gate_wave) != GateDecision.APPROVED:
        raise WaveRefusedError(
            f"wave {label} does not start: the store has no approval of the gate of wave "
            f"{wave_label(gate_wave)}. Marking the gate's task as success does not approve it: "
            "clear the task and answer the question"
        )


def _decision(wave: Mapping[str, Any]) -> str | None:
    return (wave.get("gate") or {}).get("decision")
