"""Show an execution in the terminal while it runs: a picture that changes, or lines."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

Record = Mapping[str, Any]

# A recorded drill of two Linux servers took AWS 8 min 53 s: 1 s of snapshot, 52 s of nothing, 198 s of
# conversion, 278 s of launch. Both the expected time and how much of a bar each phase fills come from it.
TYPICAL_WAVE_SECONDS = 533.0
_FILLED_AT_START_OF = {
    "PENDING": 0.0,
    "SNAPSHOT": 0.05,
    "CONVERSION": 0.10,
    "LAUNCH": 0.47,
    "LAUNCHED": 0.95,
    "POST_LAUNCH": 0.97,
}
_ENDED = 1.0

_STYLES = {
    "COMPLETED": "green",
    "READY": "green",
    "LAUNCHED": "green",
    "POLLING": "cyan",
    "PAUSED": "yellow",
    "CANCELLING": "yellow",
    "PARTIAL_SUCCESS": "yellow",
    "SKIPPED": "dim",
    "NOT_STARTED": "dim",
    "PENDING": "dim",
    "FAILED": "bold red",
    "CANCELLED": "red",
    "TERMINATED": "red",
}


def picture(document: Record, now: float, wave_seconds: float) -> RenderableType:
    """
    Draw an execution: a heading, then a bar for each wave and a line for each of its servers.

    :param now: the time in epoch seconds.
    """
    table = Table.grid(padding=(0, 2))
    for wave in document["waves"]:
        table.add_row(*_wave_row(wave, now, wave_seconds))
        for server in wave["serverStatuses"]:
            table.add_row(*_server_row(server, wave, now, wave_seconds))
    return Group(_heading(document, now, wave_seconds), table)


def _heading(document: Record, now: float, wave_seconds: float) -> Text:
    expected = document.get("expectedDuration") or wave_seconds * document["totalWaves"]
    return Text.assemble(
        (f" {document['executionType']} ", "bold white on blue"),
        " ",
        (clean(document["planName"]), "bold"),
        f"  {clean(document.get('ticket') or '')}  ",
        _coloured(document["status"]),
        f"  {clock(elapsed(document, now))} of about {clock(expected)}",
    )


def _wave_row(wave: Record, now: float, wave_seconds: float) -> tuple[RenderableType, ...]:
    servers = wave["serverStatuses"]
    ready = sum(server["phase"] == "READY" for server in servers)
    return (
        Text(f"{wave['waveNumber']}. {clean(wave['waveName'])}", "bold"),
        _bar(wave, now, wave_seconds),
        _gate_or_status(wave),
        Text(f"{ready}/{len(servers)} ready" if servers else ""),
        Text(_times(wave, wave.get("endTime"), now, wave_seconds)),
    )


def _bar(wave: Record, now: float, wave_seconds: float) -> ProgressBar:
    style = _STYLES.get(wave["status"], "")
    return ProgressBar(
        total=_ENDED,
        completed=wave_fraction(wave, now, wave_seconds),
        width=28,
        style="bright_black",
        complete_style=style,
        finished_style=style,
    )


def _gate_or_status(wave: Record) -> Text:
    gate = wave.get("gate") or {}
    if gate.get("decision") == "WAITING":
        return Text(f"waits for {clean(', '.join(gate.get('approvers') or ['approval']))}", "yellow")
    return _coloured(wave["status"])


def _server_row(server: Record, wave: Record, now: float, wave_seconds: float) -> tuple[RenderableType, ...]:
    address = f"{server.get('instanceId') or ''} {server.get('privateIp') or ''}".strip()
    return (
        Text(f"   {clean(server['serverName'])}"),
        Text(clean(server.get("error") or address)),
        _coloured(server["phase"]),
        Text(""),
        Text(_times(wave, server.get("launchedTime") or wave.get("endTime"), now, wave_seconds)),
    )


def _times(wave: Record, end: float | None, now: float, wave_seconds: float) -> str:
    if not wave.get("startTime"):
        return ""
    return f"{clock((end or now) - wave['startTime'])} / {clock(wave_seconds)}"


def wave_fraction(wave: Record, now: float, wave_seconds: float) -> float:
    """
    Tell how much of a wave is done, from 0 to 1.

    The phases say how much at least; within one, the time since the wave's start moves the bar on.

    :param wave: the wave with its ``serverStatuses``.
    :param now: the time in epoch seconds.
    """
    servers = wave["serverStatuses"]
    if wave["status"] == "COMPLETED":
        return _ENDED
    if not servers or not wave.get("startTime"):
        return 0.0
    by_time = (now - wave["startTime"]) / wave_seconds
    return sum(_server_fraction(server["phase"], by_time) for server in servers) / len(servers)


def _server_fraction(phase: str, by_time: float) -> float:
    starts = list(_FILLED_AT_START_OF.values())
    least = _FILLED_AT_START_OF.get(phase, _ENDED)
    most = next((start for start in starts if start > least), _ENDED)
    return min(max(by_time, least), most)


def elapsed(document: Record, now: float) -> float:
    """Return the seconds since the execution began, or until it ended."""
    begin = document.get("startTime") or document["submittedTime"]
    return float((document.get("endTime") or now) - begin)


def states(document: Record) -> Iterator[tuple[str, str]]:
    """
    Yield what a line of a log can tell: a server, wave or execution and how it is.

    The small before the large: a wave is not told to be completed before its servers are told to be ready.
    """
    for wave in document["waves"]:
        name = f"wave {wave['waveNumber']} {clean(wave['waveName'])}"
        for server in wave["serverStatuses"]:
            details = (server["phase"], *(server.get(key) for key in ("instanceId", "privateIp", "error")))
            yield f"{name}, {clean(server['serverName'])}", clean(" ".join(filter(None, details)))
        yield name, _gate_or_status(wave).plain
    yield "execution", clean(document["status"])


def _coloured(status: str) -> Text:
    return Text(clean(status), _STYLES.get(status, ""))


def clock(seconds: float) -> str:
    """Write a duration as minutes and seconds."""
    minutes, rest = divmod(max(0, round(seconds)), 60)
    return f"{minutes}:{rest:02d}"


def clean(text: str) -> str:
    """Replace what a terminal would obey instead of show; names and errors come from plans and from AWS."""
    return "".join(
        character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text
    )


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
