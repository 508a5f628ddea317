"""Instances are terminated through the console: once for however many people ask, and only what is meant."""

from __future__ import annotations

from typing import Any

import pytest
from airflow.models.dag import DagModel
from airflow.models.dagrun import DagRun
from airflow.utils.session import create_session

from sandbox.testing import Sandbox
from tests.integration.people import approve
from tests.integration.runs import Ended, Runner
from tests.integration.web.acting import at_once, send
from tests.integration.web.conftest import Console
from tests.plan_documents import application, database, plan

pytestmark = pytest.mark.integration

TERMINATE = "terminate_recovery_instances"


@pytest.fixture
def drill(runner: Runner, console: Console) -> Ended:
    """A drill of two waves that has ended; Airflow knows the DAG that terminates."""
    ended = runner.run(plan(database(), application()))
    forget_terminations()
    return ended


def forget_terminations() -> None:
    """The runs of tests before."""
    with create_session() as session:
        session.query(DagRun).filter_by(dag_id=TERMINATE).delete()
        session.get(DagModel, TERMINATE).is_paused = False


def ask(console: Console, ended: Ended, user: str = "bob", role: str = "user", **body: Any) -> Any:
    return send(console.core_api, ended.document["executionId"], "terminate", body, user, role)


def runs() -> list[DagRun]:
    with create_session() as session:
        return list(session.query(DagRun).filter_by(dag_id=TERMINATE).order_by(DagRun.id))


def end_run(run_id: str, state: str) -> None:
    with create_session() as session:
        session.query(DagRun).filter_by(dag_id=TERMINATE, run_id=run_id).one().state = state


def test_a_request_becomes_a_run_of_the_dag_that_terminates_in_the_name_of_whoever_asked(
    console: Console, drill: Ended
) -> None:
    answer = ask(console, drill)

    (run,) = runs()
    assert (answer.status_code, answer.json()["dagRunId"]) == (202, run.run_id)
    assert "Termination of the remaining instances (4 on record) is requested" in answer.json()["outcome"]
    assert run.conf == {"execution_id": drill.document["executionId"]}
    assert run.triggering_user_name == answer.json()["actor"] == "bob"


def test_however_many_people_ask_at_once_it_is_one_run(console: Console, drill: Ended) -> None:
    people = ("alice", "bob", "bob", "carol")

    said = at_once(*(lambda name=name: ask(console, drill, name) for name in people))
    late = ask(console, drill, "dave")

    (run,) = runs()
    assert sorted(answer.status_code for answer in said) == [202, 409, 409, 409]
    actor = run.triggering_user_name
    assert {a.json()["first"]["actor"] for a in said if a.status_code == 409} == {actor}
    assert late.status_code == 409
    assert f"The termination was already requested by {actor}, 20" in late.json()["detail"]


def test_only_the_chosen_waves_are_meant_and_other_ones_may_follow(console: Console, drill: Ended) -> None:
    first = ask(console, drill, waves=[2])
    same = ask(console, drill, waves=[2, 2])
    other = ask(console, drill, waves=[1])
    both = ask(console, drill)
    unknown = ask(console, drill, waves=[2, 9])
    nonsense = [ask(console, drill, waves=waves) for waves in ([], [0], ["2"], "2", [None])]

    assert [answer.status_code for answer in (first, same, other, both)] == [202, 409, 202, 409]
    assert [run.conf["waves"] for run in runs()] == [[2], [1]]
    assert "(2 on record)" in first.json()["outcome"]
    assert unknown.status_code == 422
    assert {answer.status_code for answer in nonsense} == {422}


def test_what_failed_before_it_began_can_be_asked_for_again(console: Console, drill: Ended) -> None:
    first = ask(console, drill).json()["dagRunId"]
    end_run(first, "failed")

    said = at_once(*[lambda: ask(console, drill)] * 3)

    assert sorted(answer.status_code for answer in said) == [202, 409, 409]
    assert len(runs()) == 2


def test_the_instances_go_and_the_record_says_who_asked(
    runner: Runner, console: Console, drill: Ended
) -> None:
    run = ask(console, drill).json()["dagRunId"]
    (conf,) = [run.conf for run in runs()]
    end_run(run, "success")

    runner.trigger(TERMINATE, conf)
    again = ask(console, drill)

    assert runner.store.get_document(drill.document["executionId"])["instancesTerminated"]
    assert (again.status_code, again.json()["detail"]) == (409, "Its instances are terminated already.")


def test_instances_of_a_real_recovery_need_the_id_of_the_plan(
    runner: Runner, sandbox: Sandbox, console: Console
) -> None:
    ended = runner.run(
        plan(database()), {"execution_type": "RECOVERY"}, people={"wave_01_database": approve()}
    )
    forget_terminations()

    refused = [
        ask(console, ended),
        ask(console, ended, confirmation="CRM"),
        ask(console, ended, confirmation=""),
    ]
    typed = ask(console, ended, confirmation=" crm ")

    assert {answer.status_code for answer in refused} == {422}
    assert refused[0].json()["errors"][0]["pointer"] == "/body/confirmation"
    assert typed.status_code == 202
    (run,) = runs()
    assert run.conf == {
        "execution_id": ended.document["executionId"],
        "include_recovery": True,
        "confirmation": "crm",
    }


def test_who_only_sees_the_plan_and_a_paused_dag_start_nothing(console: Console, drill: Ended) -> None:
    viewer = ask(console, drill, "viewer", "viewer")
    with create_session() as session:
        session.get(DagModel, TERMINATE).is_paused = True
    paused = ask(console, drill)

    assert viewer.status_code == 403
    assert paused.status_code == 409
    assert "terminate_recovery_instances is paused in Airflow: nothing was done" in paused.json()["detail"]
    assert runs() == []
