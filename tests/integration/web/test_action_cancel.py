"""Cancelling through the console: the record names who did it, the first one stands, nothing is forgotten."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from drs_recovery.plan.model import RecoveryPlan
from drs_recovery.statuses import ExecutionType
from drs_recovery.store.executions import ExecutionStore
from drs_recovery.store.keys import execution_id
from drs_recovery.store.records import NewExecution, NewWave
from drs_recovery.web.api import actions as bodies
from sandbox.testing import Sandbox
from tests.integration.evidence import accepted_starts, answers, assert_ready_as_in_ec2
from tests.integration.meanwhile import once
from tests.integration.runs import SPEED, Ended, Runner
from tests.integration.web.acting import at_once, send
from tests.integration.web.conftest import Console
from tests.plan_documents import application, database, plan

pytestmark = pytest.mark.integration

TWO_WAVES = plan(database(), application())
GATED = plan(database(), application(pause_before=True))


def cancelled_by(ended: Ended) -> list[tuple[str, str]]:
    return [(e["actor"], e["detail"]["reason"]) for e in ended.events if e["event"] == "EXECUTION_CANCELLING"]


def an_execution(store: ExecutionStore, run_id: str = "CHG1") -> str:
    """An execution of which nothing has run."""
    document = RecoveryPlan.model_validate(plan(database()))
    new = NewExecution(
        execution_id=str(uuid.uuid4()),
        plan_id="crm",
        plan_name="CRM",
        plan_hash=document.digest(),
        plan_snapshot=document.model_dump(mode="json"),
        dag_id="recover_crm",
        dag_run_id=run_id,
        execution_type=ExecutionType.DRILL,
        initiated_by="alice",
        waves=(NewWave(1, "Database"),),
    )
    store.create_execution(new)
    return new.execution_id


def test_a_running_wave_is_followed_to_its_end_and_the_record_names_who_cancelled(
    runner: Runner, sandbox: Sandbox, console: Console
) -> None:
    sandbox.set_speed(1)
    said: list[Any] = []

    def cancel() -> None:
        (execution,) = runner.store.listings.live()
        said.append(
            send(console.core_api, execution["executionId"], "cancel", {"reason": "wrong plan"}, "bob")
        )
        said.append(runner.store.get_execution(execution["executionId"]))
        sandbox.set_speed(SPEED)

    with once(lambda: len(answers(sandbox, "DescribeJobs")) > 6, cancel):
        ended = runner.run(TWO_WAVES)

    answer, record = said
    assert answer.status_code == 202
    assert 'what runs of wave 1 "Database" is followed to its end' in answer.json()["outcome"]
    # The answer came when the record showed it.
    assert record["cancel"]["actor"] == answer.json()["actor"] == "bob"
    assert record["cancel"]["time"] == answer.json()["time"]
    assert (ended.state, ended.document["status"]) == ("failed", "CANCELLED")
    assert cancelled_by(ended) == [("bob", "wrong plan")]
    assert_ready_as_in_ec2(sandbox, ended, "crm-db-01", "crm-db-02")
    assert accepted_starts(sandbox) == 1


def test_of_several_who_cancel_at_once_the_first_stands_and_the_others_hear_of_it(
    runner: Runner, console: Console
) -> None:
    said: list[Any] = []

    def cancel(api: Any, question: Any) -> None:
        task = question["task_instance"]
        execution = execution_id(task["dag_id"], task["dag_run_id"])
        people = ("alice", "bob", "bob", "carol")
        said.extend(
            at_once(
                *(
                    lambda name=name: send(api, execution, "cancel", {"reason": f"says {name}"}, name)
                    for name in people
                )
            )
        )
        said.append(send(api, execution, "cancel", {"reason": "once more"}, "dave"))

    ended = runner.run(GATED, people={"wave_02_application": cancel})

    ((actor, reason),) = cancelled_by(ended)
    assert reason == f"says {actor}"
    taken = [answer.json() for answer in said if answer.status_code == 202]
    refused = [answer.json() for answer in said if answer.status_code == 409]
    assert len(taken) + len(refused) == 5
    assert {one["actor"] for one in taken} == {actor}
    assert {one["first"]["actor"] for one in refused} == {actor}
    assert f"The execution was cancelled already by {actor}, 20" in refused[-1]["detail"]
    assert ended.document["status"] == "PARTIAL_SUCCESS"


def test_an_execution_that_has_ended_or_that_somebody_only_sees_is_not_cancelled(
    runner: Runner, console: Console
) -> None:
    ended = runner.run(plan(database()))
    path = f"/api/v1/executions/{ended.document['executionId']}/actions/cancel"

    late = console.post(path, {"reason": "too late"})
    viewer = console.post(path, {"reason": "because"}, "viewer")

    assert (late.status_code, late.json()["detail"]) == (409, "The execution has ended.")
    assert viewer.status_code == 403
    assert runner.store.get_document(ended.document["executionId"]) == ended.document


def test_a_run_that_was_deleted_is_told_as_such(
    runner: Runner, console: Console, store: ExecutionStore
) -> None:
    execution = an_execution(store)

    answer = console.post(f"/api/v1/executions/{execution}/actions/cancel", {"reason": "wrong plan"})

    assert answer.status_code == 409
    assert "The DAG run CHG1 of recover_crm was deleted in Airflow" in answer.json()["detail"]
    assert store.get_execution(execution)["status"] == "PENDING"


def test_a_run_that_has_ended_without_its_record_is_left_to_housekeeping(
    runner: Runner, console: Console
) -> None:
    ended = runner.run(plan(database()))
    execution = an_execution(runner.store, ended.document["dagRunId"])

    answer = console.post(f"/api/v1/executions/{execution}/actions/cancel", {"reason": "wrong plan"})

    assert answer.status_code == 202
    assert "Housekeeping follows what still runs, and closes the record" in answer.json()["outcome"]
    assert "cancel" not in runner.store.get_execution(execution)


@pytest.mark.parametrize(
    "body",
    [
        *({}, {"reason": ""}, {"reason": " \t "}, {"reason": "x" * (bodies.LONGEST_REASON + 1)}),
        *({"reason": 7}, {"reason": "why", "extra": 1}, [], "why"),
    ],
)
def test_a_cancellation_without_a_proper_reason_is_refused(
    console: Console, store: ExecutionStore, body: Any
) -> None:
    execution = an_execution(store)

    answer = console.post(f"/api/v1/executions/{execution}/actions/cancel", body)

    assert answer.status_code == 422
    assert answer.json()["errors"]
    assert store.get_execution(execution)["status"] == "PENDING"
