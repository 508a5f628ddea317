"""A connection that leads to another account than at the launch: nothing is concluded, nothing is ended."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

from drs_recovery.hooks.clients import Clients, Target
from drs_recovery.operators.housekeeping import CheckInstancesOperator, TerminateDueOperator
from drs_recovery.operators.terminate_instances import TerminateInstancesOperator
from drs_recovery.termination.sweep import Sweeper
from drs_recovery.triggers.recovery_job import RecoveryJobTrigger
from sandbox.testing import Sandbox
from tests.plan_documents import APP_1, DB_1, plan
from tests.unit.operators.two_accounts import BILLING, CRM, EXTERNAL_ID, connection
from tests.unit.steps import Steps, complete, deferred

StepsOf = Callable[..., Steps]

A_DRILL, A_TERMINATION = 600, 60
CRM_TARGET = Target("crm_account", "us-east-1")
OTHER = f"leads to account {BILLING} now, what was launched is in {CRM}"


@pytest.fixture
def steps(accounts: Sandbox, steps_of: StepsOf) -> Steps:
    """A plan of one server in one account."""
    groups = {"database": {"servers": [DB_1], "connection": "crm_account"}}
    return steps_of(plan({"groups": ["database"]}, groups=groups, drill={"terminate_after": "now"}))


@pytest.fixture
def switch(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Let the plan's connection lead to an account."""

    def switch(account: str) -> None:
        role = f"arn:aws:iam::{account}:role/dr-recovery"
        monkeypatch.setenv("AIRFLOW_CONN_CRM_ACCOUNT", connection(role, EXTERNAL_ID))

    return switch


def server_of(steps: Steps) -> dict[str, Any]:
    return dict(steps.document["waves"][0]["serverStatuses"][0])


def terminate(steps: Steps, **conf: Any) -> str:
    defaults = {"waves": None, "include_recovery": False, "confirmation": None}
    context = steps.context()
    context["dag_run"].conf = {"execution_id": steps.execution_id, **conf}
    context["params"] = {**defaults, **context["dag_run"].conf}
    return TerminateInstancesOperator(task_id="terminate").execute(context)


def test_the_account_of_a_launch_is_on_record(accounts: Sandbox, steps: Steps) -> None:
    complete(accounts, steps)

    assert server_of(steps)["accountId"] == CRM
    assert [job["accountId"] for job in steps.document["waves"][0]["jobs"]] == [CRM]


def test_a_due_clean_up_in_another_account_ends_and_concludes_nothing_and_says_so(
    accounts: Sandbox, steps: Steps, switch: Callable[[str], None]
) -> None:
    complete(accounts, steps)
    switch(BILLING)

    with pytest.raises(AirflowFailException, match=OTHER):
        TerminateDueOperator(task_id="terminate_due").execute({})

    assert "terminatedTime" not in server_of(steps)
    assert steps.document["instancesTerminated"] is False
    assert OTHER in steps.document["terminationError"]
    assert accounts.calls("drs", "TerminateRecoveryInstances") == []

    switch(CRM)
    for _ in range(2):
        TerminateDueOperator(task_id="terminate_due").execute({})
        accounts.advance(A_TERMINATION)
    assert steps.document["instancesTerminated"] is True
    assert "terminationError" not in steps.document


def test_the_termination_of_a_real_recovery_in_another_account_is_refused(
    accounts: Sandbox, steps: Steps, switch: Callable[[str], None]
) -> None:
    steps.plan = steps.plan.model_copy(
        update={"approval": steps.plan.approval.model_copy(update={"recovery": None})}
    )
    complete(accounts, steps, 2 * A_DRILL, execution_type="RECOVERY")
    switch(BILLING)

    with pytest.raises(AirflowFailException, match=OTHER):
        terminate(steps, include_recovery=True, confirmation="crm")

    assert server_of(steps)["phase"] == "READY"
    assert OTHER in steps.document["terminationError"]


def test_a_job_that_is_not_found_in_another_account_is_not_given_up(
    accounts: Sandbox, steps: Steps, switch: Callable[[str], None]
) -> None:
    steps.open()
    steps.start()
    accounts.advance(A_DRILL)
    switch(BILLING)

    deferred(steps.wait)

    assert OTHER in steps.document["waves"][0]["lastPollError"]["message"]
    assert server_of(steps)["phase"] == "PENDING"
    switch(CRM)
    steps.wait()
    steps.enrich()
    assert steps.finalize() == "COMPLETED"


