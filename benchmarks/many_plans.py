"""60 plans with 2,000 servers are started at once: how much longer do they take than DRS's quotas demand?"""

from __future__ import annotations

import random
import statistics
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.made_plans import MadePlan
from benchmarks.optimum import Chain, Job, best_found, in_turn, lower_bound, over_regions
from benchmarks.report import Report
from benchmarks.stack_runs import Ended, epoch, stack_with
from devstack.layout import POSTGRESQL

REGIONS = ("us-east-1", "us-west-2")
# Of each Region: how many plans with which waves. In all 60 plans and 2,000 servers, four times DRS's quota.
PLANS = ((10, (30, 30)), (10, (15, 15)), (10, (5, 5)))
# Slow enough that two cores are not what everything waits for: DRS's hour takes a quarter of one.
SPEED = 4.0
# The DAG processor looks for new plans seldom enough to leave the cores to the tasks.
SETTINGS = {"speed": SPEED, "poll_interval": 5.0, "parse_interval": 60, "database": POSTGRESQL}

_LONGEST_SECONDS = 3600.0
_SHUFFLES = 101
_REFUSED = 400


def run() -> Report:
    """Trigger all plans at once, and compare the end of the last wave with a simulation of the quotas."""
    plans = made_plans()
    with stack_with(plans, SETTINGS) as runs:
        ended = runs.run(plans, _LONGEST_SECONDS)
        starts = runs.sandbox.calls("drs", "StartRecovery")
    regions = _chains(ended)
    whole = max(epoch(job["endDateTime"]) for one in ended for job in one.jobs) - ended[0].triggered
    optimum = over_regions(best_found, regions)
    row: dict[str, float | str] = {
        "plans": len(plans),
        "servers": sum(sum(plan.waves) for plan in plans),
        "jobs": sum(len(one.jobs) for one in ended),
        "waves with several jobs": sum(_jobs_too_many(one) for one in ended),
        "refused StartRecovery calls": sum(int(call["status"]) >= _REFUSED for call in starts),
        "lower bound, s": over_regions(lower_bound, regions),
        "best order found, s": optimum,
        "same order without delays, s": over_regions(in_turn, regions),
        "in a random order, median s": _shuffled(regions),
        "measured, s": whole,
        "relative to the best order": whole / optimum,
        "first StartRecovery after, median s": statistics.median(map(_first_start, ended)),
    }
    return Report("many_plans", f"{len(plans)} plans at once, at {SPEED:g} times DRS's speed", [row])


def made_plans() -> list[MadePlan]:
    """The plans in the order of their triggers, those with the larger waves first."""
    shapes = [waves for count, waves in PLANS for _ in range(count)]
    wanted = [(waves, region) for waves in shapes for region in REGIONS]
    return [MadePlan(number, waves, region) for number, (waves, region) in enumerate(wanted)]


def _chains(ended: Sequence[Ended]) -> dict[str, list[Chain]]:
    """The jobs as they were, with the time that DRS took for each."""
    regions: dict[str, list[Chain]] = defaultdict(list)
    for one in ended:
        regions[one.plan.region].append(tuple(map(_job, one.jobs)))
    return regions


def _shuffled(regions: Mapping[str, Sequence[Chain]]) -> float:
    """How long the same plans would take in turn, without delay, had nobody chosen their order."""
    chance = random.Random(1)
    orders = (
        {region: chance.sample(chains, len(chains)) for region, chains in regions.items()}
        for _ in range(_SHUFFLES)
    )
    return statistics.median(over_regions(in_turn, order) for order in orders)


def _job(job: dict[str, Any]) -> Job:
    seconds = epoch(job["endDateTime"]) - epoch(job["creationDateTime"])
    return Job(len(job["participatingServers"]), seconds)


def _jobs_too_many(ended: Ended) -> int:
    return sum(count > 1 for count in Counter(job["tags"]["dr:wave"] for job in ended.jobs).values())


def _first_start(ended: Ended) -> float:
    return epoch(ended.jobs[0]["creationDateTime"]) - ended.triggered
