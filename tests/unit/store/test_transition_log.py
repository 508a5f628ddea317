"""Every transition is one structured line of the log, for each status that changes."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from drs_recovery.exceptions import TransitionRefusedError
from drs_recovery.statuses import ExecutionStatus, GateDecision, ServerPhase
from drs_recovery.store import WaveRef
from drs_recovery.store.executions import ExecutionStore
from tests.unit.store.conftest import Recovery

Told = list[tuple[str, dict[str, Any]]]


@pytest.fixture
def told(caplog: pytest.LogCaptureFixture) -> Iterator[Told]:
    """What is logged, as it grows: the fixed word, and what stands behind it."""
    lines: Told = []

    class Reader(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            word, _, line = record.getMessage().partition(" ")
            lines.append((word, json.loads(line)))

    log = logging.getLogger("drs_recovery.transitions")
    caplog.set_level(logging.INFO, log.name)
    reader = Reader()
    log.addHandler(reader)
    yield lines
    log.removeHandler(reader)


def test_a_wave_that_is_asked_for_moves_the_execution_too(store: ExecutionStore, told: Told) -> None:
    recovery = Recovery(store).open(servers=0)
    told.clear()

    store.waves.request(WaveRef(recovery.id, 1))

    same = {"execution": "e1", "event": "WAVE_REQUESTED", "actor": "engine"}
    assert told == [
        ("transition", {**same, "from": "PENDING", "to": "POLLING"}),
        ("transition", {**same, "wave": 1, "from": "NOT_STARTED", "to": "PENDING"}),
    ]


def test_who_decided_and_why_is_in_the_line(store: ExecutionStore, told: Told) -> None:
    recovery = Recovery(store).open(servers=0)
    store.gates.open(WaveRef(recovery.id, 1), "start?", [])
    told.clear()

    store.gates.decide(WaveRef(recovery.id, 1), GateDecision.APPROVED, "bob", "looks good")

    ((_, line),) = told
    assert (line["event"], line["actor"], line["reason"]) == ("GATE_APPROVED", "bob", "looks good")
    assert (line["from"], line["to"]) == ("PAUSED", "POLLING")


def test_the_end_has_a_line_for_each_wave_that_ends_with_it(store: ExecutionStore, told: Told) -> None:
    recovery = Recovery(store).open(servers=0)
    told.clear()

    store.ending.finalize(recovery.id, ExecutionStatus.CANCELLED, actor="alice")

    assert {(line.get("wave"), line["from"], line["to"], line["actor"]) for _, line in told} == {
        (None, "PENDING", "CANCELLED", "alice"),
        (1, "NOT_STARTED", "CANCELLED", "alice"),
        (2, "NOT_STARTED", "CANCELLED", "alice"),
    }


def test_what_changes_no_status_is_a_line_and_what_was_refused_is_none(
    store: ExecutionStore, told: Told
) -> None:
    recovery = Recovery(store).open(servers=0)
    told.clear()

    store.set_error(recovery.id, "no such server")
    with pytest.raises(TransitionRefusedError):
        store.waves.complete(WaveRef(recovery.id, 1))

    ((_, line),) = told
    assert (line["event"], line["reason"], "to" in line) == ("EXECUTION_ERROR", "no such server", False)


def test_each_server_that_moves_on_has_a_line(store: ExecutionStore, told: Told) -> None:
    recovery = Recovery(store).open(waves=1, servers=2).start()
    told.clear()

    recovery.poll(1, ServerPhase.SNAPSHOT, ids=("s-1000",))
    recovery.poll(1, ServerPhase.SNAPSHOT, ids=("s-1000",))

    assert told == [
        (
            "phase",
            {
                "execution": "e1",
                "wave": 1,
                "server": "s-1000",
                "name": "host-1000",
                "from": "PENDING",
                "to": "SNAPSHOT",
            },
        )
    ]
