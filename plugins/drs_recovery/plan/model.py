"""
The recovery plan: what a plan file says, checked and with all defaults filled in.

No airflow, no boto3, and no I/O; ``plan.loader`` reads the files.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ModelWrapValidatorHandler, ValidationError, model_validator
from pydantic_core import InitErrorDetails

from drs_recovery.plan.fields import (
    ConnectionId,
    DagTag,
    Duration,
    Name,
    PlanId,
    PointInTime,
    Prose,
    RegionName,
    SuccessCondition,
)
from drs_recovery.plan.parts import (
    DEFAULT_WAVE_TIMEOUT,
    SWITCH,
    Approval,
    Drill,
    Gate,
    NotifierCall,
    Notify,
    Objectives,
    Pause,
    PlanModel,
    ProtectionGroup,
    RecoveryApproval,
    Schedule,
    Server,
)
from drs_recovery.plan.points_in_time import LATEST
from drs_recovery.plan.problems import Finding, field_findings, sentence_error
from drs_recovery.plan.rules import rule_findings, size_findings
from drs_recovery.plan.steps import AnyStep
from drs_recovery.plan.success_rule import SuccessRule
from drs_recovery.plan.task_ids import BEFORE, wave_group_id
from drs_recovery.statuses import ExecutionType

DAG_ID_PREFIX = "recover_"


def asset_uri(plan_id: str) -> str:
    """Of the Asset that gets an event whenever an execution of a plan ends."""
    return f"drs-recovery://plans/{plan_id}"


"""Of the DAG of a plan, in front of the plan's id."""

PLAN_TAG = "recovery-plan"

BROKEN_TAG = "broken-plan"

__all__ = [
    "Approval",
    "Drill",
    "Gate",
    "NotifierCall",
    "Notify",
    "Objectives",
    "Pause",
    "ProtectionGroup",
    "RecoveryApproval",
    "RecoveryPlan",
    "Schedule",
    "Server",
    "SuccessRule",
    "Wave",
    "plan_from_snapshot",
]

# The store numbers waves with two digits, so that their records sort.
MOST_WAVES = 99

MOST_STEPS = 20


class Wave(PlanModel):
    """Groups that are recovered at the same time."""

    name: Name = Field(description="Name for people; other waves refer to it.")
    groups: tuple[Name, ...] = Field(min_length=1, description="Protection groups of this wave.")
    depends_on: tuple[Name, ...] | None = Field(
        default=None,
        description="Waves that must be completed first; default: the wave before; [] starts at once.",
    )
    pause_before: Annotated[Pause | None, SWITCH] = Field(
        default=None, description="Gate before the wave; true for a gate with all defaults."
    )
    timeout: Duration = Field(default=DEFAULT_WAVE_TIMEOUT, description="How long the launch may take.")
    success_when: SuccessCondition = Field(
        default=SuccessRule(),
        description="Which servers must launch: critical, all, or a percentage such as 80%.",
    )
    on_failure: Literal["stop", "continue", "ask"] = Field(
        default="stop", description="What happens to the waves that depend on this one when it fails."
    )
    wait_before: Duration | None = Field(default=None, description="Time to wait before the wave starts.")
    only: Literal["drill", "recovery"] | None = Field(
        default=None, description="Kind of execution that runs this wave; default: both."
    )
    before: tuple[AnyStep, ...] = Field(
        default=(), max_length=MOST_STEPS, description="Steps before the launch, in order."
    )
    after: tuple[AnyStep, ...] = Field(
        default=(), max_length=MOST_STEPS, description="Steps and probes after the launch, in order."
    )

    def is_for(self, execution_type: ExecutionType | str) -> bool:
        """Whether an execution of a type runs this wave; all of them are recovered by a failback, too."""
        return self.only is None or execution_type.lower() in (self.only, "failback")

    def steps(self, side: str) -> tuple[AnyStep, ...]:
        """Steps of a side: ``before`` or ``after`` the launch."""
        return self.before if side == BEFORE else self.after


