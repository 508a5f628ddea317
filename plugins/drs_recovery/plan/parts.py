"""The parts of a recovery plan: servers, groups, gates, schedule, settings; and the base of all models."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    StrictBool,
    model_serializer,
    model_validator,
)

from drs_recovery.durations import DEFAULT_TERMINATE_AFTER
from drs_recovery.plan.fields import (
    Argument,
    ClassPath,
    ConnectionId,
    Cron,
    Duration,
    Line,
    Name,
    PointInTime,
    Prose,
    RegionName,
    Retention,
    ServerId,
    TagKey,
    TagValue,
    TimeZone,
    TopicArn,
)
from drs_recovery.plan.problems import quoted, sentence_error

# Every wait has an end: a question that nobody answers must not hold an execution for ever.
DEFAULT_GATE_TIMEOUT = timedelta(days=1)
# Four times the longest job on record of 25 servers (about 29 minutes), and the end of every wave's wait.
DEFAULT_WAVE_TIMEOUT = timedelta(hours=2)


def left_out(dumped: dict[str, Any], *names: str) -> dict[str, Any]:
    """
    A part without keys that an earlier release does not know, as long as they are not set.

    It refuses to read a plan that has them, and takes a plan of another hash for another plan.
    """
    return {name: value for name, value in dumped.items() if name not in names or value is not None}


class PlanModel(BaseModel):
    """Base of all parts: frozen, no unknown keys, written with the names that plan files use."""

    # Deferred: the kinds of steps are looked for when a plan is read, not when this package is imported.
    model_config = ConfigDict(frozen=True, extra="forbid", serialize_by_alias=True, defer_build=True)


def _switch(value: object) -> object:
    """``true`` stands for all defaults and ``false`` for nothing."""
    if isinstance(value, bool):
        return {} if value else None
    if value is None or isinstance(value, (Mapping, PlanModel)):
        return value
    raise sentence_error(f"expected true, false or a mapping, found {quoted(value)}")


# Annotation of an optional part that ``true`` and ``false`` switch on and off.
SWITCH = BeforeValidator(_switch)


class Server(PlanModel):
    """One source server of a group; in a file also just its id."""

    id: ServerId = Field(description="DRS source server id.")
    critical: StrictBool = Field(
        default=True, description="Whether the wave fails when this server does not launch."
    )
    point_in_time: PointInTime | None = Field(
        default=None,
        description='"latest", or a UTC time: the newest snapshot not after it; default: as its group.',
    )

    @model_validator(mode="before")
    @classmethod
    def _accept_id(cls, data: object) -> object:
        return data if isinstance(data, (Mapping, Server)) else {"id": data}


class ProtectionGroup(PlanModel):
    """Servers that are recovered together, either listed by id or found by their tags."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": ["servers"]}, {"required": ["tags"]}]}
    )

    servers: tuple[Server, ...] | None = Field(
        default=None, min_length=1, description="Source servers by id. Give either servers or tags."
    )
    tags: dict[TagKey, TagValue] | None = Field(
        default=None,
        min_length=1,
        description="Tags that a source server must all have; resolved when an execution opens.",
    )
    region: RegionName = Field(description="AWS Region of the source servers; default: the plan's region.")
    connection: ConnectionId = Field(
        default="aws_default", description="Airflow connection; default: the plan's connection."
    )
    point_in_time: PointInTime | None = Field(
        default=None,
        description='"latest", or a UTC time: the newest snapshots not after it; default: as the plan.',
    )


class Gate(PlanModel):
    """A question that a person must answer before a wave starts."""

    message: Prose = Field(default="Start the next wave?", description="What to check before approving.")
    approvers: tuple[Line, ...] = Field(
        default=(),
        description="Airflow user ids that may answer; default: everyone who may trigger the plan.",
        # The models take an empty list, which snapshots hold; the loader refuses it in a file.
        json_schema_extra={"minItems": 1},
    )
    timeout: Duration = Field(default=DEFAULT_GATE_TIMEOUT, description="How long to wait for an answer.")
    on_timeout: Literal["cancel", "continue"] = Field(
        default="cancel", description="What happens without an answer: cancel the execution, or continue."
    )


