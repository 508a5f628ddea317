"""Show from when the data of servers is: what was wished for, what it came to, and how far apart that is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from drs_recovery.durations import words
from drs_recovery.plan import LATEST
from drs_recovery.store import data_times
from drs_recovery.web.shared import Sentence, compose, counted

if TYPE_CHECKING:
    from drs_recovery.store import ExecutionDocument, ServerStatus


def data_sentence(document: ExecutionDocument, servers: Sequence[ServerStatus]) -> Sentence | None:
    """
    The times of the data of some servers, and the wish; None if nothing is known of them.

    :param servers: those that it is about.
    """
    times = data_times(servers)
    if times is None:
        return None
    known = sum("pointInTime" in server for server in servers)
    of = f"{counted(known, 'server')}: "
    apart = f", spread {words(times['spread'])}" if times["spread"] else ", all of one time"
    span = (times["oldest"], " to ", times["newest"]) if times["spread"] else (times["oldest"],)
    rest = f"; not known yet of {counted(len(servers) - known, 'server')}" if known < len(servers) else ""
    return compose(of, *span, f"{apart if known > 1 else ''}{rest}; {wish_of(document)}")


def wish_of(document: ExecutionDocument) -> str:
    """What was wished for, in words."""
    wish = document.get("requestedPointInTime", LATEST)
    if isinstance(wish, Mapping):
        return f"snapshots were chosen for {counted(len(wish), 'server')}"
    return "the latest data was requested" if wish == LATEST else f"{wish} was requested"
