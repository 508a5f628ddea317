"""Who is asked sees the instances as they are now, not as they were when their wave ended."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from drs_recovery.waves.enrichment import THREAD, refresh_details
from sandbox.testing import Sandbox
from tests.plan_documents import application, database, plan
from tests.unit.steps import Steps

StepsOf = Callable[..., Steps]


@pytest.fixture
def at_the_gate(aws: Sandbox, steps_of: StepsOf) -> Steps:
    """A drill whose first wave is completed, before the question about the second."""
    steps = steps_of(plan(database(), application(pause_before=True)))
    steps.open()
    steps.start()
    aws.advance(600)
    steps.wait()
    steps.enrich()
    return steps


def stopped(aws: Sandbox, steps: Steps) -> dict[str, Any]:
    server = steps.server("crm-db-01")
    aws.client("ec2").stop_instances(InstanceIds=[server["instanceId"]])
    return server


def test_an_instance_that_was_stopped_since_is_shown_as_it_is(aws: Sandbox, at_the_gate: Steps) -> None:
    before = stopped(aws, at_the_gate)

    document = refresh_details(at_the_gate.store, at_the_gate.document)

    server = at_the_gate.server("crm-db-01")
    assert server == {**before, **{key: server[key] for key in ("instanceState", "lastPolledTime")}}
    assert server["instanceState"] == "stopped"
    assert document == at_the_gate.document
    # Nothing is written for servers of which there is no news, and a second look has none.
    refresh_details(at_the_gate.store, document)
    assert at_the_gate.document == document


def test_an_ec2_that_refuses_or_hangs_keeps_no_question_waiting(aws: Sandbox, at_the_gate: Steps) -> None:
    stopped(aws, at_the_gate)
    aws.add_fault("error", service="ec2", operation="DescribeInstances", status=403, code="Denied", times=1)
    assert refresh_details(at_the_gate.store, at_the_gate.document) == at_the_gate.document

    aws.add_fault("delay", service="ec2", operation="DescribeInstances", seconds=3)
    began = time.monotonic()
    refresh_details(at_the_gate.store, at_the_gate.document, patience=0.2)
    assert time.monotonic() - began < 2.5
    for thread in threading.enumerate():
        if thread.name == THREAD:
            thread.join()
    assert at_the_gate.server("crm-db-01")["phase"] == "READY"
