"""What was measured against what the plan promises."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from drs_recovery.durations import words


class ObjectiveState(StrEnum):
    """What came of an objective."""

    MET = "MET"
    MISSED = "MISSED"
    NOT_MEASURED = "NOT_MEASURED"
    NO_OBJECTIVE = "NO_OBJECTIVE"


@dataclass(frozen=True)
class ObjectiveResult:
    """
    One objective and what was measured.

    :param name: ``RTO`` or ``RPO``.
    :param state: what came of it; NO_OBJECTIVE also where a measure is known.
    :param measured: in words; empty if unknown.
    :param objective: in words; empty if there is none.
    :param sentence: all of it, such as ``RTO 42 min of 1 h: met``.
    :param measured_seconds: None if unknown.
    :param objective_seconds: None if there is none.
    """

    name: str
    state: ObjectiveState
    measured: str
    objective: str
    sentence: str
    measured_seconds: float | None
    objective_seconds: float | None


def objective_results(
    measured: Mapping[str, Any], objectives: Mapping[str, float | None]
) -> tuple[ObjectiveResult, ObjectiveResult]:
    """
    Compare both objectives.

    :param measured: ``rto`` and ``rpo`` in seconds, as far as they are known.
    :param objectives: the same as the plan promises them.
    """
    return _result("rto", measured, objectives), _result("rpo", measured, objectives)


def _result(key: str, measured: Mapping[str, Any], objectives: Mapping[str, float | None]) -> ObjectiveResult:
    value, limit, name = measured.get(key), objectives.get(key), key.upper()
    state = _state(value, limit)
    sentences = {
        ObjectiveState.MET: f"{name} {words(value)} of {words(limit)}: met",
        ObjectiveState.MISSED: f"{name} {words(value)} of {words(limit)}: missed by {_excess(value, limit)}",
        ObjectiveState.NOT_MEASURED: f"{name} not measured; the objective is {words(limit)}",
        ObjectiveState.NO_OBJECTIVE: f"{name} {words(value) or 'not measured'}; the plan has no objective",
    }
    return ObjectiveResult(name, state, words(value), words(limit), sentences[state], value, limit)


def _excess(value: float | None, limit: float | None) -> str:
    # Never "by 0 s", and told to the second, which a span of more than an hour is not.
    return words(max(1, (value or 0) - (limit or 0)))


def _state(value: float | None, limit: float | None) -> ObjectiveState:
    if limit is None:
        return ObjectiveState.NO_OBJECTIVE
    if value is None:
        return ObjectiveState.NOT_MEASURED
    return ObjectiveState.MET if value <= limit else ObjectiveState.MISSED
