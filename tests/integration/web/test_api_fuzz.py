"""The API against its own OpenAPI document, with requests that nobody would write by hand."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.config import SchemathesisConfig
from schemathesis.specs.openapi.checks import positive_data_acceptance

from drs_recovery.plan.model import RecoveryPlan
from drs_recovery.statuses import ExecutionStatus
from drs_recovery.store import WaveRef
from drs_recovery.store.executions import ExecutionStore
from drs_recovery.store.keys import execution_id
from drs_recovery.web.api.openapi import described
from drs_recovery.web.app import create_app
from tests.integration.web.conftest import Console
from tests.integration.web.on_record import crm, drill, opened, put_plan
from tests.unit.store.conftest import Recovery

# What requests are to be about: some of it is there.
IDS = {
    "plan_id": ["crm", "erp", "nothing"],
    "execution_id": [execution_id("recover_crm", run_id) for run_id in ("live", "asks", "failed", "nothing")],
}
EXAMPLES = 10


def _schema() -> Any:
    # Without the ways to log in: everything is sent as an administrator.
    document = copy.deepcopy(described(create_app(), "/recovery")) | {"security": []}
    for operations in document["paths"].values():
        for operation in operations.values():
            for parameter in operation.get("parameters", []):
                if parameter["name"] in IDS:
                    parameter["schema"] = {"enum": IDS[parameter["name"]]}
    config = SchemathesisConfig.from_dict({"seed": 1})
    return schemathesis.openapi.from_dict(document, config=config)


schema = _schema()


@pytest.fixture
def busy_console(console: Console, store: ExecutionStore, plans: Path, known_dags: None) -> Console:
    """A console with a good, a broken and a drilled plan, and executions in several states."""
    put_plan(plans / "crm.yaml", crm())
    put_plan(plans / "erp.yaml", {"schema_version": 1, "waves": []})
    drill(store, crm())
    asks, failed = Recovery(store), Recovery(store)
    opened(store, "live", ticket="CHG0030042")
    snapshot = RecoveryPlan.model_validate(crm()).model_dump(mode="json")
    asks.id = opened(store, "asks", plan_snapshot=snapshot)
    failed.id = opened(store, "failed", plan_snapshot=snapshot)
    store.gates.open(WaveRef(asks.id, 1), "Start?", ())
    store.add_servers(WaveRef(failed.id, 1), failed.servers(1, 2))
    failed.start(1).launch(1)
    store.waves.fail(WaveRef(failed.id, 1), "1 critical server failed")
    store.ending.finalize(failed.id, ExecutionStatus.FAILED)
    return console


@schema.parametrize()
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
def test_every_answer_is_as_described(case: Any, busy_console: Console) -> None:
    token = busy_console.core_api.token("admin", "admin")
    request = case.as_transport_kwargs(base_url="http://airflow/recovery")
    method, url = request.pop("method"), request.pop("url")

    answer = busy_console.core_api.send(method, url, token, **_for_httpx(request))

    case.validate_response(answer, excluded_checks=_left_out(case))


def _left_out(case: Any) -> list[Any]:
    """What is no wave of the execution, and no cursor that was handed out, fits the schema and is refused."""
    is_refused = case.method == "POST" or "cursor" in (case.query or {})
    return [positive_data_acceptance] if is_refused else []


def _for_httpx(request: dict[str, Any]) -> dict[str, Any]:
    """What requests calls ``data``, httpx calls ``content``."""
    if "data" in request:
        request["content"] = request.pop("data")
    return {name: value for name, value in request.items() if value is not None and name != "cookies"}
