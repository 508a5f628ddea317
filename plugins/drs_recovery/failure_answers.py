"""What people can answer when they are asked about a failed wave: the options of Airflow's form."""

from __future__ import annotations

from collections.abc import Mapping

from drs_recovery.statuses import FailureDecision

RETRY, CONTINUE, STOP = "Retry the failed servers", "Continue with the next waves", "Stop"

FAILURE_ANSWERS: Mapping[str, FailureDecision] = {
    RETRY: FailureDecision.RETRY,
    CONTINUE: FailureDecision.CONTINUE,
    STOP: FailureDecision.STOP,
}
