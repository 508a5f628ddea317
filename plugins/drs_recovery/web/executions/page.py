"""Serve the pages of executions: the list, each one, and the tab of a DAG run in Airflow."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from pydantic import ValidationError
from starlette.responses import Response

from drs_recovery.exceptions import ExecutionNotFoundError
from drs_recovery.plan.model import DAG_ID_PREFIX, plan_from_snapshot
from drs_recovery.statuses import ExecutionStatus
from drs_recovery.store.executions import ExecutionStore
from drs_recovery.store.keys import execution_id
from drs_recovery.web.actions.context import rights_of
from drs_recovery.web.airflow import Airflow, AirflowRun, run_of
from drs_recovery.web.alarms import LiveRecoveries
from drs_recovery.web.dependencies import Store, VisibleExecution, plan_names
from drs_recovery.web.executions.addresses import addresses_csv
from drs_recovery.web.executions.list import WantedExecutions, execution_row
from drs_recovery.web.executions.servers import ServersWanted
from drs_recovery.web.executions.view import execution_view
from drs_recovery.web.rendering import Links, render
from drs_recovery.web.security import CurrentPerson, Person
from drs_recovery.web.shared.marks import execution_mark
from drs_recovery.web.shared.runs import RunSummary

# Seconds after which the browser asks for a page again.
_REFRESH_LIST = 10
_REFRESH_LIVE = 3
_REFRESH_ENDED = 30
_ON_A_PAGE = 50

router = APIRouter()


@router.get("/executions", name="executions")
def executions(
    request: Request,
    wanted: WantedExecutions,
    store: Store,
    person: CurrentPerson,
    recoveries: LiveRecoveries,
    cursor: str = "",
) -> Response:
    """List executions, newest first."""
    page = store.listings.page(wanted.filter_for(person), _ON_A_PAGE, cursor or None)
    address, now = Links(request).to("executions"), time.time()
    return render(
        request,
        "executions.html",
        recoveries=recoveries,
        rows=[execution_row(item, now) for item in page.items],
        wanted=wanted,
        plans=plan_names(person),
        statuses=[execution_mark(status) for status in ExecutionStatus],
        older=address + wanted.query(cursor=page.cursor) if page.cursor else None,
        newest=address + wanted.query() if cursor else None,
        refresh=_REFRESH_LIST,
    )


async def _run(execution: VisibleExecution, airflow: Airflow) -> AirflowRun | None:
    return await run_of(airflow, execution["dagId"], execution["dagRunId"])


def _servers(
    wave: Annotated[int | None, Query(ge=1, le=99)] = None,
    q: Annotated[str, Query(max_length=200)] = "",
) -> ServersWanted:
    return ServersWanted(wave, q.strip() or None)


@router.get("/executions/{execution_id}", name="execution")
def execution(
    request: Request,
    execution: VisibleExecution,
    store: Store,
    person: CurrentPerson,
    run: Annotated[AirflowRun | None, Depends(_run)],
    wanted: Annotated[ServersWanted, Depends(_servers)],
    recoveries: LiveRecoveries,
) -> Response:
    """Show one execution."""
    looking = Looking(person, recoveries, run)
    return execution_page(request, execution["executionId"], store, looking, wanted)


@router.get("/executions/{execution_id}/servers.csv", name="servers_csv")
def servers_csv(execution: VisibleExecution, store: Store) -> Response:
    """Send the servers of an execution as a file for spreadsheets."""
    name = f"servers-{execution['executionId']}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    document = store.get_document(execution["executionId"])
    return Response(addresses_csv(document), media_type="text/csv; charset=utf-8", headers=headers)


@dataclass(frozen=True)
class Looking:
    """
    Who looks at an execution, and what they must see beside its record.

    :param person: who looks.
    :param recoveries: the live real recoveries.
    :param run: what Airflow says of the DAG run.
    """

    person: Person
    recoveries: tuple[RunSummary, ...]
    run: AirflowRun | None


def execution_page(
    request: Request, execution_id: str, store: ExecutionStore, looking: Looking, wanted: ServersWanted
) -> Response:
    """
    Show an execution that the person may see.

    :param request: that is answered.
    :param execution_id: of the execution.
    :param store: where it is.
    :param looking: who looks.
    :param wanted: which servers are shown.
    """
    document, events = store.get_document(execution_id), store.get_events(execution_id)
    rights = rights_of(looking.person, document["dagId"])
    view = execution_view(document, events, rights, time.time(), airflow=looking.run, wanted=wanted)
    return render(
        request,
        "execution.html",
        # Its own band is red already.
        recoveries=[one for one in looking.recoveries if one.execution_id != execution_id],
        view=view,
        wanted=wanted,
        task_groups=_task_groups(document),
        refresh=_REFRESH_LIVE if view.headline.is_live else _REFRESH_ENDED,
    )


def _task_groups(document: dict[str, Any]) -> dict[int, str]:
    """Airflow's task group of each wave; none if another version wrote the plan, unreadable for this one."""
    try:
        plan = plan_from_snapshot(document["planSnapshot"])
    except ValidationError:
        return {}
    return {number: plan.group_task_id(number) for number in range(1, len(plan.waves) + 1)}


# Seconds after which a record that is still to come is looked for again.
_REFRESH = 3


async def _named_run(dag_id: str, run_id: str, airflow: Airflow) -> AirflowRun | None:
    return await run_of(airflow, dag_id, run_id)


@router.get("/runs/{dag_id}/{run_id:path}", name="run")
def run_tab(
    dag_id: str,
    run_id: str,
    request: Request,
    store: Store,
    person: CurrentPerson,
    run: Annotated[AirflowRun | None, Depends(_named_run)],
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
