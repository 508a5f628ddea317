"""
Wait for waves in one of several ways: ``python -m benchmarks.watchers WAY``.

It is a process of its own, as a triggerer is: what one process shares between its waits is part of the way.
It says ``ready`` when everything is loaded, and then takes a ``Task`` from its standard input.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Callable, Coroutine, Mapping

from benchmarks.peer_watchers import wait_per_server, wait_per_wave
from benchmarks.waiting_waves import PER_SERVER, PER_WAVE, PRODUCT, Launches, Task, WaitingWave
from drs_recovery.configured_store import execution_store
from drs_recovery.triggers import RecoveryJobTrigger


async def wait_by_product(task: Task) -> Launches:
    """Wait with this project's triggers, all in one event loop; what they saw is in the store."""
    await asyncio.gather(*(_settled(wave, task) for wave in task.waves))
    return {}


async def _settled(wave: WaitingWave, task: Task) -> None:
    trigger = RecoveryJobTrigger(
        execution_id=wave.execution_id,
        wave_numbers=[1],
        deadline=time.time() + task.seconds,
        poll_interval=task.poll_interval,
    )
    event = await anext(trigger.run())
    if event.payload["status"] != "settled":
        raise RuntimeError(f"the wave of execution {wave.execution_id}: {event.payload}")


_WAYS: Mapping[str, Callable[[Task], Coroutine[None, None, Launches]]] = {
    PRODUCT: wait_by_product,
    PER_SERVER: wait_per_server,
    PER_WAVE: wait_per_wave,
}


def main(way: str) -> None:
    """Wait, and print the :data:`Launches` as JSON."""
    # Loads the hooks and makes a client, as a triggerer has done long before.
    execution_store()
    print("ready", flush=True)
    print(json.dumps(asyncio.run(_WAYS[way](Task.from_json(sys.stdin.read())))))


if __name__ == "__main__":
    main(sys.argv[1])
