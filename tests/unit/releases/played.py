"""Executions that live, as a release leaves them in the table, and the waits of their tasks."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

from airflow.sdk.exceptions import TaskDeferred

from drs_recovery.settings import executions_table_name
from drs_recovery.statuses import GateDecision
from drs_recovery.store import WaveRef
from sandbox.testing import Sandbox
from tests.iam_policies import preparing_dynamodb
from tests.plan_documents import BILLING_DB_1, BILLING_DB_2, WEB_1, WEST, application, database, plan
from tests.unit.steps import Steps, deferred

StepsOf = Callable[..., Steps]
Item = dict[str, Any]

POLLING = plan(database(), application(pause_before={"message": "Is the database up?"}))
"""An execution of it waits for the job of its second wave."""

STEPPING = plan(
    {"groups": ["one"], "before": [{"wait": {"for": "PT1S"}}]},
    groups={"one": {"servers": [WEB_1]}},
    id="web",
)
"""One of it waits in a step."""

ASKING = plan(
    {"groups": ["billing"], "pause_before": {"message": "Is the bank told?"}},
    groups={"billing": {"servers": [BILLING_DB_1]}},
    id="billing",
    region=WEST,
)
"""One of it waits for the answer to a gate."""


def play(aws: Sandbox, steps_of: StepsOf) -> dict[str, Any]:
    """Leave live executions in the table; what they left, as JSON can have it."""
    waits = [_polling(aws, steps_of(POLLING)), _stepping(steps_of(STEPPING))]
    asking = steps_of(ASKING)
    asking.open()
    asking.store.gates.open(WaveRef(asking.execution_id, 1), "Is the bank told?", ["cfo"])
    left = {"records": dump(), "waits": waits}
    # Its wait is for a later moment of that execution than its record.
    left["waits"].append(_queued(aws, asking))
    return left


def _polling(aws: Sandbox, steps: Steps) -> Item:
    steps.open(ticket="CHG0030042")
    steps.launch(aws, 1)
    steps.store.gates.open(WaveRef(steps.execution_id, 2), "Is the database up?", [])
    steps.store.gates.decide(WaveRef(steps.execution_id, 2), GateDecision.APPROVED, "dba", "row counts match")
    steps.start(2)
    aws.advance(90)
    return wait_of(deferred(steps.wait, 2))


def _stepping(steps: Steps) -> Item:
    steps.open()
    return wait_of(deferred(steps.step, "before", 1))


def _queued(aws: Sandbox, steps: Steps) -> Item:
    steps.store.gates.decide(WaveRef(steps.execution_id, 1), GateDecision.APPROVED, "cfo")
    aws.client("drs", WEST).start_recovery(sourceServers=[{"sourceServerID": BILLING_DB_2}], isDrill=True)
    aws.control("PUT", "/quotas", {"jobs_in_progress": 1})
    return wait_of(deferred(steps.start))


def wait_of(parked: TaskDeferred) -> Item:
    """What Airflow keeps of a task that waits in the triggerer."""
    path, arguments = parked.trigger.serialize()
    return {"path": path, "arguments": arguments, "method": parked.method_name}


def dump() -> list[Item]:
    """Read the records of the table, as DynamoDB writes them."""
    pages = preparing_dynamodb().get_paginator("scan").paginate(TableName=executions_table_name())
    rows = [row for page in pages for row in page["Items"]]
    return sorted(
        (_with_text(row) for row in rows), key=lambda r: (r["executionId"]["S"], r["recordKey"]["S"])
    )


def load(records: list[Item]) -> None:
    """Write such records into the table."""
    client = preparing_dynamodb()
    for record in records:
        client.put_item(TableName=executions_table_name(), Item=_with_bytes(record))


def _with_text(row: Item) -> Item:
    return {
        name: {"B": base64.b64encode(value["B"]).decode()} if "B" in value else value
        for name, value in row.items()
    }


def _with_bytes(row: Item) -> Item:
    return {
        name: {"B": base64.b64decode(value["B"])} if "B" in value else value for name, value in row.items()
    }
