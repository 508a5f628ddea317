"""Many waves that want to start in the same moment: DRS refuses none of them, and each has one job."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from drs_recovery.configured_store import execution_store
from drs_recovery.exceptions import NotStartedError
from drs_recovery.jobs.reservations import QueuedError
from drs_recovery.store import WaveRef
from drs_recovery.waves.start import WaveStarter
from sandbox.testing import Sandbox
from tests.plan_documents import plan
from tests.unit.steps import Steps, TaskStateStore

StepsOf = Callable[..., Steps]

PLANS, JOBS_AT_ONCE = 8, 3


@pytest.fixture
def requested(aws: Sandbox, steps_of: StepsOf) -> list[Steps]:
    """Drills of one server each, whose first wave is asked for."""
    ids = [f"s-{number:017d}" for number in range(PLANS)]
    aws.add_servers(*({"id": one, "name": one, "region": "us-east-1"} for one in ids))
    aws.control("PUT", "/quotas", {"jobs_in_progress": JOBS_AT_ONCE})
    drills = []
    for number, server in enumerate(ids):
        groups = {"one": {"servers": [server]}}
        steps = steps_of(plan({"groups": ["one"]}, groups=groups, id=f"p{number}"))
        steps.open()
        steps.store.waves.request(WaveRef(steps.execution_id, 1))
        drills.append(steps)
    return drills


def test_of_a_herd_as_many_start_as_there_is_room(aws: Sandbox, requested: list[Steps]) -> None:
    def starts(steps: Steps) -> bool:
        while True:
            try:
                return bool(
                    WaveStarter(execution_store(), TaskStateStore()).start(WaveRef(steps.execution_id, 1))
                )
            except QueuedError:
                return False
            except NotStartedError:
                continue

    waiting, rounds = requested, []
    with ThreadPoolExecutor(PLANS) as pool:
        while waiting:
            started = list(pool.map(starts, waiting))
            rounds.append(sum(started))
            waiting = [steps for steps, is_started in zip(waiting, started, strict=True) if not is_started]
            aws.advance(3600)

    assert rounds == [3, 3, 2]
    assert [call["status"] for call in aws.calls("drs", "StartRecovery")] == [202] * PLANS
    assert {len(steps.document["waves"][0]["jobs"]) for steps in requested} == {1}
