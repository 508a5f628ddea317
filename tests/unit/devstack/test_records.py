from __future__ import annotations

import pytest

from devstack.environment import EXECUTIONS_TABLE
from devstack.errors import UnreachableError
from devstack.layout import PROJECT
from devstack.records import MAILBOX, open_store, shortcomings, unread_messages
from drs_recovery.exceptions import ExecutionNotFoundError
from drs_recovery.plan.loader import load_plan
from drs_recovery.store.table_definition import create_table
from sandbox.scenario import TOPIC
from sandbox.testing import running_sandbox
from tests.unit.devstack.documents import document, server, wave


def test_a_completed_execution_with_ready_servers_has_no_shortcomings():
    assert shortcomings(document("COMPLETED", wave(1, "COMPLETED", server()))) == []


def test_everything_that_is_not_as_it_should_be_is_listed():
    failed = server("crm-app-01", "FAILED")
    unfinished = document(
        "PARTIAL_SUCCESS",
        wave(1, "COMPLETED", server(privateIp=None, hostname="")),
        wave(2, "FAILED", failed, statusReason="1 critical server failed"),
        wave(3, "NOT_STARTED"),
        error="wave 2 failed",
    )
    assert shortcomings(unfinished) == [
        "the execution is PARTIAL_SUCCESS",
        "wave 2 failed",
        "crm-db-01 has no privateIp, hostname",
        "wave 2 Application is FAILED: 1 critical server failed",
        "crm-app-01 is FAILED",
        "wave 3 Web is NOT_STARTED",
        "wave 3 Web has no servers",
    ]


@pytest.mark.parametrize("detail", ["instanceId", "privateIp", "hostname", "instanceType"])
def test_a_ready_server_needs_every_detail(detail):
    lacking = server()
    del lacking[detail]
    assert shortcomings(document("COMPLETED", wave(1, "COMPLETED", lacking))) == [
        f"crm-db-01 has no {detail}"
    ]


def test_the_store_of_a_sandbox_is_opened_without_any_configuration():
    with running_sandbox(speed=1, seed=False) as sandbox:
        store = open_store(sandbox.url)
        create_table(store.table.client, EXECUTIONS_TABLE)
        with pytest.raises(ExecutionNotFoundError):
            store.get_document("0c6a")


def test_messages_of_the_sample_plan_are_shown_once_and_in_their_order():
    topic = load_plan(PROJECT / "include" / "plans" / "three-tier-crm.yaml").notify.sns_topic_arn
    with running_sandbox() as sandbox:
        sns = sandbox.client("sns")
        for number in range(12):
            sns.publish(TopicArn=topic, Subject=f"STARTED {number}", Message="Waves: 3\n")
        shown = list(unread_messages(sandbox.url))
        assert shown == [f"Subject: STARTED {number}\n\nWaves: 3\n" for number in range(12)]
        assert list(unread_messages(sandbox.url)) == []


def test_the_mailbox_has_the_name_of_the_topic_of_the_demo_account():
    assert MAILBOX == TOPIC


def test_a_sandbox_that_does_not_answer_is_told():
    with pytest.raises(UnreachableError, match="the sandbox"):
        list(unread_messages("http://127.0.0.1:1"))
