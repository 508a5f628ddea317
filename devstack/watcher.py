"""
Start processes of Airflow again that end by themselves: ``python -m devstack.watcher --home DIR``.

On SQLite, for one, Airflow's scheduler ends when another process holds the database too long.
"""

from __future__ import annotations

import sys
import time
from argparse import ArgumentParser
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

from devstack.errors import NoStackError
from devstack.layout import Layout
from devstack.stack import Stack
from devstack.state import load_state

_LOOK_INTERVAL = 1.0

# One that ends so often does not get better by starting it once more.
_MOST_RESTARTS, _WITHIN_SECONDS = 5, 600.0


class Restraint:
    """
    Says how often a process may be started again.

    :param clock: gives seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._restarts: dict[str, list[float]] = defaultdict(list)

    def allows(self, name: str) -> bool:
        """Whether a process may be started once more; counts it if so."""
        now = self._clock()
        recent = [moment for moment in self._restarts[name] if moment > now - _WITHIN_SECONDS]
        if len(recent) >= _MOST_RESTARTS:
            return False
        self._restarts[name] = [*recent, now]
        return True


def watch(stack: Stack, pause: Callable[[float], None] = time.sleep) -> None:
    """Keep the processes of a stack running until it is stopped."""
    restraint = Restraint()
    try:
        while True:
            pause(_LOOK_INTERVAL)
            stack.restart_ended(restraint.allows)
    except NoStackError:
        return


def main() -> int:
    """Watch the stack of a home directory."""
    parser = ArgumentParser(prog="python -m devstack.watcher", description=__doc__)
    parser.add_argument("--home", type=Path, required=True)
    home = parser.parse_args().home
    state = load_state(Layout(home).state)
    if state is not None:
        watch(Stack(state.settings, say=lambda line: print(line, flush=True)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
