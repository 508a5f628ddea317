from __future__ import annotations

import io
from contextlib import closing
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import EndpointConnectionError
from rich.console import Console

from devstack import demo as demo_module
from devstack.airflow_api import AirflowApi
from devstack.demo import Demo, DemoOptions
from devstack.errors import DemoFailedError, UnreachableError
from devstack.layout import StackSettings
from devstack.stack import Stack
from devstack.state import StackState
from drs_recovery.exceptions import ExecutionNotFoundError
from drs_recovery.store.keys import execution_id
from tests.unit.devstack.documents import document, wave
from tests.unit.devstack.documents import server as ready_server

DAG = "/api/v2/dags/recover_crm"
RUNS = f"{DAG}/dagRuns"
KNOWN_DAG = {"tags": [{"name": "recovery-plan"}], "doc_md": "text"}
GOOD = document("COMPLETED", wave(1, "COMPLETED", ready_server()))


class FakeStore:
    """Has the documents that a test puts in, by run id."""

    def __init__(self):
        self.documents = {}

    def put(self, run_id, found):
        self.documents[execution_id("recover_crm", run_id)] = found

    def get_document(self, execution):
        if execution not in self.documents:
            raise ExecutionNotFoundError(execution)
        if isinstance(self.documents[execution], Exception):
            raise self.documents[execution]
        return self.documents[execution]


@pytest.fixture
def store(monkeypatch):
    store = FakeStore()
    monkeypatch.setattr(demo_module, "open_store", lambda _: store)
    monkeypatch.setattr(demo_module, "_LOOK_INTERVAL", 0.01)
    return store


@pytest.fixture
def printed():
    return []


@pytest.fixture
def output():
    return io.StringIO()


@pytest.fixture
def demo(tmp_path, airflow, store, printed, output):
    """A demo of the plan ``crm`` on a stack whose Airflow is the fake one."""
    airflow.reply(f"PATCH {DAG}", {})
    airflow.reply(f"POST {RUNS}", {"dag_run_id": "run-2"})
    stack = Stack(StackSettings(home=tmp_path))
    StackState(stack.settings, urlsplit(airflow.url).port, sandbox_url=airflow.url).save(stack.layout.state)
    stack.layout.passwords.write_text('{"admin": "a", "dba-lead": "d"}')
    with closing(AirflowApi(airflow.url, "admin", "a")) as api:
        yield Demo(stack, api, Console(file=output, width=200), DemoOptions("crm", 5.0), printed.append)


def _plan_is_there(airflow, *live_runs):
    airflow.reply(f"GET {DAG}/details", KNOWN_DAG)
    airflow.reply(f"GET {RUNS}", {"dag_runs": list(live_runs)})


def _run(airflow, run_id, *states):
    for state in states:
        airflow.reply(f"GET {RUNS}/{run_id}", {"state": state})
    airflow.reply(f"GET {RUNS}/{run_id}/hitlDetails", {"hitl_details": []})
    airflow.reply(
        f"GET {RUNS}/{run_id}/taskInstances", {"task_instances": [{"task_id": "t", "state": "failed"}]}
    )


def test_a_drill_is_triggered_followed_and_shown(demo, airflow, store, printed, output):
    _plan_is_there(airflow)
    _run(airflow, "run-2", "queued", "running", "success")
    store.put("run-2", GOOD)
    demo.run()
    assert airflow.bodies(f"POST {RUNS}")[0]["conf"] == {
        "execution_type": "DRILL",
        "ticket": "DEMO-1",
        "reason": "make demo",
    }
    assert airflow.bodies(f"PATCH {DAG}") == [{"is_paused": False}]
    assert printed == [GOOD["executionId"]]
    assert "triggered recover_crm for ticket DEMO-1: run-2" in output.getvalue()
    assert "wave 1 Database: COMPLETED" in output.getvalue()


def test_it_waits_until_airflow_has_read_the_plan(demo, airflow, store):
    airflow.reply(f"GET {DAG}/details", {"detail": "not found"}, status=404)
    airflow.reply("GET /api/v2/importErrors", {"import_errors": []})
    _plan_is_there(airflow)
    _run(airflow, "run-2", "success")
    store.put("run-2", GOOD)
    demo.run()


