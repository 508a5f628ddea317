"""Events in words."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import drs_recovery
from drs_recovery.event_labels import EVENT_WORDS, in_words
from drs_recovery.statuses import ExecutionStatus, FailureDecision, GateDecision, WaveStatus

PACKAGE = Path(drs_recovery.__file__).parent


def event(name: str, **detail: object) -> dict[str, object]:
    return {"event": name, "detail": detail}


def named_events() -> Iterator[str]:
    """The names that the store gives to events, as far as its source has them as they are."""
    for path in PACKAGE.glob("store/*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "NewEvent":
                names = (part for part in ast.walk(node.args[0]) if isinstance(part, ast.Constant))
                whole = not isinstance(node.args[0], ast.JoinedStr)
                yield from (str(name.value) for name in names if whole)


def test_every_event_of_the_store_has_words() -> None:
    ended = {
        *(f"EXECUTION_{status}" for status in ExecutionStatus if status.is_final),
        *(f"WAVE_{status}" for status in WaveStatus if status.is_final),
        *("GATE_OPENED", "GATE_UPDATED", "FAILURE_GATE_OPENED", "FAILURE_GATE_UPDATED"),
        *(f"GATE_{decision}" for decision in GateDecision if decision is not GateDecision.WAITING),
        *(f"FAILURE_GATE_{answer}" for answer in FailureDecision if answer is not FailureDecision.WAITING),
    }
    named = set(named_events())
    assert {"EXECUTION_OPENED", "PREFLIGHT", "JOB_ADOPTED"} <= named
    assert named | ended <= set(EVENT_WORDS)


@pytest.mark.parametrize(
    ("happened", "sentence", "rest"),
    [
        (event("WAVE_FAILED", wave=2, reason="all failed"), "Wave 2 failed", {"reason": "all failed"}),
        (event("PREFLIGHT", errors=0, warnings=3), "Checked: 0 errors, 3 warnings", {}),
        (
            event("WAVES_REOPENED", waves=[2, 3], because=1),
            "Waves 2, 3 may run after all, because wave 1 is tried again",
            {},
        ),
        (event("SOMETHING_NEW", wave=1), "Something new", {"wave": 1}),
        (event("WAVE_FAILED", reason="old record"), "Wave failed", {"reason": "old record"}),
    ],
)
def test_an_event_is_told_in_words_and_nothing_of_it_is_lost(
    happened: dict[str, object], sentence: str, rest: dict[str, object]
) -> None:
    assert in_words(happened) == (sentence, rest)
