"""Two persons are told apart by every name that Airflow knows of them, not by one of them alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from airflow.providers.standard.operators.hitl import ApprovalOperator

from drs_recovery.operators.approval_gate import ApprovalGateOperator
from drs_recovery.store import WaveRef
from tests.plan_documents import database, plan
from tests.unit.steps import Steps

StepsOf = Callable[..., Steps]


@pytest.fixture
def steps(steps_of: StepsOf, monkeypatch: pytest.MonkeyPatch) -> Steps:
    """A real recovery that admin has started and that waits for a second person."""
    steps = steps_of(plan(database(), approval={"recovery": {"two_person": True}}))
    steps.open(execution_type="RECOVERY")
    steps.store.gates.open(WaveRef(steps.execution_id, 1), "Fail over?", [], two_person=True)
    # What Airflow does of its own with an answer and a question is not looked at here.
    monkeypatch.setattr(ApprovalOperator, "execute_complete", lambda self, context, event: "approved")
    monkeypatch.setattr(ApprovalGateOperator, "execute", lambda self, context: "asked again")
    return steps


def answer(steps: Steps, user: dict[str, Any], option: str = "Approve") -> Any:
    gate = ApprovalGateOperator(task_id="approve", wave_number=1)
    event = {"chosen_options": [option], "responded_by_user": user, "params_input": {}, "responded_at": None}
    return gate.execute_complete(steps.context(1), event)


@pytest.mark.parametrize(
    "user",
    [
        {"id": "admin", "name": "admin"},
        # With the FAB auth manager ids are numbers, and a run knows the name of who started it.
        {"id": "7", "name": "admin"},
        {"id": "7", "name": " Admin "},
        {"id": "ADMIN", "name": "Ann Admin"},
    ],
)
def test_whoever_started_a_recovery_is_not_the_second_person_by_whatever_name(
    steps: Steps, user: dict[str, Any]
) -> None:
    assert answer(steps, user) == "asked again"
    assert steps.document["waves"][0]["gate"]["decision"] == "WAITING"
    assert "GATE_ANSWER_REFUSED" in steps.events


def test_somebody_else_is(steps: Steps) -> None:
    assert answer(steps, {"id": "7", "name": "ann"}) == "approved"
    gate = steps.document["waves"][0]["gate"]
    assert (gate["decision"], gate["actor"]) == ("APPROVED", "ann")


def test_whoever_started_it_may_reject(steps: Steps) -> None:
    answer(steps, {"id": "7", "name": "admin"}, "Reject")
    assert steps.document["waves"][0]["gate"]["decision"] == "REJECTED"
