"""Terminate instances: on request, when they are due, and those that no record names."""

from drs_recovery.termination.due import DueTerminations
from drs_recovery.termination.instance_check import InstanceChecker
from drs_recovery.termination.request import TerminationRequest, read_request
from drs_recovery.termination.sweep import Sweeper, known_targets
from drs_recovery.termination.targets import recorded_instances
from drs_recovery.termination.terminate import TerminationLook, Terminator

__all__ = [
    "DueTerminations",
    "InstanceChecker",
    "Sweeper",
    "TerminationLook",
    "TerminationRequest",
    "Terminator",
    "known_targets",
    "read_request",
    "recorded_instances",
]
