"""The tab of a DAG run in Airflow: the execution that the run stands for."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from drs_recovery.exceptions import ExecutionNotFoundError
from drs_recovery.plan.model import DAG_ID_PREFIX
from drs_recovery.store.keys import execution_id
from drs_recovery.web.airflow import Airflow, AirflowRun
from drs_recovery.web.airflow_facts import run_of
from drs_recovery.web.alarms import LiveRecoveries
from drs_recovery.web.dependencies import Store
from drs_recovery.web.executions.page import Looking, execution_page
from drs_recovery.web.executions.server_tables import ServersWanted
from drs_recovery.web.rendering import render
from drs_recovery.web.security import CurrentPerson

# Seconds after which a record that is still to come is looked for again.
_REFRESH = 3

router = APIRouter()


async def _run(dag_id: str, run_id: str, airflow: Airflow) -> AirflowRun | None:
    return await run_of(airflow, dag_id, run_id)


@router.get("/runs/{dag_id}/{run_id:path}", name="run")
def run_tab(
    dag_id: str,
    run_id: str,
    request: Request,
    store: Store,
    person: CurrentPerson,
    run: Annotated[AirflowRun | None, Depends(_run)],
    recoveries: LiveRecoveries,
) -> Response:
    """Show the execution of a DAG run; a run may have none yet, or be no recovery."""
    is_recovery = dag_id.startswith(DAG_ID_PREFIX)
    person.demand_read(dag_id, f"there is no DAG {dag_id!r}")
    try:
        looking = Looking(person, recoveries, run)
        return execution_page(request, execution_id(dag_id, run_id), store, looking, ServersWanted())
    except ExecutionNotFoundError:
        state = run.state if run else None
        more = {"refresh": _REFRESH} if is_recovery else {}
        return render(
            request, "run.html", recoveries=recoveries, is_recovery=is_recovery, state=state, **more
        )
