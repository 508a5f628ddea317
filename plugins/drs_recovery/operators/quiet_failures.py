"""
Failures that are results: a wave that failed, an execution that was refused.

Airflow's task runner logs every failure with its traceback. Of these, the text says everything: a traceback
would look like a mistake in this program.
"""

from __future__ import annotations

import sys
from typing import Any

import structlog
from airflow.sdk.exceptions import AirflowFailException


class ExpectedFailureError(AirflowFailException):
    """A step ends for good, and its text says why."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        _log_without_traceback()


def _log_without_traceback() -> None:
    """Have this process's logs name such a failure by its text alone."""
    processors = structlog.get_config()["processors"]
    if _text_alone not in processors:
        processors.insert(0, _text_alone)


def _text_alone(_logger: Any, _method: str, event: Any) -> Any:
    told = event.get("exc_info")
    error = sys.exc_info()[1] if told is True else told[1] if isinstance(told, tuple) else told
    if isinstance(error, ExpectedFailureError):
        event.pop("exc_info")
        event["event"] = f"{event['event']}: {error}"
    return event
