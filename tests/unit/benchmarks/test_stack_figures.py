"""What is computed from an execution on a stack, without one."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from benchmarks import critical_path, execution_calls, wave_gaps
from benchmarks.critical_path import Timed
from benchmarks.made_plans import MadePlan
from benchmarks.stack_runs import Ended
from drs_recovery.plan.model import RecoveryPlan


def at(second: float) -> str:
    return datetime.fromtimestamp(second, UTC).isoformat()


def task(step: str, wave: int, *times: float | None) -> dict[str, Any]:
    fields = ("scheduled_when", "queued_when", "start_date", "end_date")
    values = [None if one is None else at(one) for one in times]
    return {"task_id": f"wave_{wave:02}_tier.{step}", **dict(zip(fields, values, strict=True))}


def call(operation: str, second: float) -> dict[str, Any]:
    return {"service": "drs", "operation": operation, "time": at(second)}


@pytest.fixture
def timed(monkeypatch: pytest.MonkeyPatch) -> Timed:
    """Two waves of 10 s each: the second starts 7 s after the first has ended."""
    ended = Ended(
        plan=MadePlan(0, (2, 2)),
        triggered=95,
        document={"endTime": 133},
        tasks=[
            task("wait_for_launch", 1, 111, 111.5, 101, 113),
            task("enrich_instances", 1, 113.5, 114, 114.5, 115.5),
            task("start_recovery", 2, 116, 116.25, 116.5, 118),
            task("wait_for_launch", 2, 128, 128.5, 119, 129),
        ],
        jobs=[{"endDateTime": at(110)}, {"endDateTime": at(127)}],
    )
    calls = [("StartRecovery", 100), ("DescribeJobs", 112), ("DescribeJobs", 115), ("StartRecovery", 117)]
    timed = Timed(ended, [call(*one) for one in calls])
    for module in (critical_path, wave_gaps, execution_calls):
        monkeypatch.setattr(module, "timed_executions", lambda: [timed])
    monkeypatch.setattr(critical_path, "WAVES", (2,))
    return timed


def test_an_execution_is_divided_into_what_drs_takes_and_what_is_added(timed: Timed) -> None:
    (row,) = critical_path.run().rows

    assert row["waves"] == 2
    assert row["DRS, s"] == 20
    assert row["until the first StartRecovery, s"] == 5
    assert (row["between waves, s"], row["median gap, s"]) == (7, 7)
    assert row["after the last job, s"] == 6
    assert row["relative to DRS alone"] == 38 / 20
    assert row["the same at real DRS speed"] == 1 + 18 / (critical_path.SPEED * 20)


def test_a_gap_is_divided_into_its_hops(timed: Timed) -> None:
    rows = {row["until"]: row["median s"] for row in wave_gaps.run().rows}

    assert list(rows) == [
        "wait_for_launch is scheduled",
        "wait_for_launch is queued",
        "wait_for_launch makes its first call",
        "wait_for_launch has ended",
        "enrich_instances is scheduled",
        "enrich_instances is queued",
        "enrich_instances is running",
        "enrich_instances makes its first call",
        "enrich_instances has ended",
        "start_recovery is scheduled",
        "start_recovery is queued",
        "start_recovery is running",
        "StartRecovery is called",
        "all of it",
    ]
    assert rows["wait_for_launch is scheduled"] == 1
    assert rows["enrich_instances makes its first call"] == 0.5
    assert rows["StartRecovery is called"] == 0.5
    assert rows["all of it"] == 7


def test_the_calls_of_an_execution_are_told_by_operation(timed: Timed) -> None:
    assert execution_calls.run().rows == [
        {"call": "drs.DescribeJobs", "2 waves": 2},
        {"call": "drs.StartRecovery", "2 waves": 2},
        {"call": "all", "2 waves": 4},
    ]


@pytest.mark.parametrize("in_parallel", [False, True])
def test_made_plans_are_valid(in_parallel: bool) -> None:
    made = MadePlan(7, (2, 3), in_parallel=in_parallel)
    plan = RecoveryPlan.model_validate({"id": made.plan_id, **made.document()})

    assert [wave.name for wave in plan.waves] == ["Tier 1", "Tier 2"]
    assert len(list(made.descriptions())) == 5
    assert plan.dag_id == made.dag_id
