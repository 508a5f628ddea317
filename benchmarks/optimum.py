"""
How soon DRS could have finished many plans at the best, by a small simulation: only its quotas cost time.

To find the very best order is too much work for any computer. What is computed are a good order, found by
trying several, and a bound that no order beats; the best one lies between them.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Job:
    """A DRS job."""

    servers: int
    seconds: float


Chain = tuple[Job, ...]
"""The jobs of a plan: each starts when the one before has ended."""


@dataclass(frozen=True)
class Limits:
    """DRS's quotas of a Region."""

    jobs: int = 20
    servers: int = 500


def lower_bound(chains: Sequence[Chain], limits: Limits) -> float:
    """Seconds that no order beats: the longest plan, or all work spread evenly over what may run at once."""
    jobs = [job for chain in chains for job in chain]
    longest = max(sum(job.seconds for job in chain) for chain in chains)
    by_servers = sum(job.servers * job.seconds for job in jobs) / limits.servers
    return max(longest, by_servers, sum(job.seconds for job in jobs) / limits.jobs)


def best_found(chains: Sequence[Chain], limits: Limits) -> float:
    """Seconds of the best order of several: a job starts when it fits, the most urgent first."""
    return min(_seconds(chains, limits, urgency) for urgency in _URGENCIES)


_URGENCIES: Sequence[Callable[[Chain], float]] = (
    lambda rest: -sum(job.seconds for job in rest),
    lambda rest: -rest[0].servers,
    lambda rest: -rest[0].seconds,
    lambda rest: -len(rest),
    lambda rest: rest[0].servers,
)


def in_turn(chains: Sequence[Chain], limits: Limits) -> float:
    """Seconds if jobs start in the order of their turns, none before another, as in this project."""
    return _seconds(chains, limits, lambda _: 0, overtaking=False)


def _seconds(
    chains: Iterable[Chain], limits: Limits, urgency: Callable[[Chain], float], *, overtaking: bool = True
) -> float:
    waiting, running, now = [chain for chain in chains if chain], list[tuple[float, int, Chain]](), 0.0
    number = 0
    while waiting or running:
        for chain in sorted(waiting, key=urgency):
            if _fits(chain[0], [ongoing[0] for _, _, ongoing in running], limits):
                waiting.remove(chain)
                number += 1
                heapq.heappush(running, (now + chain[0].seconds, number, chain))
            elif not overtaking:
                break
        if not running:
            raise ValueError("a job is larger than the quota of servers")
        now, _, (_, *rest) = heapq.heappop(running)
        if rest:
            waiting.append(tuple(rest))
    return now


def _fits(job: Job, running: Sequence[Job], limits: Limits) -> bool:
    servers = sum(other.servers for other in running)
    return len(running) < limits.jobs and servers + job.servers <= limits.servers


def over_regions(
    of_region: Callable[[Sequence[Chain], Limits], float], regions: Mapping[str, list[Chain]]
) -> float:
    """
    Seconds of the slowest Region: each has quotas of its own.

    :param of_region: :func:`lower_bound`, :func:`best_found` or :func:`in_turn`.
    """
    return max(of_region(chains, Limits()) for chains in regions.values())
