"""Whatever others wrote stays text, on every page: nobody's server name runs in somebody else's browser."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from drs_recovery.plan.model import RecoveryPlan
from drs_recovery.statuses import ExecutionStatus, ServerPhase
from drs_recovery.store import WaveRef
from drs_recovery.store.executions import ExecutionStore
from drs_recovery.store.listings import Listings
from tests.iam_policies import preparing_table
from tests.integration.web.conftest import Console
from tests.integration.web.markup import HOSTILE, Page
from tests.integration.web.on_record import put_plan
from tests.integration.web.test_api_executions import opened
from tests.plan_documents import application, database, plan
from tests.unit.store.conftest import Recovery

# What the engine itself writes, from words of its own: nobody else can choose it.
OUR_OWN = frozenset(
    {
        *(
            "executionId",
            "listedExecutionId",
            "recordKey",
            "planId",
            "planHash",
            "planSnapshot",
            "dagId",
            "executionType",
        ),
        *("status", "phase", "decision", "severity", "event", "sourceServerId"),
    }
)
ADDRESS = quote(HOSTILE, safe="")


def hostile_plan() -> dict[str, Any]:
    name = HOSTILE[:100]
    gate = {"message": HOSTILE.partition("{{")[0], "approvers": [name]}
    return plan(
        database(),
        application(pause_before=gate),
        name=name,
        description=HOSTILE,
        owner=name,
        tags=[name],
    )


def with_hostile_texts(value: Mapping[str, Any], name: str = "") -> Mapping[str, Any]:
    """A value in DynamoDB's notation, each text in it one of somebody who means harm."""
    ((kind, content),) = value.items()
    if kind == "S":
        return value if name in OUR_OWN else {"S": HOSTILE}
    if kind == "M":
        return {"M": {name: with_hostile_texts(one, name) for name, one in content.items()}}
    return {"L": [with_hostile_texts(one, name) for one in content]} if kind == "L" else value


def hostile_record(store: ExecutionStore) -> Recovery:
    """An execution with all that pages show of one; a server of its first wave failed."""
    document = RecoveryPlan.model_validate(hostile_plan())
    recovery = Recovery(store, preparing_table(store.table))
    recovery.id = opened(
        store,
        HOSTILE,
        plan_snapshot=document.model_dump(mode="json"),
        plan_hash=document.digest(),
        ticket="CHG1",
        reason="r",
    )
    for number in (1, 2):
        store.add_servers(WaveRef(recovery.id, number), recovery.servers(number, 2))
    recovery.start(1)
    first, second = recovery.server_ids(1, 2)
    action = {"name": "n", "status": "FAILED", "reason": "r", "optional": True}
    described = {"instanceType": "t", "instanceState": "s", "hostname": "h", "warning": "w"}
    recovery.launch(1, (first,))
    recovery.poll(1, ServerPhase.FAILED, "FAILED", ids=(second,), job_status="COMPLETED", error="e")
    recovery.force(f"SERVER#01#{first}", **described, postLaunchActions=[action])
    return recovery


def fail(recovery: Recovery) -> None:
    store = recovery.store
    store.waves.fail(WaveRef(recovery.id, 1), "e")
    store.set_error(recovery.id, "e")
    store.ending.finalize(recovery.id, ExecutionStatus.FAILED)
    finding = {"severity": "ERROR", "what": "w", "remedy": "r", "serverName": "n"}
    recovery.force("EXECUTION", findings=[finding], terminationError="e")


def ask(recovery: Recovery) -> None:
    recovery.store.waves.complete(WaveRef(recovery.id, 1))
    recovery.store.gates.open(WaveRef(recovery.id, 2), "m", ["viewer", "x"], 4e9)


@pytest.fixture(params=[fail, ask], ids=["failed", "asking"])
def execution(request: pytest.FixtureRequest, store: ExecutionStore) -> str:
    recovery = hostile_record(store)
    request.param(recovery)
    recovery.restore(
        [{name: with_hostile_texts(one, name) for name, one in item.items()} for item in recovery.raw_items()]
    )
    return recovery.id


def read(console: Console, path: str, status: int = 200) -> Page:
    answer = console.get(path, html=True)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"].startswith("text/html")
    page = Page(answer.text)
    assert page.dangers == []
    assert "script" in page.tags
    return page


def test_an_execution_full_of_markup_is_shown_as_text(console: Console, execution: str) -> None:
    page = read(console, f"/executions/{execution}")

    assert page.text.count(HOSTILE) > 10


@pytest.mark.parametrize(
    "path",
    ["/executions", f"/executions?ticket={ADDRESS}", f"/runs/recover_crm/{ADDRESS}", "/plans/crm"],
)
def test_lists_and_tabs_show_markup_as_text(console: Console, execution: str, path: str) -> None:
    page = read(console, path)

    assert HOSTILE in "".join((*page.texts, *page.attributes))


def test_a_plan_full_of_markup_is_shown_as_text(console: Console, plans: Path) -> None:
    put_plan(plans / "crm.yaml", hostile_plan())
    put_plan(plans / "erp.yaml", {**hostile_plan(), "id": "erp", "region": HOSTILE, "waves": [HOSTILE]})

    for path in ("/plans", "/plans/crm", "/plans/erp"):
        assert "onerror=alert(2)" in read(console, path).text


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (f"/{ADDRESS}", 404),
        (f"/plans/{ADDRESS}", 404),
        (f"/executions/{ADDRESS}", 404),
        (f"/executions?status={ADDRESS}", 422),
        (f"/executions?since={ADDRESS}", 422),
        (f"/executions?cursor={ADDRESS}", 422),
        (f"/runs/{ADDRESS}/{ADDRESS}", 200),
        (f"/static/{ADDRESS}/{ADDRESS}", 404),
    ],
)
def test_an_address_full_of_markup_is_told_as_text(console: Console, path: str, status: int) -> None:
    read(console, path, status)


def test_an_error_of_aws_is_told_as_text(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    from botocore.exceptions import ClientError

    def fails(*_: Any, **__: Any) -> Any:
        raise ClientError({"Error": {"Code": HOSTILE, "Message": HOSTILE}}, "Query")

    monkeypatch.setattr(Listings, "page", fails)

    assert HOSTILE in read(console, "/executions", 503).text
