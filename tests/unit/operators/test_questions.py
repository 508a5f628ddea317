"""Asking people: an answer once given is never lost, and what is asked is what is true now."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import botocore.session
import pytest
from airflow.sdk.exceptions import TaskAwaitingInput
from botocore.config import Config

from drs_recovery.operators.approval_gate import ApprovalGateOperator
from drs_recovery.store import WaveRef
from drs_recovery.store.base import StoreBase
from drs_recovery.store.executions import ExecutionStore
from drs_recovery.store.expressions import Key
from drs_recovery.store.table import ExecutionsTable
from tests.plan_documents import application, database, plan
from tests.unit.steps import Steps, deferred

StepsOf = Callable[..., Steps]


class Gate:
    """The gate of a wave as Airflow runs it; keeps what it puts to people."""

    def __init__(self, steps: Steps, number: int) -> None:
        self.steps, self.number = steps, number
        self.put: list[dict[str, Any]] = []
        self.task = ApprovalGateOperator(task_id="approve", wave_number=number)

    @property
    def context(self) -> Any:
        instance = SimpleNamespace(id="0198", try_number=1)
        return {**self.steps.context(self.number), "task_instance": instance}

    @property
    def record(self) -> dict[str, Any]:
        return self.steps.document["waves"][self.number - 1]["gate"]

    def ask(self) -> None:
        """Run a try that leaves its worker with the question."""
        with pytest.raises(TaskAwaitingInput):
            self.task.execute(self.context)

    def answer(self, option: str = "Approve", user: str = "bob") -> Any:
        """Run what Airflow runs when somebody has answered."""
        event = {
            "chosen_options": [option],
            "params_input": {"comment": ""},
            "responded_at": datetime.now(UTC),
            "responded_by_user": {"id": user, "name": user},
            "timedout": False,
        }
        return self.task.execute_complete(self.context, event)


@pytest.fixture
def gate(steps_of: StepsOf, monkeypatch: pytest.MonkeyPatch) -> Gate:
    pause = {"message": "{{ waves.Database.servers_ready }} ready?"}
    steps = steps_of(plan(database(), application(pause_before=pause)))
    steps.open()
    gate = Gate(steps, 2)
    monkeypatch.setattr(
        "airflow.providers.standard.operators.hitl.upsert_hitl_detail",
        lambda **question: gate.put.append(question),
    )
    steps.store.waves.skip(WaveRef(steps.execution_id, 1), "left out", "NOT_CHOSEN")
    return gate


def test_an_answer_that_comes_while_the_store_is_away_is_asked_of_airflow_again(gate: Gate) -> None:
    gate.ask()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(StoreBase, "_commit", _away)
        parked = deferred(gate.answer)
    assert (parked.method_name, gate.record["decision"]) == ("go_on_after_outage", "WAITING")

    # Nothing is put anew: that would erase the answer, with which Airflow resumes a task that parks.
    with pytest.raises(TaskAwaitingInput) as waiting:
        gate.task.go_on_after_outage(gate.context, since=0.0)
    assert waiting.value.method_name == "execute_complete"
    assert len(gate.put) == 1
    gate.answer()

    assert (gate.record["decision"], gate.record["actor"]) == ("APPROVED", "bob")


def test_a_question_is_put_when_the_store_is_back(gate: Gate) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(StoreBase, "_commit", _away)
        assert deferred(gate.task.execute, gate.context).method_name == "go_on_after_outage"

    gate.ask()

    assert len(gate.put) == 1


def test_a_try_that_died_with_an_answer_does_not_erase_it(gate: Gate) -> None:
    gate.ask()

    gate.ask()

    assert len(gate.put) == 1


def test_an_answer_that_did_not_count_is_erased_and_does_not_count_later(gate: Gate) -> None:
    gate.ask()
    before = datetime.now(UTC).timestamp()
    gate.steps.store.gates.refuse_answer(
        WaveRef(gate.steps.execution_id, 2), "admin", "a second person", answered_time=before + 1000
    )

    gate.ask()
    assert len(gate.put) == 2
    assert gate.put[1]["params"]["comment"]["schema"]["askedAfter"] == pytest.approx(before + 1000)
    with pytest.raises(TaskAwaitingInput):
        gate.answer()

    assert gate.record["decision"] == "WAITING"


def test_a_question_that_is_put_again_says_what_is_true_now(gate: Gate) -> None:
    gate.ask()
    assert gate.record["message"] == "0 ready?"
    facts = gate.steps.store.get_document
    document = facts(gate.steps.execution_id)
    document["waves"][0]["progress"]["ready"] = 2
    with pytest.MonkeyPatch.context() as patch:
        for read in ("get_document", "get_rest"):
            patch.setattr(ExecutionStore, read, lambda *_: document)
        gate.ask()

    assert gate.record["message"] == "2 ready?"
    assert gate.steps.document["paused"]["message"] == "2 ready?"
    assert [question["body"].splitlines()[0] for question in gate.put] == ["0 ready?", "2 ready?"]
    assert gate.steps.events[-1] == "GATE_UPDATED"


def _away(*_: Any, **__: Any) -> None:
    """The store as it is when DynamoDB cannot be reached."""
    once = Config(retries={"total_max_attempts": 1})
    # Not by the clients that tests keep: those all lead to the sandbox.
    session = botocore.session.Session()
    keys = {"aws_access_key_id": "k", "aws_secret_access_key": "k"}
    client = session.create_client(
        "dynamodb", "us-east-1", endpoint_url="http://127.0.0.1:9", config=once, **keys
    )
    ExecutionsTable(client, "dr-executions", patience=0.0).get(Key("e", "EXECUTION"))
