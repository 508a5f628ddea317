"""What is checked before anything is launched."""

from drs_recovery.preflight.checks import Preflight
from drs_recovery.preflight.instances_in_use import UseCheck
from drs_recovery.preflight.points_in_time import PointCheck
from drs_recovery.preflight.servers import GroupResolver, Resolution

__all__ = [
    "GroupResolver",
    "PointCheck",
    "Preflight",
    "Resolution",
    "UseCheck",
]
