"""What happened, in words, the newest first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from drs_recovery.event_labels import in_words, short
from drs_recovery.web.shared.formatting import Moment, cut

# What a page shows of them, and of each. Beside many servers there is less room: a row of a server takes as
# much as some events.
MOST_EVENTS, FEWEST_EVENTS = 200, 60
_EVENTS_OF_A_ROW = 4
_LONGEST_DETAIL = 300

_TROUBLE = (
    *("EXECUTION_ERROR", "EXECUTION_FAILED", "EXECUTION_RECONCILED", "WAVE_FAILED", "TERMINATION_FAILED"),
    *("NOTIFICATION_FAILED", "METRIC_FAILED", "GATE_ANSWER_REFUSED", "INSTANCE_FOUND_LATE"),
    *("GATE_REJECTED", "GATE_TIMED_OUT", "FAILURE_GATE_TIMED_OUT", "FAILURE_GATE_OPENED"),
)


@dataclass(frozen=True)
class EventRow:
    """
    A thing that happened.

    :param time: when.
    :param name: the event's name in the record, such as ``WAVE_COMPLETED``.
    :param sentence: what happened.
    :param actor: who or what did it.
    :param is_trouble: whether something went wrong.
    :param details: what else belongs to it, as names and values.
    """

    time: Moment
    name: str
    sentence: str
    actor: str
    is_trouble: bool
    details: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class EventLog:
    """
    The events of an execution.

    :param rows: the newest ones, the newest first.
    :param total: how many there are.
    :param note: what is left out, such as ``the newest 200 of 1,203 events``; None if nothing is.
    """

    rows: tuple[EventRow, ...]
    total: int
    note: str | None


def event_log(events: Sequence[Mapping[str, Any]], rows_beside: int = 0) -> EventLog:
    """
    The newest events.

    :param events: EVENT records, oldest first.
    :param rows_beside: how many servers the page shows.
    """
    most = max(FEWEST_EVENTS, MOST_EVENTS - _EVENTS_OF_A_ROW * rows_beside)
    newest = events[: -most - 1 : -1]
    left_out = len(events) > len(newest)
    return EventLog(
        rows=tuple(map(_row, newest)),
        total=len(events),
        note=f"the newest {len(newest)} of {len(events):,} events" if left_out else None,
    )


def _row(event: Mapping[str, Any]) -> EventRow:
    sentence, rest = in_words(event)
    return EventRow(
        time=Moment.at(event["time"]),
        name=event["event"],
        sentence=cut(sentence, _LONGEST_DETAIL),
        actor=event["actor"],
        is_trouble=event["event"] in _TROUBLE,
        details=tuple((name, cut(short(value), _LONGEST_DETAIL)) for name, value in rest.items() if value),
    )
