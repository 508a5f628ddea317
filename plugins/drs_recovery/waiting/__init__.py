"""How the waits of one triggerer share their questions: one DescribeJobs a target, whoever waits there."""

from drs_recovery.waiting.execution import waiting
from drs_recovery.waiting.poller import PollSchedule
from drs_recovery.waiting.shared import shared_state
from drs_recovery.waiting.step import StepWait
from drs_recovery.waiting.turn import TurnWait

__all__ = [
    "PollSchedule",
    "StepWait",
    "TurnWait",
    "shared_state",
    "waiting",
]
