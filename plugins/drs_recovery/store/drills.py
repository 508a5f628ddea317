"""Which executions are drills, and which of them prove that their plan works."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drs_recovery.statuses import ExecutionStatus, ExecutionType


def is_drill(execution: Mapping[str, Any]) -> bool:
    """
    Whether an execution launches drill instances: no dry run does, and none that was skipped.

    :param execution: EXECUTION record.
    """
    if execution.get("dryRun") or execution["status"] == ExecutionStatus.SKIPPED:
        return False
    return bool(execution["executionType"] == ExecutionType.DRILL)


def is_good_drill(execution: Mapping[str, Any]) -> bool:
    """
    Whether a drill proves that the plan works.

    One of chosen waves only proves nothing of the others, although it ends as COMPLETED.

    :param execution: EXECUTION record.
    """
    return (
        is_drill(execution)
        and execution["status"] == ExecutionStatus.COMPLETED
        and execution["completedWaves"] == execution["totalWaves"]
    )
