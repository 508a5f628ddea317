"""Real writers at the same time, each with a client of its own: room is never given away twice."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.config import Config

from drs_recovery.jobs.schedule import Limits, TargetState, position_of
from drs_recovery.store.executions import ExecutionStore
from drs_recovery.store.table import ExecutionsTable
from drs_recovery.store.transaction import retried_on_conflict
from sandbox.testing import running_sandbox
from tests.unit.store.conftest import Clock
from tests.unit.store.queue_entries import LIMITS, TARGET, entry

TAKERS, ROOM = 6, 3


@pytest.fixture(scope="module")
def new_client() -> Iterator[Callable[[], Any]]:
    config = Config(retries={"total_max_attempts": 1})
    with running_sandbox(seed=False) as sandbox:
        yield lambda: sandbox.client("dynamodb", config=config)


def test_of_many_that_want_room_at_once_as_many_get_it_as_there_is(
    new_client: Callable[[], Any], table: ExecutionsTable, clock: Clock
) -> None:
    together = threading.Barrier(TAKERS)
    stores = [ExecutionStore(ExecutionsTable(new_client(), table.table_name), clock) for _ in range(TAKERS)]

    def take(number: int) -> bool:
        store = stores[number]
        mine = entry(f"e{number}", server_ids=(f"s-{number}",))
        together.wait()

        @retried_on_conflict
        def attempt() -> bool:
            queue = store.queue.read(TARGET)
            state = TargetState("us-east-1", Limits(jobs_in_progress=ROOM), (), queue, 0)
            if not position_of(mine, state).is_now:
                return False
            store.queue.reserve(queue, queue.standing(mine), 9, LIMITS)
            return True

        return attempt()

    with ThreadPoolExecutor(TAKERS) as pool:
        taken = list(pool.map(take, range(TAKERS)))

    assert sum(taken) == ROOM
    assert len(stores[0].queue.read(TARGET).entries) == ROOM
    assert stores[0].queue.read(TARGET).version == ROOM
