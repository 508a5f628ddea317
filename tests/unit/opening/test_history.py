"""What an execution expects, from those before it."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.made_executions import write
from drs_recovery.statuses import ExecutionStatus, WaveStatus
from drs_recovery.store import WaveRef
from drs_recovery.store.keys import execution_key, wave_key
from tests.iam_policies import preparing_table
from tests.plan_documents import application, database, plan, web
from tests.unit.steps import Steps

StepsOf = Callable[..., Steps]


Waves = tuple[dict[str, object], ...]
TWO: Waves = (database(), application())


def completed_before(
    steps_of: StepsOf, run_id: str, *seconds: float | None, waves: Waves = TWO, **fields: object
) -> Steps:
    """An earlier execution whose waves took so long; None for one that was left out."""
    steps = steps_of(plan(*waves), run_id=run_id)
    steps.open()
    table = preparing_table(steps.store.table)
    ended = {"status": ExecutionStatus.COMPLETED, "duration": sum(filter(None, seconds)), **fields}
    write(table, [{**(table.get(execution_key(steps.execution_id)) or {}), **ended}])
    for number, duration in enumerate(seconds, start=1):
        write_wave(steps, number, duration)
    return steps


def write_wave(steps: Steps, number: int, duration: float | None, **fields: object) -> None:
    table = preparing_table(steps.store.table)
    end: dict[str, object] = {"status": WaveStatus.SKIPPED}
    if duration is not None:
        end = {"status": WaveStatus.COMPLETED, "duration": duration, **fields}
    write(table, [{**(table.get(wave_key(WaveRef(steps.execution_id, number))) or {}), **end}])


def opened(
    steps_of: StepsOf, waves: Waves = TWO, conf: dict[str, object] | None = None
) -> tuple[float | None, int | None, list[float | None]]:
    steps = steps_of(plan(*waves), run_id="now")
    steps.open(**(conf or {}))
    document = steps.document
    expected = [wave.get("expectedDuration") for wave in document["waves"]]
    return document.get("expectedDuration"), document.get("expectedSamples"), expected


def test_the_first_execution_expects_what_drs_usually_needs_and_nothing_of_a_wave(steps_of: StepsOf) -> None:
    assert opened(steps_of) == (2400, 0, [None, None])


def test_each_wave_expects_the_median_of_its_earlier_times_and_the_execution_their_sum(
    steps_of: StepsOf,
) -> None:
    for number, seconds in enumerate([(600, 900), (660, 800), (6000, 1000)]):
        completed_before(steps_of, f"manual__{number}", *seconds)

    assert opened(steps_of) == (660 + 900, 3, [660, 900])


def test_a_drill_of_chosen_waves_teaches_nothing_about_the_others(steps_of: StepsOf) -> None:
    completed_before(steps_of, "manual__1", 600, None)

    assert opened(steps_of) == (600 + 1200, 0, [600, None])


def test_a_drill_of_chosen_waves_expects_those_alone(steps_of: StepsOf) -> None:
    completed_before(steps_of, "manual__1", 600, 900)

    assert opened(steps_of, conf={"waves": ["Application"]}) == (900, 1, [None, 900])


def test_waves_side_by_side_take_as_long_as_the_longest_chain_of_them(steps_of: StepsOf) -> None:
    waves = (database(), application(depends_on=[]), web(depends_on=["Database", "Application"]))
    completed_before(steps_of, "manual__1", 600, 900, 300, waves=waves)

    assert opened(steps_of, waves)[0] == 900 + 300


def test_a_wave_that_is_left_out_passes_on_what_it_waits_for(steps_of: StepsOf) -> None:
    waves = (database(), application(), web())
    completed_before(steps_of, "manual__1", 600, 900, 300, waves=waves)

    assert opened(steps_of, waves, {"waves": [1, 3]}) == (600 + 300, 1, [600, None, 300])


def test_an_earlier_plan_teaches_about_the_waves_that_stayed_as_they_were(steps_of: StepsOf) -> None:
    completed_before(steps_of, "manual__1", 600, waves=(database(),))
    completed_before(steps_of, "manual__2", 60, 70, waves=(database(groups=["web"]), application()))

    assert opened(steps_of) == (600 + 70, 1, [600, 70])


def test_a_wave_that_was_tried_again_or_waited_for_room_is_no_measure_of_a_launch(steps_of: StepsOf) -> None:
    completed_before(steps_of, "manual__1", 600, 900)
    steps = completed_before(steps_of, "manual__2", 600, 900)
    write_wave(steps, 1, 90_000, attempt=2)
    write_wave(steps, 2, 3900, startTime=1000, queueEndTime=4000)

    assert opened(steps_of)[2] == [600, 900]


def test_real_recoveries_and_dry_runs_are_no_measure_of_a_drill(steps_of: StepsOf) -> None:
    completed_before(steps_of, "manual__1", 600, 600, executionType="RECOVERY")
    completed_before(steps_of, "manual__2", 600, 600, dryRun=True)

    assert opened(steps_of) == (2400, 0, [None, None])


def test_a_dry_run_expects_nothing_since_it_launches_nothing(steps_of: StepsOf) -> None:
    assert opened(steps_of, conf={"dry_run": True}) == (None, None, [None, None])
