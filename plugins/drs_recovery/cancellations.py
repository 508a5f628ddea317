"""Which executions people ended before their time, whatever status they ended with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drs_recovery.statuses import ExecutionStatus

# A cancellation that came too late changed nothing.
_UNDISTURBED = frozenset({ExecutionStatus.COMPLETED, ExecutionStatus.SKIPPED})


def was_cancelled(execution: Mapping[str, Any]) -> bool:
    """
    Whether people, a gate that nobody approved, or a real recovery ended an execution, or are ending it.

    With a completed wave it is PARTIAL_SUCCESS, with a failed one FAILED.

    :param execution: EXECUTION record or document.
    """
    status = ExecutionStatus(execution["status"])
    if status in _UNDISTURBED:
        return False
    asked = "cancel" in execution or bool(execution.get("cancelled"))
    return asked or status is ExecutionStatus.CANCELLED
