"""
Text and tables that are safe to print.

Names, errors and comments come from plans, people and AWS: they are shown as plain text, never as markup, and
control characters in them as visible escapes, so that no record can write to the terminal by itself.
"""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

# Output that no person watches is not folded to the 80 columns that rich assumes.
_WIDTH_WITHOUT_TERMINAL = 200

_STYLES = {
    "COMPLETED": "green",
    "READY": "green",
    "APPROVED": "green",
    "POLLING": "cyan",
    "PAUSED": "yellow",
    "CANCELLING": "yellow",
    "CANCELLED": "red",
    "SKIPPED": "dim",
    "PARTIAL_SUCCESS": "yellow",
    "WARNING": "yellow",
    "ERROR": "red",
    "FAILED": "red",
    "REJECTED": "red",
    "RECOVERY": "bold red",
}


def console() -> Console:
    """A console on the standard output."""
    found = Console()
    return found if found.is_terminal else Console(width=_WIDTH_WITHOUT_TERMINAL)


def plain(value: object, style: str | None = None) -> Text:
    r"""
    Text as it is; what is not printable becomes an escape such as ``\x1b``.

    :param value: shown as ``str`` shows it; None is empty.
    :param style: its colour; by default that of a status.
    """
    text = "" if value is None else str(value)
    shown = "".join(
        char if char.isprintable() or char == "\n" else char.encode("unicode_escape").decode()
        for char in text
    )
    return Text(shown, style=_STYLES.get(text, "") if style is None else style, overflow="fold")


def table(*columns: str) -> Table:
    """An empty table without lines."""
    made = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for column in columns:
        made.add_column(column, overflow="fold")
    return made


def add_row(to: Table, *cells: object) -> None:
    """
    Add a row of plain text.

    :param cells: as for :func:`plain`.
    """
    to.add_row(*(plain(cell) for cell in cells))
