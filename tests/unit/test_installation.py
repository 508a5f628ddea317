"""The name of an Airflow installation: made once, kept, claimed in the table by one installation alone."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowRuntimeError, ErrorType
from airflow.sdk.execution_time.comms import ErrorResponse, GetVariable, PutVariable, VariableResult
from airflow.sdk.execution_time.supervisor import set_supervisor_comms

from drs_recovery import installation as module
from drs_recovery.configured_store import execution_store
from drs_recovery.exceptions import InstallationTakenError
from drs_recovery.hooks.variables import UnansweredVariableError
from drs_recovery.installation import CLAIM_VARIABLE, NAME_VARIABLE, installation, known_installation
from drs_recovery.store.executions import ExecutionStore
from sandbox.testing import Sandbox
from tests.iam_policies import preparing_dynamodb

NOT_FOUND = ErrorResponse(error=ErrorType.VARIABLE_NOT_FOUND)
OUTAGE = AirflowRuntimeError(ErrorResponse(error=ErrorType.API_SERVER_ERROR, detail={"status_code": 503}))


class Variables:
    """What the supervisor of a task answers about Variables. :ivar on_put: called before one is written."""

    def __init__(self, **values: str) -> None:
        self.values = values
        self.outage = False
        self.on_put: Callable[[], Any] = lambda: None

    def send(self, message: Any) -> Any:
        if self.outage:
            raise OUTAGE
        if isinstance(message, PutVariable):
            self.on_put()
            self.values[message.key] = str(message.value)
        if isinstance(message, GetVariable):
            value = self.values.get(message.key)
            return NOT_FOUND if value is None else VariableResult(key=message.key, value=value)
        return None


@pytest.fixture
def store(aws: Sandbox, monkeypatch: pytest.MonkeyPatch) -> ExecutionStore:
    monkeypatch.delenv("AIRFLOW_VAR_DRS_RECOVERY_INSTALLATION")
    monkeypatch.delenv("AIRFLOW_VAR_DRS_RECOVERY_INSTALLATION_CLAIM")
    monkeypatch.setattr(module, "_SETTLING", 0.0)
    return execution_store()


@pytest.fixture
def variables() -> Iterator[Variables]:
    kept = Variables()
    with set_supervisor_comms(kept):
        yield kept


def test_a_name_is_made_once_kept_and_claimed(store: ExecutionStore, variables: Variables) -> None:
    name = installation(store)

    assert variables.values[NAME_VARIABLE] == name
    assert name.startswith("airflow-")
    assert store.installations.claim(name, "another")["claim"] == variables.values[CLAIM_VARIABLE]
    assert [installation(store), installation(execution_store()), known_installation()] == [name] * 3


def test_tasks_that_make_the_name_at_the_same_time_take_the_same_one(
    store: ExecutionStore, variables: Variables, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_SETTLING", 0.5)
    both_saw_none = threading.Barrier(2)

    def meet() -> None:
        # Only at the first of its writes does a task wait for the other one.
        if not both_saw_none.broken and len(variables.values) == 0:
            both_saw_none.wait(timeout=5)

    variables.on_put = meet
    names: list[str] = []
    tasks = [threading.Thread(target=lambda: names.append(installation(store))) for _ in range(2)]
    for task in tasks:
        task.start()
    for task in tasks:
        task.join()

    assert names == [variables.values[NAME_VARIABLE]] * 2


def test_the_setting_goes_before_the_variable(
    store: ExecutionStore, variables: Variables, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__DRS_RECOVERY__INSTALLATION", "graz")

    assert (installation(store), known_installation()) == ("graz", "graz")
    assert variables.values.keys() == {CLAIM_VARIABLE}


def test_an_installation_with_the_name_of_another_one_is_refused_and_told_what_to_do(
    store: ExecutionStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__DRS_RECOVERY__INSTALLATION", "graz")
    with set_supervisor_comms(Variables()):
        assert installation(store) == "graz"

    with set_supervisor_comms(Variables()), pytest.raises(InstallationTakenError) as refused:
        installation(store)

    assert "[drs_recovery] installation" in str(refused.value)
    assert "delete the record (installation:graz, INSTALLATION)" in str(refused.value)


def test_nothing_is_made_anew_while_airflow_does_not_answer(
    store: ExecutionStore, variables: Variables
) -> None:
    name = installation(store)
    before = dict(variables.values)
    variables.outage = True

    with pytest.raises(UnansweredVariableError, match="does not say"):
        installation(store)

    assert variables.values == before
    variables.outage = False
    assert installation(store) == name


def test_a_claim_that_went_with_the_table_is_made_again(store: ExecutionStore, variables: Variables) -> None:
    name = installation(store)
    preparing_dynamodb().delete_item(
        TableName=store.table.table_name,
        Key={"executionId": {"S": f"installation:{name}"}, "recordKey": {"S": "INSTALLATION"}},
    )

    assert installation(store) == name
    assert store.installations.claim(name, "another")["claimedTime"] <= time.time()


@pytest.mark.parametrize("name", ["", " vienna", "a/b", "x" * 65, "übersee"])
def test_names_that_cannot_be_one_are_refused_with_where_they_stand(
    store: ExecutionStore, variables: Variables, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    variables.values.update({NAME_VARIABLE: name or "-", CLAIM_VARIABLE: "mine"})
    with pytest.raises(ValueError, match=f"the Airflow Variable {NAME_VARIABLE}.*expected up to 64 letters"):
        installation(store)

    if name.strip():
        monkeypatch.setenv("AIRFLOW__DRS_RECOVERY__INSTALLATION", name.strip() + "/")
        with pytest.raises(ValueError, match=r"\[drs_recovery\] installation \(AIRFLOW__"):
            installation(store)
