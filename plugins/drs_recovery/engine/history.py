"""How long executions of a plan took until now, and so should take."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from statistics import median
from typing import NamedTuple

from drs_recovery.plan import RecoveryPlan
from drs_recovery.records import ExecutionFilter
from drs_recovery.statuses import ExecutionStatus, ExecutionType, WaveStatus
from drs_recovery.store import ExecutionStore

# Seconds that DRS usually takes for one wave; real recoveries run post-launch actions too.
USUAL_WAVE_SECONDS: Mapping[ExecutionType, int] = {ExecutionType.DRILL: 1200, ExecutionType.RECOVERY: 1800}

# How many earlier executions count, and of how many the waves: each wave has a record of its own to read.
_EXECUTIONS, _WITH_WAVES = 20, 5


class Expectation(NamedTuple):
    """
    How long an execution should take.

    :param seconds: the time.
    :param samples: of how many earlier executions it is the median; 0 if it is DRS's usual time.
    """

    seconds: float
    samples: int


class History:
    """
    The newest completed executions of a plan, of one type and no dry runs.

    :param store: read at once.
    :param plan: the plan.
    :param execution_type: drills and real recoveries are not compared.
    """

    def __init__(self, store: ExecutionStore, plan: RecoveryPlan, execution_type: ExecutionType) -> None:
        self._store, self._plan, self._type = store, plan, execution_type
        wanted = ExecutionFilter(plan_id=plan.id, status=ExecutionStatus.COMPLETED)
        self._executions = [
            item
            for item in store.list_executions(wanted, limit=_EXECUTIONS).items
            if item["executionType"] == execution_type and not item.get("dryRun") and item.get("duration")
        ]

    def expectation(self) -> Expectation:
        """How long an execution should take: the median of the earlier ones, else DRS's usual time."""
        durations = [float(item["duration"]) for item in self._executions]
        if durations:
            return Expectation(median(durations), len(durations))
        return Expectation(float(USUAL_WAVE_SECONDS[self._type] * longest_chain(self._plan)), 0)

    def wave_seconds(self) -> dict[str, float]:
        """How long each wave should take, by its name; one that has not completed before is left out."""
        ids = [item["executionId"] for item in self._executions[:_WITH_WAVES]]
        durations: dict[str, list[float]] = defaultdict(list)
        for wave in self._store.get_waves(ids, len(self._plan.waves)):
            if wave["status"] == WaveStatus.COMPLETED and "duration" in wave:
                durations[wave["waveName"]].append(float(wave["duration"]))
        return {name: median(found) for name, found in durations.items()}


def longest_chain(plan: RecoveryPlan) -> int:
    """How many waves of a plan run one after another at the most."""
    return max(plan.depths().values())
