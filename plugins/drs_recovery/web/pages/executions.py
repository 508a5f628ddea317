"""The pages of executions: the list, and each by itself."""

from __future__ import annotations

import time
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from pydantic import ValidationError
from starlette.responses import Response

from drs_recovery.plan import plan_from_snapshot
from drs_recovery.statuses import ExecutionStatus
from drs_recovery.store import ExecutionStore
from drs_recovery.web.actions.acting import rights_of
from drs_recovery.web.airflow_api import Airflow
from drs_recovery.web.airflow_facts import run_of
from drs_recovery.web.pages.filters import WantedExecutions
from drs_recovery.web.pages.rendering import Links, render
from drs_recovery.web.plan_sources import plan_names
from drs_recovery.web.security import CurrentPerson, Person
from drs_recovery.web.sources import Store, VisibleExecution
from drs_recovery.web.views.execution import AirflowRun, execution_view
from drs_recovery.web.views.executions import execution_row
from drs_recovery.web.views.server_tables import ServersWanted
from drs_recovery.web.views.status_marks import execution_mark

# Seconds after which the browser asks for a page again.
_REFRESH_LIST = 10
_REFRESH_LIVE = 3
_REFRESH_ENDED = 30
_ON_A_PAGE = 50

router = APIRouter()


@router.get("/executions", name="executions")
def executions(
    request: Request, wanted: WantedExecutions, store: Store, person: CurrentPerson, cursor: str = ""
) -> Response:
    """List executions, newest first."""
    page = store.list_executions(wanted.filter_for(person), _ON_A_PAGE, cursor or None)
    address, now = Links(request).to("executions"), time.time()
    return render(
        request,
        "executions.html",
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
) -> Response:
    """Show one execution."""
    return execution_page(request, execution["executionId"], store, person, run, wanted)


def execution_page(
    request: Request,
    execution_id: str,
    store: ExecutionStore,
    person: Person,
    run: AirflowRun | None,
    wanted: ServersWanted,
) -> Response:
    """
    Show an execution that the person may see.

    :param request: that is answered.
    :param execution_id: of the execution.
    :param store: where it is.
    :param person: who looks.
    :param run: what Airflow says of its DAG run.
    :param wanted: which servers are shown.
    """
    document, events = store.get_document(execution_id), store.get_events(execution_id)
    rights = rights_of(person, document["dagId"])
    view = execution_view(document, events, rights, time.time(), airflow=run, wanted=wanted)
    return render(
        request,
        "execution.html",
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
