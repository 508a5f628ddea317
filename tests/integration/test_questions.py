"""A question that is put again says what is true now, in Airflow as in the record."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk.exceptions import TaskAwaitingInput

from drs_recovery.statuses import CONTINUE, RETRY
from sandbox.testing import Sandbox
from tests.integration.core_api import CoreApi
from tests.integration.people import Deed, choose
from tests.integration.runs import Runner
from tests.plan_documents import DB_1, DB_2, database, plan

pytestmark = pytest.mark.integration

WAVE = "wave_01_database"


def seen_by(readers: list[dict[str, Any]], deed: Deed) -> Deed:
    """A deed of somebody who reads the question first."""

    def read_and_do(api: CoreApi, question: dict[str, Any]) -> None:
        readers.append(question)
        deed(api, question)

    return read_and_do


def test_the_question_about_a_second_failure_tells_of_the_second_failure(
    runner: Runner, sandbox: Sandbox
) -> None:
    read: list[dict[str, Any]] = []
    sandbox.add_fault("launch_failed", server=DB_1, raw_error="no capacity in us-east-1a", times=1)
    sandbox.add_fault("launch_failed", server=DB_2, raw_error="quota of vCPUs reached", times=2)

    ended = runner.run(
        plan(database(on_failure="ask")),
        people={WAVE: [seen_by(read, choose(RETRY)), seen_by(read, choose(CONTINUE))]},
    )

    first, second = (question["body"] for question in read)
    assert "no capacity in us-east-1a" in first
    assert "attempt 2" in second
    assert "quota of vCPUs reached" in second
    assert "no capacity" not in second
    assert "no capacity" not in ended.document["waves"][0]["failureGate"]["message"]


def test_an_answer_to_a_question_whose_task_died_before_it_waited_is_not_lost(
    runner: Runner, core_api: CoreApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Airflow erases the answer when the next try puts the question."""
    put = HITLOperator.execute
    tries: list[int] = []

    def dies_once(self: Any, context: Any) -> Any:
        tries.append(context["ti"].try_number)
        if len(tries) > 1:
            return put(self, context)
        with suppress(TaskAwaitingInput):
            put(self, context)
        run = context["dag_run"]
        task = {"dag_id": run.dag_id, "dag_run_id": run.run_id, "task_id": self.task_id}
        with ThreadPoolExecutor(1) as people:
            people.submit(core_api.answer, {"task_instance": task}, "alice", "Approve", "go").result()
        raise RuntimeError("the worker is killed")

    monkeypatch.setattr(HITLOperator, "execute", dies_once)
    monkeypatch.setattr("drs_recovery.operators.base.RETRY_DELAY", timedelta(seconds=0))

    ended = runner.run(plan(database(pause_before=True)))

    assert len(tries) == 2
    gate = ended.document["waves"][0]["gate"]
    assert (gate["decision"], gate["actor"], gate["comment"]) == ("APPROVED", "alice", "go")
    assert ended.document["status"] == "COMPLETED"
