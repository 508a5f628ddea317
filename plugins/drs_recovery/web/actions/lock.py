"""One person at a time: a second one begins when the first one's action is with Airflow and on record."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from starlette.concurrency import run_in_threadpool

from drs_recovery.exceptions import StoreError
from drs_recovery.hooks.errors import AWS_ERRORS
from drs_recovery.web.actions.context import Acting
from drs_recovery.web.problems import conflict

# Seconds after which a turn is over although nobody gave it back; an action takes one or two.
_LONGEST = 15.0
# Seconds for which a request waits for its turn, and between two looks. Longer than the longest turn: nobody
# is refused because a server died in the middle of somebody else's.
PATIENCE = 20.0
_LOOK_INTERVAL = 0.2


@asynccontextmanager
async def turn(acting: Acting) -> AsyncIterator[Acting]:
    """
    Wait until nobody else acts on the execution, and keep others waiting until the end of the block.

    :param acting: who wants to act.
    :return: the same on what the record says by then.
    :raises Problem: 409 if it takes too long.
    """
    execution, holder = acting.execution_id, uuid.uuid4().hex
    until = time.monotonic() + PATIENCE
    while not await run_in_threadpool(acting.store.action_lock.acquire, execution, holder, _LONGEST):
        if time.monotonic() > until:
            raise conflict("Others act on this execution in this moment: look at what came of it, ask again.")
        await asyncio.sleep(_LOOK_INTERVAL)
    try:
        yield await acting.looked_again()
    finally:
        # It is over by itself soon: what was done is answered, also if the table cannot be reached any more.
        with suppress(StoreError, *AWS_ERRORS):
            await run_in_threadpool(acting.store.action_lock.release, execution, holder)
