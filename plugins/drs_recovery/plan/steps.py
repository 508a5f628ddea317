"""Steps before and after a wave, as a plan file says them: one kind each, and keys that all kinds share."""

from __future__ import annotations

from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import (
    Field,
    GetCoreSchemaHandler,
    SerializerFunctionWrapHandler,
    StrictInt,
    create_model,
    model_serializer,
)
from pydantic_core import CoreSchema

from drs_recovery.plan.fields import Duration, Name
from drs_recovery.plan.parts import OnlyTypes, PlanModel
from drs_recovery.plan.step_kinds import PlanKind, step_kinds

if TYPE_CHECKING:
    from drs_recovery.statuses import ExecutionType

MOST_RETRIES = 10

# Kinds of the plan format: those that have no file yet are refused by name.
_PLANNED_KINDS = (
    "ssm_automation",
    "ssm_command",
    "lambda",
    "operator",
    "manual",
    "wait",
    "routing_control",
    "target_group",
    "tcp_probe",
    "http_probe",
    "instance_status_probe",
    "heartbeat_probe",
    "target_health_probe",
    "alarm_probe",
)


class Step(PlanModel):
    """One step: exactly one kind, and how it is run."""

    name: Name | None = Field(default=None, description="Name for people; default: that of the kind.")
    only: OnlyTypes | None = Field(
        default=None,
        min_length=1,
        description="Kinds of executions that run this step: drill, recovery, failback, or a list of them.",
    )
    timeout: Duration | None = Field(default=None, description="How long one attempt may take.")
    retries: StrictInt = Field(
        default=0, ge=0, le=MOST_RETRIES, description="Further attempts of a step that failed."
    )
    retry_delay: Duration = Field(
        default=timedelta(seconds=30), description="Time between two attempts of a step that failed."
    )
    interval: Duration = Field(
        default=timedelta(seconds=15), description="Time between two tries of a probe."
    )
    on_failure: Literal["stop", "continue", "ask"] = Field(
        default="stop", description="What a failure means: the wave fails, a warning, or a question."
    )
    servers: Literal["all", "one"] | tuple[Name, ...] = Field(
        default="all", description="Servers of the wave on which it acts: all, one, or those of groups."
    )

    @staticmethod
    def completed() -> type[Step]:
        """The model with a key for each kind."""
        return _step_model()

    @staticmethod
    def planned_keys() -> tuple[str, ...]:
        """Kinds of the plan format that do not work yet."""
        return tuple(key for key in _PLANNED_KINDS if key not in step_kinds())

    @model_serializer(mode="wrap")
    def _as_written(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out what is as by default: above all the kinds that it is not of."""
        fields = type(self).model_fields.items()
        usual = {field.alias or name for name, field in fields if getattr(self, name) == field.default}
        return {key: value for key, value in handler(self).items() if key not in usual}

    @property
    def kind(self) -> PlanKind:
        """Its kind."""
        return next(kind for kind in step_kinds().values() if self._of(kind) is not None)

    @property
    def arguments(self) -> Any:
        """What stands behind the kind's key: an instance of the kind's model."""
        return self._of(self.kind)

    @property
    def title(self) -> str:
        """How people know it."""
        return self.name or self.kind.key.replace("_", " ")

    @property
    def time_limit(self) -> timedelta:
        """How long one attempt may take."""
        return self.timeout or self.kind.time_limit(self.arguments)

    @property
    def runs_in(self) -> tuple[str, ...]:
        """Types of executions that run it, in small letters."""
        return self.only or self.kind.only

    def is_for(self, execution_type: ExecutionType | str) -> bool:
        """Whether an execution of a type runs it."""
        return execution_type.lower() in self.runs_in

    def _of(self, kind: PlanKind) -> Any:
        return getattr(self, _attribute(kind.key))


class _WithKinds:
    """Annotation of a step whose kinds are looked for when its plan's model is first used."""

    def __get_pydantic_core_schema__(self, source: type, handler: GetCoreSchemaHandler) -> CoreSchema:
        return handler.generate_schema(_step_model())


AnyStep = Annotated[Step, _WithKinds()]


def common_keys() -> tuple[str, ...]:
    """The keys that steps of all kinds have."""
    return tuple(Step.model_fields)


@cache
def _step_model() -> type[Step]:
    kinds: dict[str, Any] = {
        _attribute(key): (kind.arguments | None, Field(default=None, alias=key, description=kind.title))
        for key, kind in step_kinds().items()
    }
    return create_model("Step", __base__=Step, __module__=__name__, **kinds)


def _attribute(key: str) -> str:
    """Name of a kind's field: keywords of Python and names of other fields are none."""
    return f"{key}_"
