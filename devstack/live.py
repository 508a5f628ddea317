"""Show an execution in the terminal while it runs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.live import Live
from rich.text import Text

from devstack.drawing import TYPICAL_WAVE_SECONDS, Record, clock, elapsed, picture, states


class View(Protocol):
    """Where the progress of an execution is shown."""

    def update(self, document: Record) -> None:
        """Show the execution as it is now."""

    def note(self, line: str) -> None:
        """Say something that is not in the record."""


@contextmanager
def open_view(console: Console, speed: float, now: Callable[[], float] = time.time) -> Iterator[View]:
    """
    Open a view that fits the output: a picture that changes on a terminal, lines otherwise.

    :param console: where to write.
    :param speed: of the sandbox, to tell how long a wave is expected to take.
    :param now: the time in epoch seconds.
    """
    if not console.is_terminal:
        yield LineView(console, now)
        return
    with Live(console=console, refresh_per_second=4, transient=True) as live:
        yield PictureView(live, TYPICAL_WAVE_SECONDS / speed, now)


class PictureView:
    """
    A table of waves and servers that is drawn over and over in the same place.

    :param live: rich's drawing loop.
    :param wave_seconds: how long a wave is expected to take.
    :param now: the time in epoch seconds.
    """

    def __init__(self, live: Live, wave_seconds: float, now: Callable[[], float]) -> None:
        self._live = live
        self._wave_seconds = wave_seconds
        self._now = now

    def update(self, document: Record) -> None:
        """Draw the execution as it is now."""
        self._live.update(picture(document, self._now(), self._wave_seconds))

    def note(self, line: str) -> None:
        """Print a line above the picture."""
        self._live.console.print(Text(line))


class LineView:
    """
    A line for every change, for logs.

    :param console: where to write.
    :param now: the time in epoch seconds.
    """

    def __init__(self, console: Console, now: Callable[[], float]) -> None:
        self._console = console
        self._now = now
        self._known: dict[str, str] = {}

    def update(self, document: Record) -> None:
        """Print what differs from the last time."""
        since_start = clock(elapsed(document, self._now()))
        for subject, state in states(document):
            if self._known.get(subject) != state:
                self._known[subject] = state
                self.note(f"{since_start:>6}  {subject}: {state}")

    def note(self, line: str) -> None:
        """Print a line."""
        self._console.print(Text(line), soft_wrap=True)
