"""How long waves should take, and what that makes of all of them together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from drs_recovery.statuses import ExecutionType

# Seconds that DRS usually takes for one wave; real recoveries run post-launch actions too.
USUAL_WAVE_SECONDS: Mapping[ExecutionType, float] = {
    ExecutionType.DRILL: 1200.0,
    ExecutionType.RECOVERY: 1800.0,
}


def critical_path(dependencies: Mapping[int, Sequence[int]], seconds: Mapping[int, float]) -> float:
    """
    How long waves take that run side by side wherever they may.

    :param dependencies: for each wave by number, the waves that must end before it; none depends on itself.
    :param seconds: for each wave by number; one that is left out takes none, but passes on what it waits for.
    """
    ends: dict[int, float] = {}

    def end_of(number: int) -> float:
        if number not in ends:
            begin = max((end_of(other) for other in dependencies[number]), default=0.0)
            ends[number] = begin + seconds.get(number, 0.0)
        return ends[number]

    return max(map(end_of, dependencies), default=0.0)
