from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from devstack.airflow_api import Question
from devstack.errors import AirflowApiError, DemoFailedError
from devstack.gatekeeper import Gatekeeper

ASKED = datetime(2026, 11, 21, 3, 4, 5, tzinfo=UTC)
QUESTION = Question(
    "d", "r", "approve", -1, "Check the database", ("Approve", "Reject"), ("dba-lead",), ASKED
)
ANSWER = "PATCH /api/v2/dags/d/dagRuns/r/taskInstances/approve/-1/hitlDetails"
PASSWORDS = {"admin": "a-pass", "dba-lead": "d-pass"}


@pytest.fixture
def said():
    return []


@pytest.fixture
def keeper(airflow, said):
    """A gatekeeper, ten seconds after the question was asked."""
    return Gatekeeper(airflow.url, PASSWORDS, said.append, now=lambda: ASKED + timedelta(seconds=10))


def test_a_gate_is_approved_as_its_approver(keeper, airflow, said):
    airflow.reply(ANSWER, {})
    keeper.approve_due([QUESTION])
    assert airflow.bodies("POST /auth/token") == [{"username": "dba-lead", "password": "d-pass"}]
    assert airflow.bodies(ANSWER) == [{"chosen_options": ["Approve"], "params_input": {}}]
    assert said == ["dba-lead approves “Check the database”"]


@pytest.mark.parametrize("age", [0.0, 1.9, 2.9])
def test_a_gate_is_not_answered_while_its_task_may_still_be_parking(airflow, said, age):
    Gatekeeper(airflow.url, PASSWORDS, said.append, now=lambda: ASKED + timedelta(seconds=age)).approve_due(
        [QUESTION]
    )
    assert airflow.requests == []


def test_a_gate_without_approvers_is_approved_by_the_administrator(keeper, airflow):
    airflow.reply(ANSWER, {})
    keeper.approve_due([replace(QUESTION, approvers=())])
    assert airflow.bodies("POST /auth/token")[0]["username"] == "admin"


def test_an_approver_that_the_stack_does_not_have_is_passed_over(keeper, airflow):
    airflow.reply(ANSWER, {})
    keeper.approve_due([replace(QUESTION, approvers=("cto", "dba-lead"))])
    assert airflow.bodies("POST /auth/token")[0]["username"] == "dba-lead"


def test_a_gate_that_nobody_here_may_answer_is_told(keeper):
    with pytest.raises(
        DemoFailedError, match="may only be answered by cto, and this stack has the users admin, dba-lead"
    ):
        keeper.approve_due([replace(QUESTION, approvers=("cto",))])


def test_somebody_who_was_faster_is_no_error(keeper, airflow, said):
    airflow.reply(ANSWER, {"detail": "answered"}, status=409)
    keeper.approve_due([QUESTION])
    assert said == ["somebody else has answered “Check the database”"]


def test_a_refused_answer_is_told(keeper, airflow):
    airflow.reply(ANSWER, {"detail": "forbidden"}, status=403)
    with pytest.raises(AirflowApiError, match="was answered with 403"):
        keeper.approve_due([QUESTION])