def test_a_dag_file_that_cannot_be_loaded_is_shown(demo, airflow):
    error = {"filename": "recovery_plans.py", "stack_trace": "ModuleNotFoundError: No module named 'x'"}
    airflow.reply("GET /api/v2/importErrors", {"import_errors": [error]})
    with pytest.raises(
        DemoFailedError, match="cannot load its DAG files:\nModuleNotFoundError: No module named 'x'"
    ):
        demo.run()


def test_a_plan_that_does_not_appear_is_told(demo, airflow, monkeypatch):
    monkeypatch.setattr(demo_module, "_PLAN_TIMEOUT", 0.0)
    airflow.reply("GET /api/v2/importErrors", {"import_errors": []})
    with pytest.raises(DemoFailedError, match="Airflow does not know recover_crm after 0 s"):
        demo.run()


def test_the_errors_of_a_broken_plan_are_shown(demo, airflow):
    broken = {"tags": [{"name": "broken-plan"}], "doc_md": "crm.yaml: waves: empty"}
    airflow.reply(f"GET {DAG}/details", broken)
    with pytest.raises(DemoFailedError, match=r"recover_crm is broken:\ncrm[.]yaml: waves: empty"):
        demo.run()


def test_a_live_drill_is_waited_for_first(demo, airflow, store, output):
    live = {"dag_run_id": "run-1", "state": "running", "conf": {"ticket": "DEMO-1"}}
    done = {"dag_run_id": "run-0", "state": "success", "conf": {}}
    _plan_is_there(airflow, live, done)
    _run(airflow, "run-1", "running", "failed")
    _run(airflow, "run-2", "success")
    store.put("run-2", GOOD)
    demo.run()
    assert "a drill of this plan is still live, waiting for it first: run-1" in output.getvalue()
    assert airflow.bodies(f"POST {RUNS}")[0]["conf"]["ticket"] == "DEMO-3"
    assert "run-0" not in output.getvalue()


@pytest.mark.parametrize(("ticket", "questions"), [("DEMO-1", True), ("CHG-7", False)])
def test_only_gates_of_a_demo_are_answered(demo, airflow, store, ticket, questions):
    _plan_is_there(airflow, {"dag_run_id": "run-1", "state": "running", "conf": {"ticket": ticket}})
    _run(airflow, "run-1", "running", "running", "success")
    _run(airflow, "run-2", "success")
    store.put("run-2", GOOD)
    demo.run()
    assert bool(airflow.bodies(f"GET {RUNS}/run-1/hitlDetails")) is questions


def test_a_drill_that_is_no_success_is_an_error_that_says_where_to_look(
    demo, airflow, store, printed, tmp_path
):
    _plan_is_there(airflow)
    _run(airflow, "run-2", "failed")
    store.put("run-2", document("FAILED", wave(1, "FAILED", ready_server(phase="FAILED"))))
    with pytest.raises(DemoFailedError) as caught:
        demo.run()
    assert str(caught.value) == (
        "the drill is no success:\n"
        "- the execution is FAILED\n"
        "- wave 1 Database is FAILED\n"
        "- crm-db-01 is FAILED\n"
        f"failed tasks: t; task logs: {tmp_path}/logs/dag_id=recover_crm/run_id=run-2; "
        f"process logs: {tmp_path}/processes"
    )
    assert printed == ["0c6a"]


def test_a_drill_that_ended_without_a_record_is_told(demo, airflow, printed):
    _plan_is_there(airflow)
    _run(airflow, "run-2", "failed")
    with pytest.raises(DemoFailedError, match="run-2 ended without a record; failed tasks: t"):
        demo.run()
    assert printed == []


def test_a_drill_that_does_not_end_is_not_waited_for_longer_than_allowed(demo, airflow, monkeypatch):
    _plan_is_there(airflow)
    _run(airflow, "run-2", "running")
    monkeypatch.setattr(demo, "_deadline", 0.0)
    with pytest.raises(DemoFailedError, match="run-2 has not ended in time; failed tasks: t"):
        demo.run()


def test_a_sandbox_that_died_is_told(demo, airflow, store):
    _plan_is_there(airflow)
    _run(airflow, "run-2", "running")
    store.put("run-2", EndpointConnectionError(endpoint_url="http://127.0.0.1:1"))
    with pytest.raises(UnreachableError, match="the sandbox does not answer"):
        demo.run()
