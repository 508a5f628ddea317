"""A failed wave is tried again through the console: one attempt for however many people ask at once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from airflow.models.dag import DagModel
from airflow.models.dagrun import DagRun
from airflow.models.taskinstance import TaskInstance
from airflow.utils.session import create_session
from airflow.utils.state import TaskInstanceState

from drs_recovery.operators.base import RETRIES
from drs_recovery.statuses import GateDecision
from drs_recovery.store import WaveRef
from sandbox.testing import Sandbox
from tests.integration.core_api import CoreApi
from tests.integration.people import Question, reject
from tests.integration.runs import Ended, Runner
from tests.integration.web.acting import at_once, send
from tests.integration.web.conftest import Console
from tests.plan_documents import DB_2, application, database, plan, web

pytestmark = pytest.mark.integration

START = "wave_01_database.start_recovery"
RETRY = {"wave": 1, "reason": "capacity is back"}


@pytest.fixture
def failed(runner: Runner, sandbox: Sandbox, console: Console) -> Ended:
    """A drill whose first wave failed."""
    sandbox.add_fault("launch_failed", server=DB_2, raw_error="no capacity", times=1)
    return runner.run(plan(database(), application()))


def execution_of(ended: Ended) -> str:
    return str(ended.document["executionId"])


def tasks(ended: Ended) -> dict[str, TaskInstance]:
    with create_session() as session:
        found = session.query(TaskInstance).filter(TaskInstance.run_id == ended.document["dagRunId"])
        return {task.task_id: task for task in found}


def ask(console: Console, ended: Ended, user: str = "bob", **body: Any) -> Any:
    return send(console.core_api, execution_of(ended), "retry", {**RETRY, **body}, user)


def begin_attempt(runner: Runner, ended: Ended) -> bool:
    """What the first task of the wave does when it runs again."""
    asked_by = tasks(ended)[START].max_tries
    return runner.store.retries.begin(WaveRef(execution_of(ended), 1), "airflow (task cleared)", asked_by)[1]


def test_a_retry_clears_the_wave_and_all_behind_it_and_the_record_names_who_asked(
    runner: Runner, console: Console, failed: Ended
) -> None:
    answer = ask(console, failed)

    assert answer.status_code == 202
    assert answer.json()["outcome"].startswith(
        'Attempt 2 at wave 1 "Database" is requested: it begins within'
    )
    after = tasks(failed)
    cleared = {task_id for task_id, task in after.items() if task.state is None}
    assert cleared == after.keys() - {"open_execution", "wave_01_database.approve"}
    request = runner.store.get_wave(WaveRef(execution_of(failed), 1))["retryRequest"]
    assert (request["actor"], request["reason"]) == ("bob", "capacity is back")
    assert request["askedBy"] == after[START].max_tries
    assert begin_attempt(runner, failed)
    reopened = runner.store.get_events(execution_of(failed))[-1]
    assert (reopened["event"], reopened["actor"]) == ("EXECUTION_REOPENED", "bob")
    assert reopened["detail"] == {"wave": 1, "attempt": 2, "reason": "capacity is back"}


def test_a_retry_of_a_wave_that_failed_before_its_launch_begins_with_that_step(
    runner: Runner, console: Console
) -> None:
    unreachable = {"tcp_probe": {"port": 9, "host": "10.9.9.9"}, "name": "Port", "timeout": "PT1S"}
    ended = runner.run(plan(database(before=[{"wait": {"for": "PT1S"}}, unreachable])))
    assert ended.waves == ["FAILED"]

    assert ask(console, ended).status_code == 202

    after = tasks(ended)
    kept = {task_id for task_id, task in after.items() if task.state is not None}
    assert kept == {"open_execution", "wave_01_database.approve", "wave_01_database.before_1_wait"}


def test_a_retry_can_choose_other_data_for_the_servers_that_start_again(
    runner: Runner, console: Console, failed: Ended
) -> None:
    for point, told in (
        ("yesterday", 'point_in_time \\"yesterday\\" is neither'),
        ({DB_2: "snap-0123456789abcdef0"}, "is not the id of a recovery snapshot"),
        ({"s-9999999999999999z": "pit-00000000000000000"}, "no server of wave 1"),
    ):
        refused = ask(console, failed, pointInTime=point)
        assert refused.status_code == 422
        assert told in refused.text

    assert ask(console, failed, pointInTime=json.dumps({DB_2: "pit-00000000000000000"})).status_code == 202

    request = runner.store.get_wave(WaveRef(execution_of(failed), 1))["retryRequest"]
    assert request["pointInTime"] == {DB_2: "pit-00000000000000000"}


def test_however_many_people_ask_at_once_it_is_one_attempt(
    runner: Runner, console: Console, failed: Ended
) -> None:
    people = ("alice", "bob", "bob", "carol")

    said = at_once(*(lambda name=name: ask(console, failed, name) for name in people))
    actor = runner.store.get_wave(WaveRef(execution_of(failed), 1))["retryRequest"]["actor"]
    late, again = ask(console, failed, "dave"), ask(console, failed, actor)

    statuses = [answer.status_code for answer in said]
    assert 202 in statuses
    assert set(statuses) <= {202, 409}
    assert {answer.json()["actor"] for answer in said if answer.status_code == 202} == {actor}
    assert {answer.json()["first"]["actor"] for answer in said if answer.status_code == 409} <= {actor}
    assert late.status_code == 409
    assert f"A new attempt at wave 1 was already requested by {actor}, 20" in late.json()["detail"]
    assert again.status_code == 202
    assert tasks(failed)[START].max_tries == RETRIES + 1
    assert begin_attempt(runner, failed)
    assert not begin_attempt(runner, failed)
    assert runner.store.get_wave(WaveRef(execution_of(failed), 1))["attempt"] == 2


def test_a_wave_that_is_tried_again_already_names_who_asked(
    runner: Runner, console: Console, failed: Ended
) -> None:
    ask(console, failed, "bob")
    begin_attempt(runner, failed)

    late = ask(console, failed, "alice")

    assert late.status_code == 409
    assert "Wave 1 is PENDING; attempt 2 at it was already requested by bob, 20" in late.json()["detail"]


def test_nothing_is_retried_that_did_not_fail_or_was_never_started(
    runner: Runner, console: Console, failed: Ended
) -> None:
    never = ask(console, failed, wave=2)
    unknown = ask(console, failed, wave=3)
    viewer = send(console.core_api, execution_of(failed), "retry", RETRY, "viewer", "viewer")
    nonsense = [ask(console, failed, wave=wave) for wave in (0, "1", True, None, 1.5)]

    assert never.status_code == 409
    assert "Wave 2 is SKIPPED" in never.json()["detail"]
    assert unknown.status_code == 422
    assert viewer.status_code == 403
    assert {answer.status_code for answer in nonsense} == {422}
    assert runner.store.get_document(execution_of(failed)) == failed.document


def test_a_retry_beside_another_execution_of_the_plan_is_refused_before_anything_is_cleared(
    runner: Runner, console: Console, failed: Ended
) -> None:
    said: list[Any] = []

    def ask_and_reject(api: CoreApi, question: Question) -> None:
        said.append(ask(console, failed))
        reject()(api, question)

    runner.run(
        plan(database(), application(pause_before=True)),
        people={"wave_02_application": ask_and_reject},
    )

    assert said[0].status_code == 409
    assert "has a live DRILL: execution " in said[0].json()["detail"]
    assert tasks(failed)[START].state is not None


def test_a_retry_behind_a_rejected_gate_is_refused(
    runner: Runner, sandbox: Sandbox, console: Console
) -> None:
    sandbox.add_fault("launch_failed", server=DB_2, raw_error="no capacity", times=1)
    # The gate opens when the first wave has failed.
    goes_on = plan(database(on_failure="continue"), application(pause_before=True), web())
    ended = runner.run(goes_on, people={"wave_02_application": reject()})

    answer = ask(console, ended)

    assert ended.document["waves"][1]["gate"]["decision"] == GateDecision.REJECTED
    assert answer.status_code == 409
    assert 'the gate of wave 2 "Application" was REJECTED by admin' in answer.json()["detail"]


def test_what_airflow_cannot_do_now_is_refused_in_plain_words_and_clears_nothing(
    console: Console, failed: Ended
) -> None:
    with in_database(DagModel, dag_id="recover_crm") as dag:
        dag.is_paused = True
    paused = ask(console, failed)
    with in_database(DagModel, dag_id="recover_crm") as dag:
        dag.is_paused = False
    with in_database(TaskInstance, **last_task(failed)) as last:
        last.state = TaskInstanceState.RUNNING
    at_work = ask(console, failed)
    states = {task_id: task.state for task_id, task in tasks(failed).items()}
    with in_database(TaskInstance, **last_task(failed)) as last:
        last.state = TaskInstanceState.FAILED
    clear_in_airflow(console, failed)
    cleared = ask(console, failed)
    with create_session() as session:
        session.query(DagRun).filter_by(run_id=failed.document["dagRunId"]).delete()
    deleted = ask(console, failed)

    assert {answer.status_code for answer in (paused, at_work, cleared, deleted)} == {409}
    assert "recover_crm is paused in Airflow: nothing was done" in paused.json()["detail"]
    assert "A task of the execution is running" in at_work.json()["detail"]
    assert states == {**failed.tasks, "finalize_execution": "running"}
    said = "Wave 1 was already cleared in Airflow: its first task is about to run."
    assert cleared.json()["detail"] == said
    assert "was deleted in Airflow" in deleted.json()["detail"]


def last_task(ended: Ended) -> dict[str, str]:
    return {"run_id": ended.document["dagRunId"], "task_id": "finalize_execution"}


@contextmanager
def in_database(model: Any, **key: str) -> Iterator[Any]:
    """A row of Airflow's database, to be changed."""
    with create_session() as session:
        yield session.query(model).filter_by(**key).one()


def clear_in_airflow(console: Console, ended: Ended) -> None:
    run_id = ended.document["dagRunId"]
    body = {"dry_run": False, "only_failed": False, "dag_run_id": run_id, "task_ids": [START]}
    console.core_api.call("carol", "POST", "/dags/recover_crm/clearTaskInstances", json=body)
