"""Which executions people ended before their time, whatever status they ended with."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from drs_recovery.statuses import ExecutionStatus

# How records of earlier releases begin a reason that a person gave.
_BY_MARKING = re.compile(r"^the DAG run was marked as \w+: ")

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


def cancel_words(execution: Mapping[str, Any]) -> str | None:
    """
    Say who cancelled an execution and why, such as ``cancelled by admin: wrong plan``; None if nobody did.

    :param execution: EXECUTION record or document.
    """
    cancel = execution.get("cancel")
    return f"cancelled by {cancel['actor']}: {cancel_reason(cancel)}" if cancel else None


def cancel_reason(cancel: Mapping[str, Any]) -> str:
    """
    Why somebody cancelled: Airflow's way of doing so says nothing beside what the person said.

    :param cancel: of the execution.
    """
    return _BY_MARKING.sub("", str(cancel["reason"]))
