"""What people and monitoring are told: messages, and metrics."""

from drs_recovery.notifications.announcer import Announcer
from drs_recovery.notifications.events import Asked
from drs_recovery.notifications.unrecorded import Unrecorded, tell_unrecorded

__all__ = [
    "Announcer",
    "Asked",
    "Unrecorded",
    "tell_unrecorded",
]
