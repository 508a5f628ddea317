"""Keys that are not executed yet are checked in full and then refused, never ignored."""

from pathlib import Path
from typing import Any

import pytest

from drs_recovery.plan.rules import NOT_SUPPORTED_YET
from tests.unit.plan.documents import changed, problems_of, write_plan

NOT_SUPPORTED: dict[str, tuple[dict[str, Any], list[str]]] = {
    "waiting": ({"waves/1/wait_before": "PT5M"}, ["waves[1].wait_before: wait_before is not supported yet"]),
    "waves of drills only": ({"waves/1/only": "drill"}, ["waves[1].only: only is not supported yet"]),
    "waves of tests only": (
        {"waves/1/only": "test"},
        [
            "waves[1].only: only is not supported yet",
            "waves[1].only: \"test\" is not allowed here; expected 'drill' or 'recovery'",
        ],
    ),
    "steps before": (
        {"waves/1/before": [{"wait": {"for": "PT5M"}}]},
        ["waves[1].before: before is not supported yet"],
    ),
    "probes after": (
        {"waves/1/after": [{"tcp_probe": {"port": 443}}]},
        ["waves[1].after: after is not supported yet"],
    ),
}


@pytest.mark.parametrize(("changes", "lines"), NOT_SUPPORTED.values(), ids=NOT_SUPPORTED)
def test_what_is_not_executed_yet_is_checked_and_refused(
    tmp_path: Path, changes: dict[str, Any], lines: list[str]
) -> None:
    path = write_plan(tmp_path / "payroll.yaml", changed(changes))

    assert problems_of(path) == [f"payroll.yaml: {line}" for line in lines]


def test_each_row_of_the_table_has_a_case() -> None:
    told = " ".join(line for _, lines in NOT_SUPPORTED.values() for line in lines)

    assert all(f"{pattern[-1]} is not supported yet" in told for pattern in NOT_SUPPORTED_YET)
