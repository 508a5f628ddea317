"""The opening of an execution: its options, its record, and what stands in its way."""

from drs_recovery.opening.live_plans import (
    KeptPlan,
    delete_plan,
    keep_plan,
    kept_plans,
    read_plan,
    versions_needed,
)
from drs_recovery.opening.options import RunOptions, read_options, replaced_executions
from drs_recovery.opening.point_in_time import (
    PointOption,
    read_point_option,
    wished_point,
)
from drs_recovery.opening.precedence import (
    Need,
    Obstacle,
    busy_place,
    check_reopening,
    disturbed_recovery,
    make_way,
    needed_by,
    second_of_plan,
)
from drs_recovery.opening.record import new_execution
from drs_recovery.opening.snapshots import choose_points, gone_snapshots, read_history

__all__ = [
    "KeptPlan",
    "Need",
    "Obstacle",
    "PointOption",
    "RunOptions",
    "busy_place",
    "check_reopening",
    "choose_points",
    "delete_plan",
    "disturbed_recovery",
    "gone_snapshots",
    "keep_plan",
    "kept_plans",
    "make_way",
    "needed_by",
    "new_execution",
    "read_history",
    "read_options",
    "read_plan",
    "read_point_option",
    "replaced_executions",
    "second_of_plan",
    "versions_needed",
    "wished_point",
]
