"""The end of instances: what is asked for, what is due, and what nobody remembers."""

from drs_recovery.termination.calls import known_targets
from drs_recovery.termination.due import DueTerminations
from drs_recovery.termination.instance_check import InstanceChecker
from drs_recovery.termination.request import TerminationRequest, read_request
from drs_recovery.termination.sweep import Sweeper
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
