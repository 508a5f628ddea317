"""Do something at a certain moment of a run."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_LOOK_INTERVAL = 0.05


@contextmanager
def once(happened: Callable[[], bool], deed: Callable[[], None]) -> Iterator[None]:
    """
    Do a deed as soon as something has happened; it must happen within the block.

    :param happened: looked at often, from a thread of its own.
    :param deed: done once, in that thread.
    """
    over, done = threading.Event(), threading.Event()

    def watch() -> None:
        while not over.wait(_LOOK_INTERVAL):
            if happened():
                deed()
                done.set()
                return

    thread = threading.Thread(target=watch, name="meanwhile", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
    assert done.is_set(), "what the test waited for did not happen"