def _one_or_more(value: object) -> object:
    return (value,) if isinstance(value, str) else value


RunType = Literal["drill", "recovery", "failback"]
OnlyTypes = Annotated[
    tuple[RunType, ...], BeforeValidator(_one_or_more, json_schema_input_type=RunType | tuple[RunType, ...])
]


class Pause(Gate):
    """The gate of a wave."""

    only: OnlyTypes | None = Field(
        default=None, min_length=1, description="Kinds of executions that have this gate; default: all."
    )

    def is_for(self, execution_type: str) -> bool:
        """Whether an execution of a type is asked."""
        return self.only is None or execution_type.lower() in self.only


class RecoveryApproval(Gate):
    """The gate before the first waves of a real recovery."""

    message: Prose = Field(
        default="Start a real recovery?", description="What to consider before approving a real recovery."
    )
    two_person: StrictBool = Field(
        default=False, description="Whether the person who started the recovery may not approve it."
    )
    # Silence never starts a real recovery.
    on_timeout: Literal["cancel"] = Field(
        default="cancel", description="What happens without an answer: the execution is cancelled."
    )


class Approval(PlanModel):
    """Which kind of execution needs an approval before it launches anything."""

    recovery: Annotated[RecoveryApproval | None, SWITCH] = Field(
        default=RecoveryApproval(),
        description="Gate before the first waves of a real recovery; false switches it off.",
    )


class Objectives(PlanModel):
    """Objectives of a recovery."""

    rto: Duration | None = Field(default=None, description="Recovery time objective.")
    rpo: Duration | None = Field(default=None, description="Recovery point objective.")


class Schedule(PlanModel):
    """When drills run automatically; a schedule never starts a real recovery."""

    cron: Cron = Field(description="Minute, hour, day of month, month and day of week.")
    timezone: TimeZone = Field(
        default="UTC", description="IANA name of the time zone of the cron expression."
    )


# As docs/notifications.md has them.
NotifiedEvent = Literal[
    "EXECUTION_STARTED",
    "EXECUTION_COMPLETED",
    "EXECUTION_PARTIAL_SUCCESS",
    "EXECUTION_FAILED",
    "EXECUTION_CANCELLED",
    "EXECUTION_SKIPPED",
    "GATE_OPENED",
    "FAILURE_GATE_OPENED",
    "WAVE_COMPLETED",
    "WAVE_FAILED",
    "WAVE_RETRIED",
    "WAVE_SKIPPED",
    "INSTANCES_TERMINATED",
    "TERMINATION_FAILED",
    "INSTANCES_UNRECORDED",
]


class NotifierCall(PlanModel):
    """An Airflow notifier that is called on changes of an execution."""

    class_: ClassPath = Field(
        alias="class", description="Import path of a subclass of Airflow's BaseNotifier."
    )
    arguments: dict[Name, Argument] = Field(
        default={}, description="Keyword arguments of the class; texts may be Jinja templates."
    )
    events: tuple[NotifiedEvent, ...] | None = Field(
        default=None, min_length=1, description="Only these events; default: all."
    )
    types: OnlyTypes | None = Field(
        default=None, min_length=1, description="Only executions of these kinds; default: all."
    )

    def wants(self, event: str, execution_type: str) -> bool:
        """Whether it is called on an event of an execution."""
        return (self.events is None or event in self.events) and (
            self.types is None or execution_type.lower() in self.types
        )

    @model_serializer(mode="wrap")
    def _without_new_keys(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return left_out(handler(self), "events", "types")


class Notify(PlanModel):
    """Who is notified of an execution."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    sns_topic_arn: TopicArn | None = Field(
        default=None, description="SNS topic that receives a message on each important change."
    )
    notifiers: tuple[NotifierCall, ...] | None = Field(
        default=None, min_length=1, description="Airflow notifiers that are called on the same changes."
    )


class Drill(PlanModel):
    """Settings of drills."""

    terminate_after: Retention = Field(
        default=DEFAULT_TERMINATE_AFTER,
        description='When drill instances are terminated after the drill: a duration, "now" or "never".',
    )
    await_actions: StrictBool = Field(
        default=True,
        description="Whether required post-launch actions of DRS must succeed in drills, too.",
    )
