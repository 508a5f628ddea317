"""Triggers: what waits in the triggerer. Data only; every state is in DRS and in the store."""

from drs_recovery.triggers.queue_turn import QueueTurnTrigger
from drs_recovery.triggers.recovery_job import RecoveryJobTrigger
from drs_recovery.triggers.step import StepTrigger

__all__ = [
    "QueueTurnTrigger",
    "RecoveryJobTrigger",
    "StepTrigger",
]
