"""Run Command: sent once, a result for each server, and only when Systems Manager manages all of them."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError

from drs_recovery.steps.ssm_command import KIND
from sandbox.testing import Sandbox
from tests.plan_documents import DB_1, DB_2
from tests.unit.step_kinds.conftest import EAST, FAILED, RUNNING, SUCCEEDED, Try

ARGUMENTS: dict[str, Any] = {"commands": ["set -e", "check --cluster"]}


def commands(aws: Sandbox) -> list[dict[str, Any]]:
    return list(aws.client("ssm").list_commands()["Commands"])


def test_all_servers_succeed_in_one_command(recovered: Sandbox, attempt: Try) -> None:
    recovered.add_fault("command_ends", server=DB_1, status="Success", output="4 of 4 members")
    trial = attempt(KIND, ARGUMENTS)

    assert trial.start().status is RUNNING
    running = trial.look()
    assert (running.status, running.detail) == (RUNNING, "ended on 0 of 2 servers")
    recovered.advance(6)
    done = trial.look()

    assert done.status is SUCCEEDED
    assert "crm-db-01: 4 of 4 members" in done.output
    assert {(one.server_id, one.ok) for one in done.servers} == {(DB_1, True), (DB_2, True)}
    (command,) = commands(recovered)
    assert command["DocumentName"] == "AWS-RunShellScript"
    assert command["Parameters"]["commands"] == ["set -e", "check --cluster"]


def test_one_server_that_fails_is_named_with_what_it_said(recovered: Sandbox, attempt: Try) -> None:
    recovered.add_fault("command_ends", server=DB_2, output="checking\nno quorum", exit_code=7)
    trial = attempt(KIND, ARGUMENTS)
    trial.start()
    recovered.advance(6)

    look = trial.look()

    assert look.status is FAILED
    assert look.detail == "crm-db-02: Failed (exit code 7): no quorum"
    one_is_enough = trial.changed(any_server=True).look()
    assert one_is_enough.status is SUCCEEDED


def test_servers_with_values_of_their_own_get_commands_of_their_own(recovered: Sandbox, attempt: Try) -> None:
    trial = attempt(
        KIND,
        ARGUMENTS,
        per_server={"crm-db-01": {"commands": "join 10.0.0.1"}, "crm-db-02": {"commands": "join 10.0.0.2"}},
    )
    trial.start()
    assert {one["Parameters"]["commands"][0] for one in commands(recovered)} == {
        "join 10.0.0.1",
        "join 10.0.0.2",
    }
    recovered.advance(6)
    assert trial.look().status is SUCCEEDED


@pytest.mark.parametrize("answer", ["500", "reset"])
def test_a_lost_answer_does_not_send_it_twice(recovered: Sandbox, attempt: Try, answer: str) -> None:
    recovered.add_fault("lost_answer", operation="SendCommand", times=1, **{"as": answer})
    trial = attempt(KIND, ARGUMENTS)
    with pytest.raises((ClientError, ConnectionClosedError)):
        trial.start()

    trial.start()

    (command,) = commands(recovered)
    assert list(trial.run.external_ids.values()) == [command["CommandId"]]
    assert len(recovered.calls("ssm", "SendCommand")) == 1


def test_a_killed_worker_does_not_send_it_twice_and_a_new_attempt_does(
    recovered: Sandbox, attempt: Try
) -> None:
    first = attempt(KIND, ARGUMENTS)
    first.start()
    again = first.changed(external_ids={})
    again.start()
    assert again.run.external_ids == first.run.external_ids
    first.changed(external_ids={}, token="0b0d1a3e-6f0f-4a55-9d5c-1f3b8f2e9a01").start()
    assert len(commands(recovered)) == 2


@pytest.mark.parametrize("state", ["missing", "lost"])
def test_nothing_is_sent_before_every_server_is_managed(recovered: Sandbox, attempt: Try, state: str) -> None:
    fault = recovered.add_fault("ssm_agent", server=DB_2, state=state)
    trial = attempt(KIND, ARGUMENTS)

    look = trial.start()

    assert (look.status, look.external_ids) == (RUNNING, {})
    assert "does not manage crm-db-02" in look.detail
    assert commands(recovered) == []
    recovered.control("DELETE", f"/faults?id={fault}")
    assert trial.look().detail == "sent to 2 servers"
    recovered.advance(6)
    assert trial.look().status is SUCCEEDED


def test_an_agent_that_goes_between_the_look_and_the_command_is_waited_for(
    recovered: Sandbox, attempt: Try
) -> None:
    recovered.add_fault("error", operation="SendCommand", status=400, code="InvalidInstanceId", times=1)
    trial = attempt(KIND, ARGUMENTS)
    assert trial.start().status is RUNNING
    assert trial.look().detail == "sent to 2 servers"


def test_a_command_that_hangs_is_cancelled(recovered: Sandbox, attempt: Try) -> None:
    recovered.add_fault("command_hangs")
    trial = attempt(KIND, ARGUMENTS)
    assert trial.stop() is None
    trial.start()
    recovered.advance(1_000)
    assert trial.look().status is RUNNING

    assert "is being cancelled" in str(trial.stop())

    recovered.advance(3)
    look = trial.look()
    assert look.status is FAILED
    assert "Cancelled" in look.detail


def test_a_command_whose_answer_was_lost_is_cancelled_too(recovered: Sandbox, attempt: Try) -> None:
    recovered.add_fault("command_hangs")
    trial = attempt(KIND, ARGUMENTS)
    trial.start()
    assert "is being cancelled" in str(trial.changed(external_ids={}).stop())
    assert commands(recovered)[0]["Status"] == "Cancelling"


def test_many_that_run_are_asked_for_in_one_call(recovered: Sandbox, attempt: Try) -> None:
    trials = [attempt(KIND, ARGUMENTS) for _ in range(5)]
    for trial in trials:
        trial.start()
    keys = [key for trial in trials for key in KIND.questions(trial.run)[EAST]]
    recovered.control("DELETE", "/calls")

    assert KIND.ask(trials[0].run.aws(EAST), keys) == {}

    assert [call["operation"] for call in recovered.calls("ssm")] == ["ListCommands"]


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({}, "takes either document or commands"),
        ({"document": "A", "commands": ["b"]}, "takes either document or commands"),
        ({"commands": "true", "parameters": {"a": "b"}}, "parameters are for a document"),
        ({"commands": ["echo {{ execution.reason }}"]}, "execution.reason can be any text"),
        ({"commands": "echo {% if plan.name %}x{% endif %}"}, "if plan.name can be any text"),
        (
            {"document": "AWS-RunShellScript", "parameters": {"commands": ["echo {{ server.name }}"]}},
            "server.name can be any text",
        ),
    ],
)
def test_what_lint_refuses(arguments: dict[str, Any], problem: str) -> None:
    assert any(problem in told for _, told in KIND.problems(arguments))


def test_values_that_nobody_can_write_freely_may_be_in_a_script() -> None:
    lines = ["ping {{ server.private_ip }}", "tag {{server.instance_id}} {{ execution.id }}"]
    assert list(KIND.problems({"commands": lines})) == []
