"""Executions over the API: lists, documents, events."""

# No postponed annotations: with them TypedDict would not see which fields are NotRequired.

from typing import Annotated, Any, NotRequired

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response
from typing_extensions import TypedDict

from drs_recovery.plan import DAG_ID_PREFIX
from drs_recovery.store import (
    Event,
    Execution,
    ExecutionDocument,
    ExecutionFilter,
    ExecutionStore,
    Page,
    about,
    record,
)
from drs_recovery.store import execution_id as id_of
from drs_recovery.web.api.examples import DOCUMENT, EVENTS, EXECUTIONS
from drs_recovery.web.api.queries import ExecutionQuery, demand_clear_query, demand_no_query
from drs_recovery.web.api.responses import example_of, json_answer, next_page, problems
from drs_recovery.web.dependencies import Store, VisibleExecution
from drs_recovery.web.security import CurrentPerson, Person
from drs_recovery.web.shared import without_secrets

router = APIRouter(prefix="/executions", tags=["executions"])


@record
class ExecutionPage(TypedDict):
    """A page of a list of executions, newest first."""

    executions: Annotated[
        list[Execution],
        about(
            "A page can be short, or even empty, before the end of the list: a search for something "
            "rare stops after a while and continues with the cursor."
        ),
    ]
    nextCursor: NotRequired[
        Annotated[str, about("Where the next page starts; absent on the last one.", "Wy0xNzk1MDB…")]
    ]


@record
class EventList(TypedDict):
    """The events of an execution, in order."""

    events: Annotated[list[Event], about("Oldest first.", [])]


@router.get(
    "",
    summary="List executions",
    response_model=ExecutionPage,
    responses={200: example_of(EXECUTIONS), **problems()},
    dependencies=[Depends(demand_clear_query)],
)
def list_executions(
    request: Request, query: Annotated[ExecutionQuery, Query()], person: CurrentPerson, store: Store
) -> Response:
    """
    Newest first, each as it is now, without waves, servers and plan.

    One that was opened within the last moments may be missing, unless the list is that of a ticket or of a
    DAG run. `Link: <…>; rel="next"` is the address of the next page; a page can be short, or even empty,
    before the last one.
    """
    wanted = query.wanted_by(person)
    if query.dagRunId is None:
        page = store.listings.page(wanted, query.limit, query.cursor)
    else:
        page = _page_of_run(store, person, wanted, query.dagRunId)
    answer: dict[str, Any] = {"executions": page.items}
    if page.cursor:
        answer["nextCursor"] = page.cursor
    return json_answer(request, answer, next_page(request, page.cursor))


@router.get(
    "/{execution_id}",
    summary="Read an execution",
    response_model=ExecutionDocument,
    responses={200: example_of(DOCUMENT), **problems(404)},
    dependencies=[Depends(demand_no_query)],
)
def read_execution(request: Request, execution: VisibleExecution, store: Store) -> Response:
    """
    Read the whole record but the events: with the waves, their servers, and the plan as it was, in which the
    arguments of notifiers and the parameters of automations are hidden.

    To follow an execution, send the `ETag` of the last answer as `If-None-Match`; every few seconds is often
    enough. Its `status` is final when it is COMPLETED, PARTIAL_SUCCESS, FAILED, CANCELLED or SKIPPED; only a
    retry of a failed wave opens an execution again.
    """
    document = store.get_document(execution["executionId"])
    return json_answer(request, {**document, "planSnapshot": without_secrets(document["planSnapshot"])})


@router.get(
    "/{execution_id}/events",
    summary="Read the events",
    response_model=EventList,
    responses={200: example_of(EVENTS), **problems(404)},
    dependencies=[Depends(demand_no_query)],
)
def read_events(request: Request, execution: VisibleExecution, store: Store) -> Response:
    """Every change of a status and who caused it, oldest first. Events are only ever added."""
    return json_answer(request, {"events": store.get_events(execution["executionId"])})


def _page_of_run(store: ExecutionStore, person: Person, wanted: ExecutionFilter, run_id: str) -> Page:
    """The executions of all DAG runs of one name: their ids follow from it, so that no search is needed."""
    plan_ids = person.visible_plan_ids if wanted.plan_id is None else [wanted.plan_id]
    ids = [id_of(f"{DAG_ID_PREFIX}{plan_id}", run_id) for plan_id in plan_ids]
    found = [item for item in store.get_executions(ids) if wanted.accepts(item)]
    return Page(sorted(found, key=lambda item: -float(item["submittedTime"])), None)
