from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from devstack.airflow_api import AirflowApi, Question
from devstack.environment import free_port
from devstack.errors import AirflowApiError, UnreachableError

RUNS = "/api/v2/dags/recover_crm/dagRuns"
QUESTION = Question(
    dag_id="recover_crm",
    run_id="run-1",
    task_id="wave_02_application.approve",
    map_index=-1,
    subject="Check the database",
    options=("Approve", "Reject"),
    approvers=("dba-lead",),
    created_at=datetime(2026, 11, 21, 3, 4, 5, tzinfo=UTC),
)


@pytest.fixture
def api(airflow):
    with closing(AirflowApi(airflow.url, "admin", "pass")) as api:
        yield api


def test_it_logs_in_once_and_shows_its_token_ever_after(api, airflow):
    airflow.reply(f"GET {RUNS}/run-1", {"state": "running"})
    api.run("recover_crm", "run-1")
    api.run("recover_crm", "run-1")
    assert airflow.bodies("POST /auth/token") == [{"username": "admin", "password": "pass"}]
    assert [request.authorization for request in airflow.requests[1:]] == ["Bearer secret", "Bearer secret"]


def test_an_expired_token_is_replaced(api, airflow):
    airflow.reply(f"GET {RUNS}/run-1", {"detail": "expired"}, status=401)
    airflow.reply(f"GET {RUNS}/run-1", {"state": "running"})
    assert api.run("recover_crm", "run-1") == {"state": "running"}
    assert len(airflow.bodies("POST /auth/token")) == 2


def test_wrong_credentials_are_told(server):
    server.reply("POST /auth/token", {"detail": "Invalid credentials"}, status=401)
    with closing(AirflowApi(server.url, "admin", "wrong")) as api, pytest.raises(AirflowApiError) as caught:
        api.unpause("recover_crm")
    assert str(caught.value) == 'POST /auth/token was answered with 401: {"detail": "Invalid credentials"}'


def test_a_run_is_triggered_with_its_parameters(api, airflow):
    airflow.reply(f"POST {RUNS}", {"dag_run_id": "manual__1"})
    assert api.trigger("recover_crm", {"ticket": "DEMO-1"}) == "manual__1"
    (body,) = airflow.bodies(f"POST {RUNS}")
    assert body["conf"] == {"ticket": "DEMO-1"}
    assert body["dag_run_id"] == f"manual__{body['logical_date']}"
    # Airflow begins runs in the order of these times.
    age = datetime.now(UTC) - datetime.fromisoformat(body["logical_date"])
    assert timedelta() <= age < timedelta(minutes=5)


def test_a_trigger_is_repeated_under_its_name_until_airflow_has_the_run(api, airflow):
    airflow.reply(f"POST {RUNS}", {"detail": {"reason": "Database error"}}, status=500)
    airflow.reply(f"POST {RUNS}", {"detail": {"reason": "Unique constraint violation"}}, status=409)
    run_id = api.trigger("recover_crm", {})
    assert [body["dag_run_id"] for body in airflow.bodies(f"POST {RUNS}")] == [run_id, run_id]


def test_a_trigger_that_keeps_failing_is_told(api, airflow):
    airflow.reply(f"POST {RUNS}", {"detail": "boom"}, status=500)
    with pytest.raises(AirflowApiError, match="was answered with 500"):
        api.trigger("recover_crm", {})
    assert len({body["dag_run_id"] for body in airflow.bodies(f"POST {RUNS}")}) == 1


def test_a_trigger_that_airflow_refuses_is_told(api, airflow):
    airflow.reply(f"POST {RUNS}", {"detail": "Invalid input for param waves"}, status=400)
    with pytest.raises(AirflowApiError, match="was answered with 400"):
        api.trigger("recover_crm", {"waves": "all"})
    assert len(airflow.bodies(f"POST {RUNS}")) == 1


def test_reading_is_repeated_when_the_server_stumbles(api, airflow):
    airflow.reply(f"GET {RUNS}", {"detail": "database is locked"}, status=500)
    airflow.reply(f"GET {RUNS}", {"dag_runs": [{"dag_run_id": "b"}, {"dag_run_id": "a"}]})
    assert [run["dag_run_id"] for run in api.runs("recover_crm")] == ["b", "a"]


