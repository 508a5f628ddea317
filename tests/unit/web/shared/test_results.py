"""What a line about an execution says of the instances that it left."""

from __future__ import annotations

from typing import Any

import pytest

from drs_recovery.web.shared.results import run_summary
from tests.unit.web.plan_records import execution, live

NONE_READY = {"totalServers": 4, "launched": 0, "ready": 0, "failed": 4}


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (execution(), True),
        (execution(instancesTerminated=True), False),
        (execution(progress={**NONE_READY, "launched": 1}), True),
        # Every server failed, and one of them has an instance nevertheless: its clean-up is due.
        (execution(status="FAILED", progress=NONE_READY, terminateAfter=1_800_007_200.0), True),
        (execution(status="FAILED", progress=NONE_READY, instancesLeft=True), True),
        (execution(status="FAILED", progress=NONE_READY), False),
        (live(), False),
    ],
    ids=[
        "ready",
        "terminated",
        "launched",
        "failed with an instance",
        "failed and kept",
        "failed without",
        "lives",
    ],
)
def test_a_line_tells_whether_instances_may_run(record: dict[str, Any], expected: bool) -> None:
    assert bool(run_summary(record).instances_run) is expected
