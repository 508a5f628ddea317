"""Recovery plans: reading their files, and every rule that a plan keeps; neither Airflow nor AWS."""

from drs_recovery.plan import task_ids
from drs_recovery.plan.cache import load_plans
from drs_recovery.plan.fields import (
    PLAN_ID_PATTERN,
    ConnectionId,
    Duration,
    HttpUrl,
    Line,
    Name,
    Prose,
    Text,
)
from drs_recovery.plan.json_schema import plan_schema
from drs_recovery.plan.loader import LoadedPlans, load_files, plan_files
from drs_recovery.plan.message_templates import PLAN_VALUES, Values, render_message
from drs_recovery.plan.model import (
    BROKEN_TAG,
    DAG_ID_PREFIX,
    MOST_STEPS,
    MOST_WAVES,
    PLAN_TAG,
    Gate,
    ProtectionGroup,
    RecoveryApproval,
    RecoveryPlan,
    Schedule,
    SuccessRule,
    Wave,
    asset_uri,
    plan_from_snapshot,
)
from drs_recovery.plan.parts import DEFAULT_GATE_TIMEOUT, NotifierCall, PlanModel
from drs_recovery.plan.points_in_time import LATEST, point_seconds, read_point
from drs_recovery.plan.problems import did_you_mean, place, quoted
from drs_recovery.plan.step_kinds import step_kinds
from drs_recovery.plan.steps import Step
from drs_recovery.plan.task_ids import (
    AFTER,
    BEFORE,
    FINALIZE,
    PUBLISH,
    REMOVED,
    chosen_waves,
    is_task_of,
    is_to_come,
    missing_tasks,
    step_of_task,
    wave_task_ids,
)
from drs_recovery.plan.words import escaped

__all__ = [
    "AFTER",
    "BEFORE",
    "BROKEN_TAG",
    "DAG_ID_PREFIX",
    "DEFAULT_GATE_TIMEOUT",
    "FINALIZE",
    "LATEST",
    "MOST_STEPS",
    "MOST_WAVES",
    "PLAN_ID_PATTERN",
    "PLAN_TAG",
    "PLAN_VALUES",
    "PUBLISH",
    "REMOVED",
    "ConnectionId",
    "Duration",
    "Gate",
    "HttpUrl",
    "Line",
    "LoadedPlans",
    "Name",
    "NotifierCall",
    "PlanModel",
    "Prose",
    "ProtectionGroup",
    "RecoveryApproval",
    "RecoveryPlan",
    "Schedule",
    "Step",
    "SuccessRule",
    "Text",
    "Values",
    "Wave",
    "asset_uri",
    "chosen_waves",
    "did_you_mean",
    "escaped",
    "is_task_of",
    "is_to_come",
    "load_files",
    "load_plans",
    "missing_tasks",
    "place",
    "plan_files",
    "plan_from_snapshot",
    "plan_schema",
    "point_seconds",
    "quoted",
    "read_point",
    "render_message",
    "step_kinds",
    "step_of_task",
    "task_ids",
    "wave_task_ids",
]
