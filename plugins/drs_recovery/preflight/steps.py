"""Is everything there that the steps of the waves need, and may it be used?"""

from __future__ import annotations

import json
import logging
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, cast

from drs_recovery.hooks import AWS_ERRORS, Clients, Target, describe
from drs_recovery.plan import AFTER, BEFORE
from drs_recovery.preflight.findings import Check, Severity
from drs_recovery.preflight.permissions import arn_for, lacked_rights
from drs_recovery.steps import Place

if TYPE_CHECKING:
    from drs_recovery.plan import RecoveryPlan, Step
    from drs_recovery.statuses import ExecutionType
    from drs_recovery.steps import StepKind

log = logging.getLogger(__name__)

_TO_PROVIDE = "create it in the account and Region of the wave's first group, or correct the plan"
_TO_GRANT = "grant them as the policies of steps in infra/iam.yaml do"
_TO_ASK = "compare the rights of the connection with the policies of steps in infra/iam.yaml"


@dataclass(frozen=True)
class StepOfWave:
    """A step of a plan, where it stands."""

    step: Step
    wave: int
    side: str
    number: int

    @property
    def label(self) -> str:
        """How findings name it."""
        return f'step {self.side} {self.number} "{self.step.title}"'

    @cached_property
    def kind(self) -> StepKind:
        """Its kind."""
        return cast("StepKind", self.step.kind)

    @property
    def is_known(self) -> bool:
        """Whether what it needs is known by now: a placeholder gets its value when the step runs."""
        told = self.step.arguments.model_dump(mode="json", include=set(self.kind.resource_keys))
        text = json.dumps(told)
        return bool(self.kind.resource_keys) and "{{" not in text and "{%" not in text

    def check(self, what: str, remedy: str, severity: Severity = Severity.ENDANGERS) -> Check:
        """A finding about it; a step whose failure is a warning is no more than notable."""
        counts = Severity.NOTABLE if self.step.on_failure == "continue" else severity
        return Check(counts, f"{self.label}: {what}", remedy, wave_number=self.wave)


def step_checks(
    clients: Clients, plan: RecoveryPlan, waves: Collection[int], execution_type: ExecutionType
) -> Iterator[Check]:
    """Check the steps that an execution will run."""
    for number in sorted(waves):
        group = plan.groups_of(number)[0][1]
        place = Place(group.connection, group.region)
        for found in _steps_of(plan, number):
            if found.step.is_for(execution_type) and found.is_known:
                yield from _existence(clients, place, found)
                yield from _rights(clients, place, found)


def _steps_of(plan: RecoveryPlan, number: int) -> Iterator[StepOfWave]:
    wave = plan.wave(number)
    for side in (BEFORE, AFTER):
        for place, step in enumerate(wave.steps(side), start=1):
            yield StepOfWave(step, number, side, place)


def _existence(clients: Clients, place: Place, found: StepOfWave) -> Iterator[Check]:
    try:
        missing = found.kind.missing(lambda at: clients.at(*at), place, found.step.arguments)
    except AWS_ERRORS as error:
        yield found.check(f"what it needs could not be checked: {describe(error)}", _TO_ASK, Severity.NOTABLE)
        return
    if missing:
        yield found.check(missing, _TO_PROVIDE)


def _rights(clients: Clients, place: Place, found: StepOfWave) -> Iterator[Check]:
    """By simulation, where the connection may simulate; what is not certain is not reported."""
    rights = clients.at(*place).rights
    try:
        principal = rights.principal()
        if principal is None:
            return
        wanted = found.kind.rights(found.step.arguments, partial(arn_for, principal, place.region))
        for resource, actions in wanted.items():
            if lacked := lacked_rights(rights, principal, Target(*place), resource, actions):
                who = f"{principal} (connection {place.connection})"
                yield found.check(f"{who} lacks {', '.join(lacked)} on {resource}", _TO_GRANT)
    except AWS_ERRORS as error:
        log.info("rights of connection %s not checked: %s", place.connection, describe(error))
