"""Groups in other accounts: every call is made with the role of its own connection, however long it takes."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

from drs_recovery.operators.housekeeping import SweepOperator, TerminateDueOperator
from drs_recovery.triggers.recovery_job import RecoveryJobTrigger
from sandbox.testing import Sandbox
from tests.plan_documents import APP_1, DB_1, plan
from tests.unit.operators.two_accounts import CRM, ROLES, connection
from tests.unit.steps import Steps, deferred

StepsOf = Callable[..., Steps]

A_DRILL, A_TERMINATION = 600, 60


@pytest.fixture
def steps(accounts: Sandbox, steps_of: StepsOf) -> Steps:
    """A drill of one wave with a group in each account, in the same Region."""
    groups = {
        "database": {"servers": [DB_1], "connection": "crm_account"},
        "application": {"servers": [APP_1], "connection": "billing_account"},
    }
    wave = {"groups": ["database", "application"]}
    return steps_of(plan(wave, groups=groups, drill={"terminate_after": "now"}))


def principals(aws: Sandbox) -> dict[str, set[str | None]]:
    """By operation, who called it."""
    found: dict[str, set[str | None]] = defaultdict(set)
    for call in aws.calls():
        found[f"{call['service']}.{call['operation']}"].add(call["principal"])
    return found


def trigger_of(steps: Steps) -> RecoveryJobTrigger:
    return RecoveryJobTrigger(
        execution_id=steps.execution_id, wave_numbers=[1], deadline=time.time() + 60, poll_interval=0.2
    )


def wave_of(steps: Steps) -> dict[str, Any]:
    return dict(steps.document["waves"][0])


def looks_came_to(aws: Sandbox) -> set[int]:
    return {call["status"] for call in aws.calls("drs", "DescribeJobs")}


def test_every_call_from_the_opening_to_the_sweep_is_made_with_the_role_of_its_group(
    aws: Sandbox, steps: Steps
) -> None:
    steps.open()
    steps.start()
    aws.advance(A_DRILL)
    steps.wait()
    steps.enrich()
    assert steps.finalize() == "COMPLETED"
    launched = {job["connection"]: job for job in steps.document["waves"][0]["jobs"]}
    TerminateDueOperator(task_id="terminate_due").execute({})
    aws.advance(A_TERMINATION)
    TerminateDueOperator(task_id="terminate_due").execute({})
    SweepOperator(task_id="sweep").execute({})

    assert set(launched) == {"crm_account", "billing_account"}
    assert steps.document["instancesTerminated"] is True
    found = principals(aws)
    for operation in (
        "drs.DescribeSourceServers",
        "drs.StartRecovery",
        "drs.DescribeJobs",
        "drs.DescribeJobLogItems",
        "drs.DescribeRecoveryInstances",
        "drs.TerminateRecoveryInstances",
        "ec2.DescribeInstances",
        "servicequotas.GetServiceQuota",
        "iam.SimulatePrincipalPolicy",
        "sts.GetCallerIdentity",
    ):
        assert found[operation] == ROLES, operation
    # The record and the metrics are Airflow's own affair, and roles are assumed with Airflow's own key.
    rest = {name: who for name, who in found.items() if not who & ROLES}
    assert {name.split(".")[0] for name in rest} == {"dynamodb", "monitoring", "sts"}
    assert all(who == {None} for who in rest.values())
    assert not [name for name, who in found.items() if name.startswith(("drs", "ec2")) and None in who]


@pytest.mark.parametrize("conf", [{}, {"execution_type": "RECOVERY"}])
def test_a_wrong_external_id_is_told_before_anything_is_launched(
    aws: Sandbox, steps: Steps, monkeypatch: pytest.MonkeyPatch, conf: dict[str, str]
) -> None:
    role = f"arn:aws:iam::{CRM}:role/dr-recovery"
    monkeypatch.setenv("AIRFLOW_CONN_CRM_ACCOUNT", connection(role, "wrong"))

    with pytest.raises(AirflowFailException, match="the execution may not start") as refusal:
        steps.open(**conf)

    (finding,) = steps.document["findings"]
    assert finding["severity"] == "ERROR"
    assert "with connection crm_account: the connection's role cannot be assumed" in finding["what"]
    assert role in finding["what"]
    assert "ExternalId" in finding["remedy"]
    assert "crm_account" in str(refusal.value)
    assert aws.calls("drs", "StartRecovery") == []


def test_a_role_that_is_taken_away_later_is_named_by_the_step_that_needs_it(
    aws: Sandbox, steps: Steps, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps.open()
    role = f"arn:aws:iam::{CRM}:role/dr-recovery"
    monkeypatch.setenv("AIRFLOW_CONN_CRM_ACCOUNT", connection(role, "wrong"))

    steps.start()

    (lost, _) = steps.document["waves"][0]["serverStatuses"]
    assert lost["phase"] == "FAILED"
    assert re.search(r"\(connection crm_account\).* role cannot be assumed", lost["error"])


def test_without_its_connection_nothing_is_done_in_another_account(
    aws: Sandbox, steps: Steps, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when somebody deletes it, or a secrets backend does not answer for a while."""

    def without_connection(step: Callable[[], Any]) -> None:
        with monkeypatch.context() as patch:
            patch.delenv("AIRFLOW_CONN_CRM_ACCOUNT")
            deferred(step)

    steps.open()
    without_connection(steps.start)
    steps.start()
    aws.advance(A_DRILL)
    without_connection(steps.wait)
    assert (
        "there is no Airflow connection crm_account" in steps.document["waves"][0]["lastPollError"]["message"]
    )
    steps.wait()
    without_connection(steps.enrich)
    steps.enrich()

    assert steps.finalize() == "COMPLETED"
    found = principals(aws)
    assert not [name for name, who in found.items() if name.startswith(("drs", "ec2")) and None in who]


