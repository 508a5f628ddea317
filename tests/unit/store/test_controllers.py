"""The store changes an execution only in the name of the installation that runs it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from drs_recovery.exceptions import ForeignExecutionError
from drs_recovery.statuses import GateDecision, ServerPhase
from drs_recovery.store import ExecutionStore, ServerSeen, WavePoll, WaveRef
from tests.unit.store.conftest import Recovery

HERE, THERE = "vienna", "graz"

CHANGES: dict[str, Callable[[ExecutionStore], Any]] = {
    "admit": lambda store: store.admit("e1"),
    "start": lambda store: store.waves.request(WaveRef("e1", 2)),
    "ask": lambda store: store.gates.open(WaveRef("e1", 2), "go?", []),
    "decide": lambda store: store.gates.decide(WaveRef("e1", 3), GateDecision.APPROVED, "ann"),
    "complete": lambda store: store.waves.complete(WaveRef("e1", 1)),
    "fail": lambda store: store.waves.fail(WaveRef("e1", 1), "lost"),
    "give up": lambda store: store.polls.record(
        WaveRef("e1", 1), WavePoll(servers=(ServerSeen("s-1000", phase=ServerPhase.FAILED),), is_look=False)
    ),
    "cancel": lambda store: store.ending.begin_cancelling("e1", "ann", "enough"),
    "error": lambda store: store.set_error("e1", "lost"),
    "reconcile": lambda store: store.ending.begin_reconciling("e1", "failed"),
    "before AWS is asked": lambda store: store.get_own_execution("e1"),
}


@pytest.fixture
def running(recovery: Recovery) -> Recovery:
    recovery.open(waves=3, controller=HERE)
    recovery.start()
    recovery.launch()
    recovery.store.gates.open(WaveRef("e1", 3), "go?", [])
    return recovery


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_another_installation_is_refused_and_changes_nothing(
    running: Recovery, change: Callable[[ExecutionStore], Any]
) -> None:
    before = running.raw_items()
    running.store.act_for(THERE)

    with pytest.raises(ForeignExecutionError, match=f"run by the Airflow installation {HERE}"):
        change(running.store)

    assert running.raw_items() == before


def test_what_aws_says_may_be_recorded_by_any_installation(recovery: Recovery) -> None:
    recovery.open(controller=HERE).start()
    recovery.store.act_for(THERE)

    recovery.poll(1, ServerPhase.CONVERSION, "IN_PROGRESS")
    recovery.store.waves.record_job(WaveRef("e1", 1), recovery.job(1, ("s-1000",), part=2), adopted=False)

    wave = recovery.store.get_document("e1")["waves"][0]
    assert {job["jobId"] for job in wave["jobs"]} == {"drsjob-1-1", "drsjob-1-2"}
    assert {server["phase"] for server in wave["serverStatuses"]} == {ServerPhase.CONVERSION}


def test_its_own_installation_and_a_record_without_controller_go_on(recovery: Recovery) -> None:
    recovery.open(controller=HERE)
    recovery.store.act_for(HERE)
    recovery.complete()
    recovery.store.create_execution(recovery.new("e2"))

    assert recovery.store.admit("e2")
