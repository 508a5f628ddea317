"""
What a failed wave means for the waves behind it: the plan's ``on_failure``, or what was answered if it asks.

Read from the record alone: the colour of a task says nothing about what a plan wants. A wave that is left out
by choice passes on what it depends on itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from drs_recovery.exceptions import WaveRefusedError
from drs_recovery.plan.model import RecoveryPlan
from drs_recovery.statuses import FailureDecision, WaveStatus
from drs_recovery.store.facts import attempt_of
from drs_recovery.store.rules import ended_as_planned
from drs_recovery.waves.judgement import wave_label, wave_of

Wave = Mapping[str, Any]


def check_dependencies(document: Mapping[str, Any], plan: RecoveryPlan, number: int) -> None:
    """
    Demand that every wave before this one is completed, or failed and may.

    :param document: the execution document.
    :param plan: the plan with which the execution was opened.
    :param number: wave number, from 1.
    :raises WaveRefusedError: naming the one that is not.
    """
    for other in _waves_before(document, plan, number, _is_left_out):
        if not _lets_dependents_start(other, plan):
            raise WaveRefusedError(
                f"wave {wave_label(wave_of(document, number))} does not start: "
                f"it depends on wave {wave_label(other)}, which is {other['status']}"
            )


def blocked_by(document: Mapping[str, Any], plan: RecoveryPlan, number: int) -> str | None:
    """
    Say which failure before a wave keeps it from ever starting, or None.

    :param document: the execution document.
    :param plan: the plan with which the execution was opened.
    :param number: of a wave that has not started, from 1.
    """
    for other in _waves_before(document, plan, number, _has_not_run):
        if other["status"] == WaveStatus.FAILED and not _lets_dependents_start(other, plan):
            return f"it depends on wave {wave_label(other)}, which failed"
        if other["status"] == WaveStatus.SKIPPED:
            return f"it depends on wave {wave_label(other)}, which was skipped"
    return None


def _lets_dependents_start(wave: Wave, plan: RecoveryPlan) -> bool:
    if wave["status"] != WaveStatus.FAILED:
        return ended_as_planned(wave)
    return plan.wave(wave["waveNumber"]).on_failure == "continue" or _may_fail(wave)


def _may_fail(wave: Wave) -> bool:
    """Whether people said to go on without it; what they said of an earlier attempt does not count."""
    gate = wave.get("failureGate") or {}
    return gate.get("decision") == FailureDecision.CONTINUE and attempt_of(gate) == attempt_of(wave)


def _waves_before(
    document: Mapping[str, Any], plan: RecoveryPlan, number: int, passes_on: Callable[[Wave], bool]
) -> Iterator[Wave]:
    """The waves on which a wave depends; in place of one that passes on, those on which that one depends."""
    waiting, seen = list(plan.dependencies(number)), set[int]()
    while waiting:
        current = waiting.pop(0)
        if current in seen:
            continue
        seen.add(current)
        wave = wave_of(document, current)
        if passes_on(wave):
            waiting.extend(plan.dependencies(current))
        else:
            yield wave


def _is_left_out(wave: Wave) -> bool:
    return wave["status"] == WaveStatus.SKIPPED and ended_as_planned(wave)


def _has_not_run(wave: Wave) -> bool:
    return wave["status"] == WaveStatus.NOT_STARTED or _is_left_out(wave)
