"""Kinds of steps before and after a wave: one file a kind, found by their files; no Airflow, no boto3."""

from drs_recovery.steps.kind import BatchedKind, Login, Look, Place, Recipient, StepKind, StepRun

__all__ = [
    "BatchedKind",
    "Login",
    "Look",
    "Place",
    "Recipient",
    "StepKind",
    "StepRun",
]
