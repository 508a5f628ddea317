"""
The moment of which a page tells, in steps: the page of an unchanged record stays the same for some seconds.

The browser fetches it again and again, and a page that is byte for byte as before costs nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drs_recovery.statuses import ExecutionStatus

# Seconds. A drawing of the timeline cannot show less than this part of its length.
_STEPS = (10, 30, 60, 300, 600, 1800, 3600)
_SMALLEST_PART = 200


def page_moment(document: Mapping[str, Any], now: float) -> float:
    """
    The moment of a page: the end of an execution that has ended, else now, in steps that grow with it.

    Never before anything that the record tells of.

    :param document: the execution document.
    :param now: epoch seconds.
    """
    if ExecutionStatus(document["status"]).is_final and "endTime" in document:
        return float(document["endTime"])
    part = (now - document["submittedTime"]) / _SMALLEST_PART
    step = next((step for step in _STEPS if step >= part), _STEPS[-1])
    return max(now // step * step, float(document["lastUpdatedTime"]))
