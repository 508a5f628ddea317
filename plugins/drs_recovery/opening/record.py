"""Compose the record with which an execution begins."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from drs_recovery.opening.history import History
from drs_recovery.statuses import SkipCause
from drs_recovery.store import NewExecution, NewWave

if TYPE_CHECKING:
    from drs_recovery.opening.options import RunOptions
    from drs_recovery.plan import RecoveryPlan
    from drs_recovery.store import ExecutionStore

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

    :param plan: the plan; a copy goes into the record.
    """
    dag_run = context["dag_run"]
    history = History(store, plan, options.execution_type)
    expected, expected_of_waves = history.expectation(options.waves), history.wave_seconds()
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
        run_start=(dag_run.start_date or dag_run.run_after).timestamp(),
        ticket=options.ticket,
        reason=options.reason,
        dry_run=options.dry_run,
        keep_instances=options.keep_instances,
        replaces=options.replaces,
        expected_duration=None if options.dry_run else expected.seconds,
        expected_samples=expected.samples,
        objectives={name: span.total_seconds() for name, span in plan.objectives if span is not None},
        waves=tuple(
            _new_wave(plan, number, options, expected_of_waves.get(wave.name))
            for number, wave in enumerate(plan.waves, start=1)
        ),
    )


def _new_wave(plan: RecoveryPlan, number: int, options: RunOptions, expected: float | None) -> NewWave:
    cause = _skip_cause(number, options)
    return NewWave(
        number=number,
        name=plan.wave(number).name,
        depends_on=plan.dependencies(number),
        skip_cause=cause,
        skip_reason=cause and SKIP_REASONS[cause],
        expected_duration=None if cause else expected,
    )


def _skip_cause(number: int, options: RunOptions) -> SkipCause | None:
    if options.dry_run:
        return SkipCause.DRY_RUN
    return None if number in options.waves else SkipCause.NOT_CHOSEN


def _initiator(dag_run: Any) -> str:
    """The person who triggered the run, or how it came about (``scheduled``, ``backfill``)."""
    return str(dag_run.triggering_user_name or dag_run.run_type.value)
