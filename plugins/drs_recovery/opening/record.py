"""Compose the record with which an execution begins, and the duration it should have by earlier ones."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from statistics import median
from typing import TYPE_CHECKING, Any, NamedTuple

from drs_recovery.plan import AFTER, BEFORE, LATEST
from drs_recovery.statuses import ExecutionStatus, ExecutionType, SkipCause, WaveStatus
from drs_recovery.store import (
    USUAL_WAVE_SECONDS,
    ExecutionFilter,
    NewExecution,
    NewStep,
    NewWave,
    attempt_of,
    critical_path,
    launch_began,
)

if TYPE_CHECKING:
    from drs_recovery.opening.options import RunOptions
    from drs_recovery.plan import RecoveryPlan, Step
    from drs_recovery.store import Execution, ExecutionStore, WaveRecord

# How many earlier executions are looked through, and of how many the waves count: each wave is a record.
_LOOK_BACK, _EXECUTIONS = 50, 10
# Of the newest so many times of a wave the median is taken.
_SAMPLES = 5


class Expectation(NamedTuple):
    """
    How long an execution should take.

    :param seconds: the time, without waits for people.
    :param samples: of how many earlier executions each of its waves is the median at least; 0 if DRS's usual
        time stands in for one of them.
    """

    seconds: float
    samples: int


class History:
    """
    How long the waves of a plan took in its newest completed executions, of one type and no dry runs.

    An execution of other waves says nothing about these: each wave is compared with itself alone.
    """

    def __init__(self, store: ExecutionStore, plan: RecoveryPlan, execution_type: ExecutionType) -> None:
        self._store, self._plan, self._type = store, plan, execution_type
        self._durations = self._read()

    def expectation(self, numbers: Iterable[int]) -> Expectation:
        """How long an execution should take."""
        usual, known = USUAL_WAVE_SECONDS[self._type], self.wave_seconds()
        names = {number: self._plan.wave(number).name for number in numbers}
        seconds = {number: known.get(name, usual) for number, name in names.items()}
        everything = range(1, len(self._plan.waves) + 1)
        dependencies = {number: self._plan.dependencies(number) for number in everything}
        samples = min((len(self._durations.get(name, ())) for name in names.values()), default=0)
        return Expectation(critical_path(dependencies, seconds), samples)

    def wave_seconds(self) -> dict[str, float]:
        """How long each wave should take, by its name; one that has not completed before is left out."""
        return {name: median(found) for name, found in self._durations.items()}

    def _read(self) -> dict[str, list[float]]:
        executions = self._executions()
        same = {item["executionId"]: self._same_waves(item) for item in executions}
        most = max((int(item["totalWaves"]) for item in executions), default=0)
        found: dict[str, list[float]] = defaultdict(list)
        records = self._store.get_waves(same, most)
        newest_first = {execution_id: place for place, execution_id in enumerate(same)}
        for wave in sorted(records, key=lambda wave: newest_first[wave["executionId"]]):
            name = wave["waveName"]
            if name in same[wave["executionId"]] and _is_sample(wave) and len(found[name]) < _SAMPLES:
                found[name].append(_launch_seconds(wave))
        return {name: durations for name, durations in found.items() if durations}

    def _executions(self) -> list[Execution]:
        wanted = ExecutionFilter(
            plan_id=self._plan.id, status=ExecutionStatus.COMPLETED, execution_type=self._type
        )
        found = self._store.listings.page(wanted, limit=_LOOK_BACK).items
        return [item for item in found if not item.get("dryRun")][:_EXECUTIONS]

    def _same_waves(self, execution: Execution) -> frozenset[str]:
        """Names of the waves that an earlier execution and this plan have in common."""
        if execution["planHash"] == self._plan.digest():
            return frozenset(self._contents)
        snapshot = self._store.get_execution(execution["executionId"])["planSnapshot"]
        theirs = dict(_contents_of(snapshot))
        return frozenset(name for name, content in self._contents.items() if theirs.get(name) == content)

    @cached_property
    def _contents(self) -> dict[str, Any]:
        return dict(_contents_of(self._plan.model_dump(mode="json")))


def _contents_of(plan: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """What each wave of a plan recovers, by its name: that makes it the same as an earlier one."""
    groups = plan.get("protection_groups", {})
    for wave in plan.get("waves", ()):
        wanted = [groups.get(name, {}) for name in wave.get("groups", ())]
        yield wave.get("name", ""), sorted(map(_content, wanted), key=repr)


def _content(group: Mapping[str, Any]) -> tuple[Any, ...]:
    servers = sorted(str(server.get("id")) for server in group.get("servers") or ())
    return group.get("region"), servers, sorted((group.get("tags") or {}).items())


def _is_sample(wave: WaveRecord) -> bool:
    """A wave that was tried again took as long as people took to decide about it."""
    return wave["status"] == WaveStatus.COMPLETED and "duration" in wave and attempt_of(wave) == 1


def _launch_seconds(wave: WaveRecord) -> float:
    """How long a wave took, without its time in a queue for DRS."""
    waited = launch_began(wave) - float(wave["startTime"]) if "startTime" in wave else 0.0
    return max(0.0, float(wave["duration"]) - waited)


SKIP_REASONS: Mapping[SkipCause, str] = {
    SkipCause.NOT_CHOSEN: "not among the waves chosen for this execution",
    SkipCause.OTHER_TYPE: "the plan runs it only in executions of another type",
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
        bundle_name=_of_bundle(context, "name"),
        bundle_version=_of_bundle(context, "version"),
        run_start=(dag_run.start_date or dag_run.run_after).timestamp(),
        ticket=options.ticket,
        reason=options.reason,
        dry_run=options.dry_run,
        keep_instances=options.keep_instances,
        replaces=options.replaces,
        expected_duration=None if options.dry_run else expected.seconds,
        expected_samples=expected.samples,
        requested_point_in_time=options.point_in_time or plan.point_in_time or LATEST,
        objectives={name: span.total_seconds() for name, span in plan.objectives if span is not None},
        waves=tuple(
            _new_wave(plan, number, options, expected_of_waves.get(wave.name))
            for number, wave in enumerate(plan.waves, start=1)
        ),
    )


def _new_wave(plan: RecoveryPlan, number: int, options: RunOptions, expected: float | None) -> NewWave:
    wave, cause = plan.wave(number), _skip_cause(plan, number, options)
    return NewWave(
        number=number,
        name=wave.name,
        depends_on=plan.dependencies(number),
        skip_cause=cause,
        skip_reason=cause and SKIP_REASONS[cause],
        expected_duration=None if cause else expected,
        wait_before=wave.wait_before.total_seconds() if wave.wait_before else None,
        steps=tuple(
            _new_step(step, side, place, options, cause)
            for side in (BEFORE, AFTER)
            for place, step in enumerate(wave.steps(side), start=1)
        ),
    )


def _new_step(step: Step, side: str, place: int, options: RunOptions, cause: SkipCause | None) -> NewStep:
    reason = SKIP_REASONS[cause] if cause else None
    if reason is None and not step.is_for(options.execution_type):
        types = " or ".join(kind.upper() for kind in step.runs_in)
        reason = f"would be done in a {types}: not in a {options.execution_type}"
    return NewStep(side, place, step.title, step.kind.key, step.on_failure, reason)


def _skip_cause(plan: RecoveryPlan, number: int, options: RunOptions) -> SkipCause | None:
    if not plan.wave(number).is_for(options.execution_type):
        return SkipCause.OTHER_TYPE
    if options.dry_run:
        return SkipCause.DRY_RUN
    return None if number in options.waves else SkipCause.NOT_CHOSEN


def _of_bundle(context: Mapping[str, Any], name: str) -> str | None:
    """What Airflow knows of the DAG bundle that the run came from; one without versions has none."""
    value = getattr(getattr(context["ti"], "bundle_instance", None), name, None)
    return None if value is None else str(value)


def _initiator(dag_run: Any) -> str:
    """The person who triggered the run, or how it came about (``scheduled``, ``backfill``)."""
    return str(dag_run.triggering_user_name or dag_run.run_type.value)
