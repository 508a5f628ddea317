"""The policies allow every call that an execution makes, from its opening to the end of its instances."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from drs_recovery.engine.clients import Clients
from drs_recovery.engine.termination import Terminator
from sandbox.testing import Sandbox
from tests.mailbox import Mailbox
from tests.plan_documents import database, plan
from tests.unit.steps import Steps

POLICIES = (Path(__file__).parents[3] / "infra" / "iam.yaml").read_text(encoding="utf-8")
PREFIXES = {"monitoring": "cloudwatch"}
# Needs no right, and nobody can take it away.
FREE = "sts:GetCallerIdentity"


def test_every_call_of_a_drill_is_in_the_policies(aws: Sandbox, steps_of: Callable[..., Steps]) -> None:
    mailbox = Mailbox(aws)
    aws.control("DELETE", "/calls")
    steps = steps_of(plan(database(), notify={"sns_topic_arn": mailbox.topic}))
    steps.open()
    steps.start()
    aws.advance(600)
    steps.wait()
    steps.enrich()
    steps.finalize()
    steps.store.request_termination(steps.execution_id, "ann", "r1", {})
    Terminator(steps.store, Clients()).look(steps.execution_id)

    made = {
        f"{PREFIXES.get(call['service'], call['service'])}:{call['operation']}"
        for call in aws.calls()
        # What a transaction needs is not its name; the table has a test of its own.
        if call["service"] != "dynamodb"
    }
    assert {"sns:Publish", "cloudwatch:PutMetricData", "drs:TerminateRecoveryInstances"} <= made
    assert made - set(re.findall(r"[a-z0-9]+:[A-Z]\w+", POLICIES)) <= {FREE}
