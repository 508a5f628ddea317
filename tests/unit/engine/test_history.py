"""What an execution expects, from those before it."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.made_executions import write
from drs_recovery.statuses import ExecutionStatus, WaveStatus
from drs_recovery.store_items import execution_key, wave_key
from tests.plan_documents import application, database, plan
from tests.unit.steps import Steps

StepsOf = Callable[..., Steps]


def completed_before(steps_of: StepsOf, run_id: str, *seconds: float | None, **fields: object) -> None:
    """An earlier execution whose waves took so long; None for one that did not complete."""
    steps = steps_of(plan(database(), application()), run_id=run_id)
    steps.open()
    table = steps.store.table
    ended = {"status": ExecutionStatus.COMPLETED, "duration": sum(filter(None, seconds)), **fields}
    write(table, [{**(table.get(execution_key(steps.execution_id)) or {}), **ended}])
    for number, duration in enumerate(seconds, start=1):
        end = {"status": WaveStatus.SKIPPED}
        if duration is not None:
            end = {"status": WaveStatus.COMPLETED, "duration": duration}
        write(table, [{**(table.get(wave_key(steps.execution_id, number)) or {}), **end}])


def opened(steps_of: StepsOf) -> tuple[float, int, list[float | None]]:
    steps = steps_of(plan(database(), application()), run_id="now")
    steps.open()
    document = steps.document
    waves = [wave.get("expectedDuration") for wave in document["waves"]]
    return document["expectedDuration"], document["expectedSamples"], waves


def test_the_first_execution_expects_what_drs_usually_needs_and_nothing_of_a_wave(steps_of: StepsOf) -> None:
    assert opened(steps_of) == (2400, 0, [None, None])


def test_the_median_of_earlier_executions_is_expected_of_all_and_of_each_wave(steps_of: StepsOf) -> None:
    for number, seconds in enumerate([(600, 900), (660, 800), (6000, 1000)]):
        completed_before(steps_of, f"manual__{number}", *seconds)

    assert opened(steps_of) == (1500, 3, [660, 900])


def test_a_wave_that_was_left_out_before_adds_nothing(steps_of: StepsOf) -> None:
    completed_before(steps_of, "manual__1", 600, None)

    assert opened(steps_of) == (600, 1, [600, None])


def test_real_recoveries_and_dry_runs_are_no_measure_of_a_drill(steps_of: StepsOf) -> None:
    completed_before(steps_of, "manual__1", 600, 600, executionType="RECOVERY")
    completed_before(steps_of, "manual__2", 600, 600, dryRun=True)

    assert opened(steps_of) == (2400, 0, [None, None])
