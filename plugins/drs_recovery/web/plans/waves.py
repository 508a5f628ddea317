"""The waves of a plan, in words: what a recovery will do."""

from __future__ import annotations

from dataclasses import dataclass

from drs_recovery.durations import words
from drs_recovery.plan.model import Gate, ProtectionGroup, RecoveryPlan, SuccessRule, Wave
from drs_recovery.web.shared.formatting import counted

_FAILURES = {
    "stop": "what depends on it does not start",
    "continue": "the execution goes on",
    "ask": "people are asked",
}


@dataclass(frozen=True)
class PlanWave:
    """
    One wave of a plan.

    :param number: from 1.
    :param name: in the plan.
    :param after: such as ``after Database``, or ``at once``.
    :param groups: each with its servers and Region, such as ``database: 2 servers, us-east-1``.
    :param gate: who is asked before it starts; empty without a gate.
    :param timeout: how long the launch may take.
    :param success: when it succeeds.
    :param failure: what happens when it fails.
    """

    number: int
    name: str
    after: str
    groups: tuple[str, ...]
    gate: str
    timeout: str
    success: str
    failure: str


def plan_waves(plan: RecoveryPlan) -> tuple[PlanWave, ...]:
    """
    Describe the waves of a plan, in order.

    :param plan: a good one.
    """
    return tuple(_plan_wave(plan, number, wave) for number, wave in enumerate(plan.waves, start=1))


def _plan_wave(plan: RecoveryPlan, number: int, wave: Wave) -> PlanWave:
    earlier = [plan.wave(other).name for other in plan.dependencies(number)]
    return PlanWave(
        number=number,
        name=wave.name,
        after=f"after {', '.join(earlier)}" if earlier else "at once",
        groups=tuple(_group(name, group) for name, group in plan.groups_of(number)),
        gate=_gates(plan, number, wave),
        timeout=words(wave.timeout.total_seconds()),
        success=_success(wave.success_when),
        failure=_FAILURES[wave.on_failure],
    )


def _group(name: str, group: ProtectionGroup) -> str:
    if group.servers:
        servers = counted(len(group.servers), "server")
    else:
        tags = ", ".join(f"{key}={value}" for key, value in (group.tags or {}).items())
        servers = f"servers with {tags}"
    return f"{name}: {servers}, {group.region}"


def _gates(plan: RecoveryPlan, number: int, wave: Wave) -> str:
    if wave.pause_before:
        return f"asks {_people(wave.pause_before)}"
    if plan.approval.recovery and not plan.dependencies(number):
        return f"asks {_people(plan.approval.recovery)} in a real recovery"
    return ""


def _people(gate: Gate) -> str:
    return " or ".join(gate.approvers) or "whoever may trigger the plan"


def _success(rule: SuccessRule) -> str:
    if rule.kind == "percentage":
        return f"{rule.percent}% of its servers launch"
    return "every server launches" if rule.kind == "all" else "every critical server launches"