def test_a_dag_that_airflow_does_not_know_is_none(api):
    assert api.dag("recover_crm") is None


def test_a_dag_is_returned_with_its_documentation(api, airflow):
    airflow.reply("GET /api/v2/dags/recover_crm/details", {"doc_md": "text", "tags": []})
    assert api.dag("recover_crm") == {"doc_md": "text", "tags": []}


def test_the_file_of_a_dag_is_parsed_on_demand(api, airflow):
    airflow.reply("GET /api/v2/dags/recover_crm/details", {"file_token": "token"})
    airflow.reply("PUT /api/v2/parseDagFile/token", None, status=201)
    api.parse_file_of("recover_crm")
    assert len(airflow.bodies("PUT /api/v2/parseDagFile/token")) == 1


def test_a_file_that_waits_to_be_parsed_already_need_not_be_asked_for(api, airflow):
    airflow.reply("GET /api/v2/dags/recover_crm/details", {"file_token": "token"})
    airflow.reply("PUT /api/v2/parseDagFile/token", {"detail": "Unique constraint violation"}, status=409)
    api.parse_file_of("recover_crm")


def test_a_refused_wish_to_parse_is_told(api, airflow):
    airflow.reply("GET /api/v2/dags/recover_crm/details", {"file_token": "token"})
    airflow.reply("PUT /api/v2/parseDagFile/token", {"detail": "Forbidden"}, status=403)
    with pytest.raises(AirflowApiError, match="was answered with 403"):
        api.parse_file_of("recover_crm")


def test_runs_under_way_are_those_of_all_dags(api, airflow):
    runs = [{"dag_id": "recover_crm", "dag_run_id": "a"}, {"dag_id": "housekeeping", "dag_run_id": "b"}]
    airflow.reply("GET /api/v2/dags/~/dagRuns", {"dag_runs": runs, "total_entries": 2})
    assert api.runs_under_way() == {("recover_crm", "a"), ("housekeeping", "b")}


def test_import_errors_are_listed_by_file(api, airflow):
    error = {"filename": "recovery_plans.py", "stack_trace": "Traceback …"}
    airflow.reply("GET /api/v2/importErrors", {"import_errors": [error], "total_entries": 1})
    assert api.import_errors() == {"recovery_plans.py": "Traceback …"}


def test_only_questions_whose_task_still_waits_are_asked_for(api, airflow):
    detail = {
        "task_instance": {
            "dag_id": QUESTION.dag_id,
            "dag_run_id": QUESTION.run_id,
            "task_id": QUESTION.task_id,
            "map_index": -1,
        },
        "subject": QUESTION.subject,
        "options": ["Approve", "Reject"],
        "assigned_users": [{"id": "dba-lead", "name": "dba-lead"}],
        "created_at": "2026-11-21T03:04:05Z",
    }
    airflow.reply(f"GET {RUNS}/run-1/hitlDetails", {"hitl_details": [detail], "total_entries": 1})
    assert api.open_questions("recover_crm", "run-1") == [QUESTION]
    assert airflow.requests[-1].query == {"response_received": ["false"], "state": ["awaiting_input"]}


def test_an_answer_names_the_option_and_no_parameters(api, airflow):
    path = f"PATCH {RUNS}/run-1/taskInstances/{QUESTION.task_id}/-1/hitlDetails"
    airflow.reply(path, {})
    api.answer(QUESTION, "Approve")
    assert airflow.bodies(path) == [{"chosen_options": ["Approve"], "params_input": {}}]


def test_an_answer_is_given_again_when_the_server_stumbles(api, airflow):
    path = f"PATCH {RUNS}/run-1/taskInstances/{QUESTION.task_id}/-1/hitlDetails"
    airflow.reply(path, {"detail": {"reason": "Database error"}}, status=500)
    airflow.reply(path, {})
    api.answer(QUESTION, "Approve")
    assert len(airflow.bodies(path)) == 2


def test_a_server_that_does_not_answer_is_told():
    nowhere = f"http://127.0.0.1:{free_port()}"
    with closing(AirflowApi(nowhere, "admin", "pass")) as api, pytest.raises(UnreachableError) as caught:
        api.unpause("recover_crm")
    assert str(caught.value).startswith("Airflow's API server does not answer")
