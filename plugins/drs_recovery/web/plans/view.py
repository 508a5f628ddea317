"""The page of one plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from drs_recovery.plan.model import RecoveryPlan
from drs_recovery.web.plans.cards import PlanCard
from drs_recovery.web.plans.changes import PlanChanges, plan_changes
from drs_recovery.web.plans.charts import DrillChart, OutcomeChart
from drs_recovery.web.plans.drill_charts import recovery_time_chart, wave_time_charts
from drs_recovery.web.plans.drill_times import chart_drills
from drs_recovery.web.plans.inputs import Record
from drs_recovery.web.plans.outcome_chart import outcome_chart
from drs_recovery.web.plans.waves import PlanWave, plan_waves
from drs_recovery.web.shared.runs import RunSummary, run_summary


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
        :func:`~drs_recovery.web.plans.drill_times.chart_drills` picks from the executions.
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
