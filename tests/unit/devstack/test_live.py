from __future__ import annotations

import io

from rich.console import Console

from devstack.live import LineView, open_view
from tests.unit.devstack.documents import START, document, server, wave


def _console(**options):
    return Console(file=io.StringIO(), width=100, color_system=None, **options)


def test_outside_a_terminal_each_change_is_one_line_and_nothing_is_repeated():
    console = _console()
    with open_view(console, speed=10, now=lambda: START + 65) as view:
        view.update(document("POLLING", wave(1, "POLLING", server("crm-db-01", "LAUNCH"))))
        view.update(document("POLLING", wave(1, "POLLING", server("crm-db-01", "LAUNCH"))))
        view.note("dba-lead approves [it]")
        view.update(document("POLLING", wave(1, "POLLING", server("crm-db-01", "READY"))))
    assert console.file.getvalue().splitlines() == [
        "  1:05  wave 1 Database, crm-db-01: LAUNCH",
        "  1:05  wave 1 Database: POLLING",
        "  1:05  execution: POLLING",
        "dba-lead approves [it]",
        "  1:05  wave 1 Database, crm-db-01: READY i-0123456789abcdef0 10.0.0.7",
    ]


def test_a_long_line_is_not_broken():
    console = _console()
    LineView(console, lambda: START).note("x" * 300)
    assert console.file.getvalue() == "x" * 300 + "\n"


def test_on_a_terminal_a_picture_is_drawn_and_notes_stand_above_it():
    console = _console(force_terminal=True)
    with open_view(console, speed=533, now=lambda: START) as view:
        view.update(document("POLLING", wave(1, "POLLING", server("crm-db-01", "LAUNCH"))))
        view.note("dba-lead approves")
    output = console.file.getvalue()
    assert "crm-db-01" in output
    assert "0:00 of about 0:03" in output
    assert "dba-lead approves\n" in output
