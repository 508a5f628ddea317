"""The end of an execution, however it came: its outcome, and records that nobody closed."""

from drs_recovery.closing.close import ExecutionCloser
from drs_recovery.closing.left_waves import end_left_wave, follow_to_end, is_left_open
from drs_recovery.closing.outcome import (
    UNKNOWN_PERSON,
    Ending,
    Pending,
    ending_of,
    ending_without_run,
    waves_may_run,
)
from drs_recovery.closing.rebuilding import LOST, FoundJob, Rebuilder, jobs_by_wave, server_of
from drs_recovery.closing.reconciler import RunStateOf, reconcile, set_kept_plans_right

__all__ = [
    "LOST",
    "UNKNOWN_PERSON",
    "Ending",
    "ExecutionCloser",
    "FoundJob",
    "Pending",
    "Rebuilder",
    "RunStateOf",
    "end_left_wave",
    "ending_of",
    "ending_without_run",
    "follow_to_end",
    "is_left_open",
    "jobs_by_wave",
    "reconcile",
    "server_of",
    "set_kept_plans_right",
    "waves_may_run",
]