class RecoveryPlan(PlanModel):
    """A whole plan; waves are numbered from 1 in the order of the file."""

    schema_version: Literal[1] = Field(description="Version of this format: 1.")
    id: PlanId = Field(description="Names the DAG recover_<id>; default: the file's name without its ending.")
    name: Name = Field(description="Name for people; default: the id.")
    description: Prose | None = Field(default=None, description="What the plan is for.")
    owner: Name | None = Field(default=None, description="Team responsible for the plan.")
    tags: tuple[DagTag, ...] = Field(default=(), description="Tags of the DAG in Airflow.")
    objectives: Objectives = Field(
        default=Objectives(), description="Recovery time and recovery point to measure against."
    )
    priority: Literal["critical", "high", "normal", "low"] = Field(
        default="normal",
        description="Which waves start first when DRS lacks capacity for all: critical, high, normal or low.",
    )
    region: RegionName | None = Field(default=None, description="AWS Region of groups without their own.")
    connection: ConnectionId = Field(
        default="aws_default",
        description="Airflow connection to AWS; a role_arn in its extra leads to another account.",
    )
    schedule: Schedule | None = Field(default=None, description="When drills run automatically.")
    notify: Notify | None = Field(default=None, description="Who is notified of an execution.")
    approval: Approval = Field(default=Approval(), description="Which executions need an approval.")
    drill: Drill = Field(default=Drill(), description="Settings of drills.")
    point_in_time: PointInTime | None = Field(
        default=None,
        description='"latest", or a UTC time: the newest snapshots not after it; default: latest.',
    )
    protection_groups: dict[Name, ProtectionGroup] = Field(
        min_length=1, description="Groups of servers by name; each belongs to one wave."
    )
    waves: tuple[Wave, ...] = Field(
        min_length=1, max_length=MOST_WAVES, description="Waves of the recovery, in order."
    )

    @model_validator(mode="wrap")
    @classmethod
    def _tell_every_problem(cls, data: object, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """Check fields and the rules between them together: nobody fixes one error to meet the next."""
        try:
            plan = handler(_with_defaults(data))
        except ValidationError as error:
            raise _validation_error([*field_findings(error, cls, data), *rule_findings(data)]) from None
        dumped = plan.model_dump(mode="json")
        if findings := [*rule_findings(dumped), *size_findings(dumped)]:
            raise _validation_error(findings)
        return plan

    @property
    def dag_id(self) -> str:
        """Id of the plan's DAG."""
        return f"{DAG_ID_PREFIX}{self.id}"

    def digest(self) -> str:
        """SHA-256 of the plan's content in hex: the same for the same plan, however its file is written."""
        canonical = json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()

    def wave(self, number: int) -> Wave:
        """
        One wave.

        :raises LookupError: when the plan has no such wave.
        """
        if not 1 <= number <= len(self.waves):
            raise LookupError(f"plan {self.id} has no wave {number} (it has {len(self.waves)})")
        return self.waves[number - 1]

    def point_in_time_of(self, group: ProtectionGroup, server_id: str) -> str:
        """From when the data of a server of a group shall be: the nearer wish wins, else the latest data."""
        of_server = [one.point_in_time for one in group.servers or () if one.id == server_id]
        wishes = (*of_server, group.point_in_time, self.point_in_time)
        return next((wish for wish in wishes if wish is not None), LATEST)

    def groups_of(self, number: int) -> tuple[tuple[str, ProtectionGroup], ...]:
        """Name and group of each protection group of a wave, in the wave's order."""
        return tuple((name, self.protection_groups[name]) for name in self.wave(number).groups)

    def dependencies(self, number: int) -> tuple[int, ...]:
        """Numbers of the waves that must be completed first; by default the wave before."""
        names = self.wave(number).depends_on
        if names is None:
            return (number - 1,) if number > 1 else ()
        numbers = {wave.name: index for index, wave in enumerate(self.waves, start=1)}
        return tuple(sorted(numbers[name] for name in names))

    def depths(self) -> dict[int, int]:
        """For each wave by number, how many waves run one after another at the most until it has ended."""
        depths: dict[int, int] = {}

        def depth_of(number: int) -> int:
            if number not in depths:
                depths[number] = 1 + max((depth_of(other) for other in self.dependencies(number)), default=0)
            return depths[number]

        for number in self._numbers():
            depth_of(number)
        return depths

    def root_waves(self) -> tuple[int, ...]:
        """Numbers of the waves that depend on none."""
        return tuple(number for number in self._numbers() if not self.dependencies(number))

    def root_ancestors(self, number: int) -> tuple[int, ...]:
        """Numbers of the root waves that a wave comes after, directly or not; a root wave's own number."""
        return tuple(sorted({number, *self.ancestors(number)}.intersection(self.root_waves())))

    def ancestors(self, number: int) -> tuple[int, ...]:
        """Numbers of the waves that a wave comes after, directly or not."""
        seen: set[int] = set()
        waiting = list(self.dependencies(number))
        while waiting:
            current = waiting.pop()
            if current not in seen:
                seen.add(current)
                waiting.extend(self.dependencies(current))
        return tuple(sorted(seen))

    def group_task_id(self, number: int) -> str:
        """Id of a wave's task group, such as ``wave_02_application``; never over 70 characters."""
        return wave_group_id(number, self.wave(number).name)

    def needs_gate(self, number: int, execution_type: ExecutionType | str) -> bool:
        """Whether a wave waits for an approval."""
        pause = self.wave(number).pause_before
        if pause is not None and pause.is_for(execution_type):
            return True
        is_recovery = ExecutionType(execution_type) is ExecutionType.RECOVERY
        return is_recovery and self.approval.recovery is not None and not self.dependencies(number)

    def may_gate(self, number: int) -> bool:
        """Whether a wave waits for an approval in some type of execution."""
        return any(self.needs_gate(number, execution_type) for execution_type in ExecutionType)

    def _numbers(self) -> range:
        return range(1, len(self.waves) + 1)


def plan_from_snapshot(snapshot: Mapping[str, Any]) -> RecoveryPlan:
    """
    Read a plan back from what an execution stored when it opened.

    :param snapshot: made by ``model_dump(mode="json")``.
    :raises pydantic.ValidationError: when it is no plan.
    """
    return RecoveryPlan.model_validate(snapshot)


def _with_defaults(data: object) -> object:
    """Fill in what depends on other keys: the plan's name, and the Region and connection of groups."""
    if not isinstance(data, Mapping):
        return data
    filled = {"name": data.get("id"), **data} if "id" in data else dict(data)
    groups = data.get("protection_groups")
    if isinstance(groups, Mapping):
        shared = {key: data[key] for key in ("region", "connection") if data.get(key) is not None}
        filled["protection_groups"] = {
            name: {**shared, **group} if isinstance(group, Mapping) else group
            for name, group in groups.items()
        }
    return filled


def _validation_error(findings: list[Finding]) -> ValidationError:
    lines = [
        InitErrorDetails(type=sentence_error(finding.message), loc=finding.location, input=None)
        for finding in findings
    ]
    return ValidationError.from_exception_data("RecoveryPlan", lines)
