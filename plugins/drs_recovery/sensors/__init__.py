"""Sensors: they judge, they start nothing."""

from drs_recovery.sensors.recovery_job import RecoveryJobSensor

__all__ = [
    "RecoveryJobSensor",
]
