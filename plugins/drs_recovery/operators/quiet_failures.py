"""
Failures that are results, such as a wave that failed, and those that another try may mend, such as of AWS.

Airflow's task runner logs every failure with its traceback. Of these, the text says everything: a traceback
would look like a mistake in this program.
"""

from __future__ import annotations

import sys
from typing import Any

import structlog
from airflow.sdk.exceptions import AirflowFailException

from drs_recovery.hooks.errors import FORESEEN_ERRORS, describe


class ExpectedFailureError(AirflowFailException):
    """A step ends for good, and its text says why."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        log_without_traceback()


def log_without_traceback() -> None:
    """Have this process's logs name such failures by their text alone."""
    processors = structlog.get_config()["processors"]
    if _text_alone not in processors:
        processors.insert(0, _text_alone)


def _text_alone(_logger: Any, _method: str, event: Any) -> Any:
    told = event.get("exc_info")
    error = sys.exc_info()[1] if told is True else told[1] if isinstance(told, tuple) else told
    if isinstance(error, Exception) and isinstance(error, (ExpectedFailureError, *FORESEEN_ERRORS)):
        event.pop("exc_info")
        reason = str(error) if isinstance(error, ExpectedFailureError) else describe(error)
        event["event"] = f"{event['event']}: {reason}"
    return event
