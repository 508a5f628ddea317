"""A connection that Airflow does not find: defined nowhere, or not to be had just now."""

from __future__ import annotations

from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowRuntimeError, ErrorType
from airflow.sdk.execution_time.comms import ConnectionResult, ErrorResponse, GetConnection
from airflow.sdk.execution_time.supervisor import set_supervisor_comms

from drs_recovery.hooks.base import AccountHook
from drs_recovery.hooks.clients import connection_exists
from drs_recovery.hooks.errors import MissingConnectionError, is_transient

NOT_FOUND = ErrorResponse(error=ErrorType.CONNECTION_NOT_FOUND)
DEFINED = ConnectionResult(
    conn_id="aws_default",
    conn_type="aws",
    host=None,
    schema=None,
    login=None,
    password=None,
    port=None,
    extra="{}",
)
OUTAGE = AirflowRuntimeError(ErrorResponse(error=ErrorType.API_SERVER_ERROR, detail={"status_code": 503}))


class Supervisor:
    """Answers a task's questions for connections, one by one; the last answer stays."""

    def __init__(self, *answers: ErrorResponse | ConnectionResult | Exception) -> None:
        self.answers = list(answers)

    def send(self, message: Any) -> Any:
        if not isinstance(message, GetConnection):
            return None
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture(autouse=True)
def _undefined_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AIRFLOW_CONN_AWS_DEFAULT")


def connection_of(name: str) -> Any:
    return AccountHook(aws_conn_id=name, region_name="us-east-1", client_type="sts").conn_config


def test_a_default_connection_that_nobody_defined_is_the_machines() -> None:
    with set_supervisor_comms(Supervisor(NOT_FOUND)):
        assert not connection_of("aws_default")


def test_outside_of_tasks_the_default_connection_is_the_machines() -> None:
    assert not connection_of("aws_default")


@pytest.mark.parametrize("answers", [[OUTAGE], [OUTAGE, DEFINED]], ids=["an outage", "that just ended"])
def test_a_default_connection_that_is_not_to_be_had_now_is_waited_for(answers: list[Any]) -> None:
    with set_supervisor_comms(Supervisor(*answers)), pytest.raises(MissingConnectionError) as error:
        connection_of("aws_default")

    assert is_transient(error.value)
    assert "does not say" in str(error.value)


def test_a_default_connection_that_is_defined_is_taken() -> None:
    with set_supervisor_comms(Supervisor(DEFINED)):
        assert connection_of("aws_default").conn_id == "aws_default"


def test_only_a_connection_of_which_airflow_says_so_does_not_exist() -> None:
    with set_supervisor_comms(Supervisor(OUTAGE)):
        assert connection_exists("crm_account")
        with pytest.raises(MissingConnectionError, match="crm_account"):
            connection_of("crm_account")
    with set_supervisor_comms(Supervisor(NOT_FOUND)):
        assert not connection_exists("crm_account")
