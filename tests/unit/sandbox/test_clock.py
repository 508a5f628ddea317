from __future__ import annotations

import pytest

from sandbox.clock import SimulatedClock, steady_wall
from sandbox.testing import ManualWall


def test_time_runs_at_the_speed() -> None:
    wall = ManualWall()
    clock = SimulatedClock(60, wall)
    wall.advance(2)
    assert clock.elapsed() == 120


def test_a_simulated_moment_has_a_wall_time() -> None:
    wall = ManualWall()
    clock = SimulatedClock(60, wall)
    assert clock.when(120).timestamp() == wall.seconds + 2


def test_a_change_of_speed_keeps_what_has_happened() -> None:
    wall = ManualWall()
    clock = SimulatedClock(1, wall)
    wall.advance(10)
    clock.set_speed(100)
    wall.advance(1)
    assert clock.elapsed() == 110
    assert clock.when(5).timestamp() == wall.seconds - 6
    assert clock.when(60).timestamp() == wall.seconds - 0.5


def test_a_skewed_clock_tells_another_time_and_runs_as_before() -> None:
    wall = ManualWall()
    clock = SimulatedClock(60, wall)
    clock.set_skew(-300)
    wall.advance(2)
    assert clock.elapsed() == 120
    assert clock.now().timestamp() == clock.when(120).timestamp() == wall.seconds - 300
    assert clock.wall() == wall.seconds


def test_what_was_jumped_over_happened_at_the_jump() -> None:
    wall = ManualWall()
    clock = SimulatedClock(1, wall)
    wall.advance(10)
    clock.advance(100)
    assert clock.elapsed() == 110
    assert clock.when(50).timestamp() == wall.seconds
    assert clock.when(111).timestamp() == wall.seconds + 1


@pytest.mark.parametrize("speed", [0, -1])
def test_a_speed_that_is_not_above_0_is_refused(speed: float) -> None:
    with pytest.raises(ValueError, match="above 0"):
        SimulatedClock(speed)


def test_the_clock_does_not_go_back() -> None:
    with pytest.raises(ValueError, match="cannot go back"):
        SimulatedClock().advance(-1)


def test_the_steady_wall_is_the_time_of_day() -> None:
    assert abs(SimulatedClock().now().timestamp() - steady_wall()) < 1
