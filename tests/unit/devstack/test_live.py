from __future__ import annotations

import io

import pytest
from rich.console import Console

from devstack.live import LineView, clean, clock, elapsed, open_view, picture, states, wave_fraction
from tests.unit.devstack.documents import START, document, server, wave

WAVE_SECONDS = 20.0


def _drawn(execution, now=START + 12):
    console = Console(file=io.StringIO(), width=140, color_system=None)
    console.print(picture(execution, now, WAVE_SECONDS))
    return console.file.getvalue()


def test_a_picture_tells_each_wave_and_each_server():
    running = document(
        "POLLING",
        wave(1, "COMPLETED", server("crm-db-01"), server("crm-db-02")),
        wave(
            2,
            "POLLING",
            server("crm-app-01", "CONVERSION"),
            server("crm-app-02", "FAILED", error="no capacity"),
        ),
        wave(3, "NOT_STARTED", server("crm-web-01", "PENDING")),
    )
    lines = [" ".join(line.split()) for line in _drawn(running).splitlines()]
    assert lines[0] == "DRILL Three-tier CRM DEMO-1 POLLING 0:12 of about 1:00"
    assert lines[1].startswith("1. Database")
    assert lines[1].endswith("COMPLETED 2/2 ready 0:20 / 0:20")
    assert lines[2] == "crm-db-01 i-0123456789abcdef0 10.0.0.7 READY 0:15 / 0:20"
    assert lines[4].endswith("POLLING 0/2 ready 0:12 / 0:20")
    assert lines[5] == "crm-app-01 CONVERSION 0:12 / 0:20"
    assert lines[6] == "crm-app-02 no capacity FAILED 0:12 / 0:20"
    assert lines[8] == "crm-web-01 PENDING"


def test_a_gate_tells_who_is_waited_for():
    gate = {"decision": "WAITING", "approvers": ["dba-lead", "cto"]}
    assert "waits for dba-lead, cto" in _drawn(document("PAUSED", wave(2, "NOT_STARTED", gate=gate)))


def test_a_gate_without_approvers_waits_for_approval():
    gate = {"decision": "WAITING", "approvers": []}
    assert "waits for approval" in _drawn(document("PAUSED", wave(2, "NOT_STARTED", gate=gate)))


def test_a_known_expectation_of_the_execution_is_preferred():
    assert "of about 2:05" in _drawn(document("POLLING", expectedDuration=125))


def test_names_cannot_control_the_terminal_or_the_markup():
    drawn = _drawn(document("POLLING", wave(1, "POLLING", server("[bold]x[/]\x1b[2J", "LAUNCH"))))
    assert "[bold]x[/]\N{REPLACEMENT CHARACTER}[2J" in drawn
    assert "\x1b" not in drawn


@pytest.mark.parametrize(
    ("phases", "seconds", "fraction"),
    [
        (["PENDING"], 0, 0.0),
        (["PENDING"], 100, 0.05),
        (["CONVERSION"], 0, 0.10),
        (["CONVERSION"], 6, 0.30),
        (["CONVERSION"], 100, 0.47),
        (["LAUNCH"], 16, 0.80),
        (["READY"], 1, 1.0),
        (["FAILED"], 1, 1.0),
        (["SOMETHING_NEW"], 1, 1.0),
        (["READY", "LAUNCH"], 16, 0.90),
        ([], 5, 0.0),
    ],
)
def test_a_bar_follows_the_phases_and_moves_with_time_inside_them(phases, seconds, fraction):
    running = wave(1, "POLLING", *(server(phase=phase) for phase in phases))
    assert wave_fraction(running, START + seconds, WAVE_SECONDS) == pytest.approx(fraction)


def test_the_bar_of_a_completed_wave_is_full_and_of_a_future_one_empty():
    assert wave_fraction(wave(1, "COMPLETED", server()), START, WAVE_SECONDS) == 1.0
    assert wave_fraction(wave(1, "NOT_STARTED", server(phase="PENDING")), START, WAVE_SECONDS) == 0.0


def test_states_name_servers_before_their_wave_and_waves_before_the_execution():
    running = document("POLLING", wave(1, "POLLING", server("crm-db-01"), server("crm-db-02", "LAUNCH")))
    assert list(states(running)) == [
        ("wave 1 Database, crm-db-01", "READY i-0123456789abcdef0 10.0.0.7"),
        ("wave 1 Database, crm-db-02", "LAUNCH"),
        ("wave 1 Database", "POLLING"),
        ("execution", "POLLING"),
    ]


@pytest.mark.parametrize(
    ("status", "style"), [("POLLING", "cyan"), ("COMPLETED", "green"), ("FAILED", "bold red")]
)
def test_the_colour_of_a_bar_tells_the_status_of_its_wave(status, style):
    table = picture(document("POLLING", wave(1, status, server())), START, WAVE_SECONDS).renderables[1]
    bar = next(iter(table.columns[1].cells))
    assert bar.complete_style == style
    assert bar.finished_style == style


def test_time_is_counted_from_the_start_to_the_end():
    assert elapsed(document("PENDING"), START + 3) == 3
    assert elapsed(document("POLLING", startTime=START + 1), START + 3) == 2
    assert elapsed(document("COMPLETED", startTime=START + 1, endTime=START + 2), START + 99) == 1


@pytest.mark.parametrize(("seconds", "text"), [(-1, "0:00"), (9.4, "0:09"), (59.6, "1:00"), (3601, "60:01")])
def test_durations_are_minutes_and_seconds(seconds, text):
    assert clock(seconds) == text


def test_text_without_control_characters_stays_as_it_is():
    assert clean("Größe: 10 %") == "Größe: 10 %"


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
