"""Build the page of one plan: its waves in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from drs_recovery.durations import words
from drs_recovery.plan.model import Gate, ProtectionGroup, RecoveryPlan, SuccessRule, Wave
from drs_recovery.web.plans.cards import PlanCard
from drs_recovery.web.plans.changes import PlanChanges, plan_changes
from drs_recovery.web.plans.charts import DrillChart, OutcomeChart, outcome_chart
from drs_recovery.web.plans.drill_charts import chart_drills, recovery_time_chart, wave_time_charts
from drs_recovery.web.plans.sources import Record
from drs_recovery.web.shared.formatting import counted
from drs_recovery.web.shared.runs import RunSummary, run_summary

_FAILURES = {
    "stop": "what depends on it does not start",
    "continue": "the execution continues",
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
    return " or ".join(gate.approvers) or "everyone who may trigger the plan"


def _success(rule: SuccessRule) -> str:
    if rule.kind == "percentage":
        return f"{rule.percent}% of its servers launch"
    return "every server launches" if rule.kind == "all" else "every critical server launches"


@dataclass(frozen=True)
class PlanPage:
    """
    Everything about one plan.

    :param card: as on the page of plans.
    :param waves: what a recovery does, in order; empty where the plan is not known.
    :param changes: how it differs from the plan of the last good drill.
    :param recovery_times: measured RTO of the last drills; None where none has been measured.
    :param wave_times: the same for each wave, in small; empty where nothing has been measured.
    :param outcomes: how the last drills ended.
    :param history: the newest executions, dry runs too.
    """

    card: PlanCard
    waves: tuple[PlanWave, ...]
    changes: PlanChanges
    recovery_times: DrillChart | None
    wave_times: tuple[DrillChart, ...]
    outcomes: OutcomeChart
    history: tuple[RunSummary, ...]


def plan_page(
    card: PlanCard,
    plan: RecoveryPlan | None,
    last_good_drill: Record | None,
    executions: Sequence[Record],
    waves: Mapping[str, Sequence[Record]],
) -> PlanPage:
    """
    Compose the page of a plan.

    :param card: made by :func:`~drs_recovery.web.plans.cards.plan_card`.
    :param plan: None if it cannot be read.
    :param last_good_drill: EXECUTION record with its ``planSnapshot``; None if there is none.
    :param executions: EXECUTION records of the plan, newest first.
    :param waves: WAVE records by execution id, of the drills that
        :func:`~drs_recovery.web.plans.drill_charts.chart_drills` picks from the executions.
    """
    drills = chart_drills(executions)
    rto = plan.objectives.rto.total_seconds() if plan and plan.objectives.rto else None
    names = [wave.name for wave in plan.waves] if plan else _wave_names(drills, waves)
    return PlanPage(
        card=card,
        waves=plan_waves(plan) if plan else (),
        changes=plan_changes(plan, last_good_drill),
        recovery_times=recovery_time_chart(drills, rto),
        wave_times=wave_time_charts(drills, waves, names, rto),
        outcomes=outcome_chart(drills),
        history=tuple(map(run_summary, executions)),
    )


def _wave_names(drills: Sequence[Record], waves: Mapping[str, Sequence[Record]]) -> list[str]:
    """Names of the waves of the newest drill, for a plan that cannot be read."""
    newest = waves.get(drills[-1]["executionId"], ()) if drills else ()
    return [wave["waveName"] for wave in sorted(newest, key=lambda wave: int(wave["waveNumber"]))]
