"""What happened in an execution, as a table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rich.table import Table

from drs_recovery.cli.text import add_row, table
from drs_recovery.durations import moment
from drs_recovery.event_labels import in_words, short

Record = Mapping[str, Any]


def timeline(events: Iterable[Record]) -> Table:
    """
    A table of events.

    :param events: in the order in which they are shown.
    """
    rows = table("Time", "What happened", "By", "Detail")
    for event in events:
        sentence, rest = in_words(event)
        detail = ", ".join(f"{name} {short(value)}" for name, value in rest.items() if value)
        add_row(rows, moment(event["time"]), sentence, event["actor"], detail)
    return rows