def test_the_wait_in_the_triggerer_says_that_it_looks_in_another_account(
    accounts: Sandbox, steps: Steps, switch: Callable[[str], None]
) -> None:
    steps.open()
    steps.start()
    switch(BILLING)
    wait = RecoveryJobTrigger(
        execution_id=steps.execution_id, wave_numbers=[1], deadline=time.time() + 60, poll_interval=0.2
    )

    async def story() -> str:
        event = asyncio.ensure_future(anext(wait.run()))
        while "lastPollError" not in (wave := (await asyncio.to_thread(lambda: steps.document))["waves"][0]):
            assert not event.done()
            await asyncio.sleep(0.05)
        event.cancel()
        return str(wave["lastPollError"]["message"])

    assert OTHER in asyncio.run(story())


def test_a_server_whose_instance_is_looked_for_in_another_account_does_not_fail(
    accounts: Sandbox, steps: Steps, switch: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    steps.open()
    steps.start()
    accounts.advance(A_DRILL)
    steps.wait()
    switch(BILLING)
    monkeypatch.setenv("AIRFLOW__DRS_RECOVERY__DETAILS_TIMEOUT", "0")

    deferred(steps.enrich)

    assert server_of(steps)["phase"] == "LAUNCHED"
    switch(CRM)
    steps.enrich()
    assert server_of(steps)["phase"] == "READY"


def test_a_retry_starts_nothing_in_another_account(
    accounts: Sandbox, steps: Steps, switch: Callable[[str], None]
) -> None:
    accounts.add_fault("launch_failed", server=DB_1, times=1)
    steps.open()
    steps.start()
    accounts.advance(A_DRILL)
    with pytest.raises(AirflowFailException):
        steps.wait()
    # The same server id in the other account: a copy of the plan's server.
    accounts.add_servers({"id": DB_1, "name": "copy", "region": "us-east-1", "account": BILLING})
    switch(BILLING)
    steps.clear()

    deferred(steps.start)

    assert len(accounts.calls("drs", "StartRecovery")) == 1
    switch(CRM)
    steps.start()
    assert len(accounts.calls("drs", "StartRecovery")) == 2


def test_what_carries_our_tags_in_another_account_is_not_ours(
    accounts: Sandbox, steps: Steps, switch: Callable[[str], None]
) -> None:
    complete(accounts, steps)
    switch(BILLING)
    drs = Clients().at(*CRM_TARGET).drs
    drs.start_recovery([APP_1], is_drill=True, tags={"dr:executionId": steps.execution_id})
    accounts.advance(A_DRILL)

    swept = Sweeper(steps.store).sweep([CRM_TARGET])

    assert swept.terminated == []
    (why,) = swept.foreign.values()
    assert OTHER in why


def test_records_without_an_account_are_still_cleaned_up(accounts: Sandbox, steps: Steps) -> None:
    complete(accounts, steps)
    table = steps.store.table
    for row in table.query(steps.execution_id, "SERVER#", "SERVER#~"):
        table.client.update_item(
            TableName=table.table_name,
            Key={"executionId": {"S": row["executionId"]}, "recordKey": {"S": row["recordKey"]}},
            UpdateExpression="REMOVE accountId",
        )
    for _ in range(2):
        TerminateDueOperator(task_id="terminate_due").execute({})
        accounts.advance(A_TERMINATION)

    assert steps.document["instancesTerminated"] is True


def test_what_is_not_found_in_another_account_is_not_gone(
    accounts: Sandbox, steps: Steps, switch: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    complete(accounts, steps)
    monkeypatch.setattr("drs_recovery.termination.instance_check.LISTING_SECONDS", -1.0)
    switch(BILLING)

    for _ in range(2):
        assert not any(CheckInstancesOperator(task_id="check_instances").execute({}).values())

    assert server_of(steps)["phase"] == "READY"
    assert "instancesCheckedTime" not in steps.document
    events = steps.store.get_events(steps.execution_id)
    (reason,) = [e["detail"]["reason"] for e in events if e["event"] == "INSTANCES_NOT_CHECKED"]
    assert OTHER in reason
