"""Triggers: what waits in the triggerer. Data only; every state is in DRS and in the store."""

from drs_recovery.triggers.queue_turn import QueueTurnTrigger
from drs_recovery.triggers.recovery_job import RecoveryJobTrigger

__all__ = [
    "QueueTurnTrigger",
    "RecoveryJobTrigger",
]
