from __future__ import annotations

import pytest

from devstack.errors import UnreachableError
from devstack.layout import PROJECT
from devstack.messages import MAILBOX, unread_messages
from drs_recovery.plan.loader import load_plan
from sandbox.scenario import TOPIC
from sandbox.testing import running_sandbox


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
