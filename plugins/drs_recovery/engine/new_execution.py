"""Compose the record with which an execution begins."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import median
from typing import Any, NamedTuple

from drs_recovery.engine.run_options import RunOptions
from drs_recovery.plan import RecoveryPlan
from drs_recovery.records import ExecutionFilter, NewExecution, NewWave
from drs_recovery.statuses import ExecutionStatus, ExecutionType, SkipCause
from drs_recovery.store import ExecutionStore

# Seconds that DRS usually takes for one wave; real recoveries run post-launch actions too.
USUAL_WAVE_SECONDS: Mapping[ExecutionType, int] = {ExecutionType.DRILL: 1200, ExecutionType.RECOVERY: 1800}

# How many earlier executions the expected duration looks back on.
HISTORY = 20

SKIP_REASONS: Mapping[SkipCause, str] = {
    SkipCause.NOT_CHOSEN: "not among the waves chosen for this execution",
    SkipCause.DRY_RUN: "dry run: everything is checked, nothing is launched",
}


def new_execution(
    store: ExecutionStore,
    plan: RecoveryPlan,
    context: Mapping[str, Any],
    execution_id: str,
    options: RunOptions,
) -> NewExecution:
    """
    Compose the record of an execution.

    :param store: read for how long earlier executions of the plan took.
    :param plan: the plan; a copy goes into the record.
    :param context: Airflow's task context.
    :param execution_id: id of the new execution.
    :param options: what was chosen.
    """
    dag_run = context["dag_run"]
    expected = expectation(store, plan, options.execution_type)
    return NewExecution(
        execution_id=execution_id,
        plan_id=plan.id,
        plan_name=plan.name,
        plan_hash=plan.digest(),
        plan_snapshot=plan.model_dump(mode="json"),
        dag_id=dag_run.dag_id,
        dag_run_id=dag_run.run_id,
        execution_type=options.execution_type,
        initiated_by=_initiator(dag_run),
        ticket=options.ticket,
        reason=options.reason,
        dry_run=options.dry_run,
        keep_instances=options.keep_instances,
        expected_duration=expected.seconds,
        expected_samples=expected.samples,
        objectives={name: span.total_seconds() for name, span in plan.objectives if span is not None},
        waves=tuple(
            _new_wave(plan, number, wave.name, options) for number, wave in enumerate(plan.waves, start=1)
        ),
    )


class Expectation(NamedTuple):
    """
    How long an execution should take.

    :param seconds: the time.
    :param samples: of how many earlier executions it is the median; 0 if it is DRS's usual time.
    """

    seconds: float
    samples: int


def expectation(store: ExecutionStore, plan: RecoveryPlan, execution_type: ExecutionType) -> Expectation:
    """
    How long an execution should take: the median of this plan's earlier ones, else DRS's usual time.

    :param store: the history.
    :param plan: the plan.
    :param execution_type: only executions of the same type are compared.
    """
    wanted = ExecutionFilter(plan_id=plan.id, status=ExecutionStatus.COMPLETED)
    page = store.list_executions(wanted, limit=HISTORY)
    durations = [
        float(item["duration"])
        for item in page.items
        if item["executionType"] == execution_type and not item.get("dryRun") and item.get("duration")
    ]
    if durations:
        return Expectation(median(durations), len(durations))
    return Expectation(float(USUAL_WAVE_SECONDS[execution_type] * longest_chain(plan)), 0)


def longest_chain(plan: RecoveryPlan) -> int:
    """How many waves of a plan run one after another at the most."""
    return max(plan.depths().values())


def _new_wave(plan: RecoveryPlan, number: int, name: str, options: RunOptions) -> NewWave:
    cause = _skip_cause(number, options)
    return NewWave(number, name, plan.dependencies(number), cause, cause and SKIP_REASONS[cause])


def _skip_cause(number: int, options: RunOptions) -> SkipCause | None:
    if options.dry_run:
        return SkipCause.DRY_RUN
    return None if number in options.waves else SkipCause.NOT_CHOSEN


def _initiator(dag_run: Any) -> str:
    """The person who triggered the run, or how it came about (``scheduled``, ``backfill``)."""
    return str(dag_run.triggering_user_name or dag_run.run_type.value)
