"""Plans and executions that tests of the console put on record."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from drs_recovery.configured_store import execution_store
from drs_recovery.plan.cache import load_plans
from drs_recovery.plan.model import RecoveryPlan
from drs_recovery.recorded_plans import record_plans
from drs_recovery.statuses import ExecutionStatus
from drs_recovery.store import WaveRef
from drs_recovery.store.executions import ExecutionStore
from drs_recovery.store.keys import execution_id
from tests.plan_documents import application, database, plan
from tests.unit.plan.documents import write_plan
from tests.unit.store.conftest import Recovery


def put_plan(path: Path, document: object) -> None:
    """Write a plan file, and record the plans of its folder, as housekeeping does."""
    write_plan(path, document)
    record_plans(execution_store(), load_plans([path.parent]))


def opened(store: ExecutionStore, run_id: str = "CHG1", plan_id: str = "crm", **fields: Any) -> str:
    """Open an execution as the DAG run of a plan does; its id."""
    dag_id = f"recover_{plan_id}"
    identity = execution_id(dag_id, run_id)
    named = {"plan_id": plan_id, "dag_id": dag_id, "dag_run_id": run_id, **fields}
    store.create_execution(Recovery(store).new(identity, **named))
    return identity


def begun(store: ExecutionStore, run_id: str = "CHG1", servers: int = 2, **fields: Any) -> Recovery:
    """An execution of the plan ``crm``, whose servers are found; its recovery is written on by the test."""
    made, recovery = RecoveryPlan.model_validate(crm()), Recovery(store)
    recovery.id = opened(store, run_id, plan_snapshot=made.model_dump(mode="json"), **fields)
    for number in (1, 2):
        store.add_servers(WaveRef(recovery.id, number), recovery.servers(number, servers))
    return recovery


def crm(**fields: Any) -> dict[str, Any]:
    return plan(database(), application(), **fields)


def drill(store: ExecutionStore, document: dict[str, Any]) -> str:
    """A good drill of a plan of two waves, as it is on record afterwards; its id."""
    drilled, recovery = RecoveryPlan.model_validate(document), Recovery(store)
    recovery.open(
        servers=1,
        plan_id=drilled.id,
        dag_id=drilled.dag_id,
        plan_hash=drilled.digest(),
        plan_snapshot=drilled.model_dump(mode="json"),
    )
    recovery.complete(1).complete(2)
    store.ending.finalize(recovery.id, ExecutionStatus.COMPLETED)
    return recovery.id
