"""What the listener writes into the record when somebody ends a DAG run by hand."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from drs_recovery import listener
from drs_recovery.listener import Intent
from tests.plan_documents import database, plan
from tests.unit.steps import Steps

StepsOf = Callable[..., Steps]


@pytest.fixture
def steps(steps_of: StepsOf, monkeypatch: pytest.MonkeyPatch) -> Steps:
    """An execution whose run is about to be marked as failed."""
    monkeypatch.setattr(listener, "_intent_of", lambda dag_id, run_id: Intent("ann", "wrong plan"))
    steps = steps_of(plan(database()))
    steps.open()
    return steps


def test_who_ends_a_run_stands_in_the_record(steps: Steps) -> None:
    listener._write(steps.plan.dag_id, steps.run_id)

    assert steps.document["cancel"]["actor"] == "ann"


def test_a_run_of_the_same_id_in_another_installation_cancels_nothing(
    steps: Steps, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, events = steps.document, steps.events
    monkeypatch.setenv("AIRFLOW_VAR_DRS_RECOVERY_INSTALLATION", "graz")

    listener._write(steps.plan.dag_id, steps.run_id)

    assert (steps.document, steps.events) == (before, events)
