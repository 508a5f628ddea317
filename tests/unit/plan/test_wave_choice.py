"""An integer is the number of a wave; a text is a name first, then the digits of a number."""

from __future__ import annotations

from typing import Any

import pytest

from drs_recovery.plan.task_ids import chosen_waves

NAMES = {"1": 1, "0": 2, "Web": 3}


@pytest.mark.parametrize(
    ("chosen", "numbers"),
    [
        (None, None),
        ([], None),
        ([2], (2,)),
        ([1], (1,)),
        (["0"], (2,)),
        (["1", 3], (1, 3)),
        (["Web", "3", 3], (3,)),
        (["2", 1], (1, 2)),
    ],
)
def test_waves_are_chosen_by_number_or_name(chosen: Any, numbers: tuple[int, ...] | None) -> None:
    findings: list[str] = []
    assert chosen_waves(NAMES, chosen, findings) == numbers
    assert findings == []


@pytest.mark.parametrize(
    "entry",
    [0, 4, -1, True, 1.0, "4", "web", "", " 1", "²", "0003", 10**30, "9" * 5000, None],
    ids=lambda entry: repr(entry)[:20],
)
def test_what_is_no_wave_is_told(entry: Any) -> None:
    findings: list[str] = []
    assert chosen_waves(NAMES, [entry, 3], findings) == (3,)
    assert len(findings) == 1
    assert findings[0].startswith("unknown waves ")
    assert findings[0].endswith("expected some of 1 (1), 2 (0), 3 (Web)")
    assert len(findings[0]) < 200


def test_a_number_wins_over_a_wave_that_is_named_like_it() -> None:
    findings: list[str] = []
    assert chosen_waves({"2": 1, "Web": 2}, [2], findings) == (2,)