def test_a_wave_outlives_a_connection_that_is_broken_for_a_while(
    aws: Sandbox, steps: Steps, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps.open()
    steps.start()
    aws.advance(A_DRILL)
    extra = {"role_arn": f"arn:aws:iam::{CRM}:role/dr-recovery", "assume_role_method": "nonsense"}
    wait = trigger_of(steps)

    async def story() -> Any:
        with monkeypatch.context() as patch:
            patch.setenv("AIRFLOW_CONN_CRM_ACCOUNT", json.dumps({"conn_type": "aws", "extra": extra}))
            event = asyncio.ensure_future(anext(wait.run()))
            while "lastPollError" not in (wave := await asyncio.to_thread(wave_of, steps)):
                assert not event.done()
                # The other place answers, and what it says takes the trouble off the record for a while.
                await asyncio.sleep(0.02)
        return wave["lastPollError"]["message"], (await event).payload

    trouble, event = asyncio.run(story())
    assert "nonsense" in trouble
    assert event == {"status": "settled", "problem": None}


def test_a_wave_outlives_the_sessions_of_its_roles(aws: Sandbox, steps: Steps) -> None:
    steps.open()
    steps.start()
    aws.add_fault("short_session", seconds=0.5, told=3600)
    wait = trigger_of(steps)

    async def story() -> Any:
        event = asyncio.ensure_future(anext(wait.run()))
        while 403 not in await asyncio.to_thread(looks_came_to, aws):
            await asyncio.sleep(0.1)
        # From here on new sessions last, however busy the machine is; those that there are do not.
        await asyncio.to_thread(aws.clear_faults)
        await asyncio.to_thread(aws.advance, A_DRILL)
        return (await event).payload["status"]

    assert asyncio.run(story()) == "settled"
    steps.wait()
    steps.enrich()
    assert steps.finalize() == "COMPLETED"
    assert looks_came_to(aws) == {200, 403}
    assert principals(aws)["drs.DescribeJobs"] == ROLES
