"""The quota-bound optimum, which the measured time of many plans is held against."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import many_plans
from benchmarks.optimum import Chain, Job, Limits, best_found, in_turn, lower_bound, over_regions

JOBS = st.builds(Job, servers=st.integers(1, 10), seconds=st.integers(1, 50).map(float))
CHAINS = st.lists(st.lists(JOBS, min_size=1, max_size=3).map(tuple), min_size=1, max_size=8)
LIMITS = Limits(jobs=3, servers=15)


def chain(*seconds: float, servers: int = 1) -> Chain:
    return tuple(Job(servers, one) for one in seconds)


@given(CHAINS)
def test_no_order_beats_the_bound_and_a_found_one_does_not_waste_time(chains: list[Chain]) -> None:
    one_after_the_other = sum(job.seconds for one in chains for job in one)

    assert lower_bound(chains, LIMITS) <= best_found(chains, LIMITS) * (1 + 1e-9)
    assert best_found(chains, LIMITS) <= one_after_the_other * (1 + 1e-9)


@pytest.mark.parametrize(
    ("chains", "limits", "seconds"),
    [
        pytest.param([chain(10, 20, 30)], Limits(), 60, id="a plan's waves follow each other"),
        pytest.param([chain(10)] * 4, Limits(jobs=2), 20, id="jobs in progress are limited"),
        pytest.param([chain(10, servers=60)] * 4, Limits(servers=120), 20, id="servers in jobs are limited"),
        pytest.param([chain(10), chain(10), chain(10, 10)], Limits(jobs=2), 20, id="long plans go first"),
    ],
)
def test_an_optimum_that_is_plain_to_see(chains: list[Chain], limits: Limits, seconds: float) -> None:
    assert best_found(chains, limits) == lower_bound(chains, limits) == seconds


def test_in_turn_nobody_overtakes() -> None:
    chains = [chain(10, servers=3), chain(10, servers=3), chain(30, servers=1)]
    limits = Limits(jobs=3, servers=4)

    # The small one would fit beside the first; it starts beside the second, whose turn it is.
    assert in_turn(chains, limits) == 40
    assert best_found(chains, limits) == 30


def test_in_turn_the_next_wave_comes_behind_those_that_wait() -> None:
    assert in_turn([chain(10, 10), chain(10), chain(5)], Limits(jobs=1)) == 35
    assert in_turn([chain(10), chain(10), chain(10, 10)], Limits(jobs=2)) == 30


@given(CHAINS)
def test_in_turn_is_never_better_than_the_bound(chains: list[Chain]) -> None:
    assert in_turn(chains, LIMITS) >= lower_bound(chains, LIMITS) * (1 - 1e-9)


def test_regions_have_quotas_of_their_own() -> None:
    regions = {"us-east-1": [chain(10)] * 20, "us-west-2": [chain(10)] * 20}

    assert over_regions(best_found, regions) == 10


def test_a_job_that_never_fits_is_refused() -> None:
    with pytest.raises(ValueError, match="larger than the quota"):
        best_found([chain(10, servers=501)], Limits())


def test_sixty_plans_have_two_thousand_servers_in_two_regions_and_share_none() -> None:
    plans = many_plans.made_plans()
    ids = [one for plan in plans for wave in range(1, len(plan.waves) + 1) for one in plan.server_ids(wave)]

    assert (len(plans), len(ids), len(set(ids))) == (60, 2000, 2000)
    assert {plan.region for plan in plans} == {"us-east-1", "us-west-2"}
