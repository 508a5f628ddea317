"""Serve the pages of executions: the list, each one, and the tab of a DAG run in Airflow."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from pydantic import ValidationError
from starlette.responses import Response

from drs_recovery.exceptions import ExecutionNotFoundError
from drs_recovery.plan import DAG_ID_PREFIX, plan_from_snapshot
from drs_recovery.store import Event, ExecutionDocument, ExecutionStore, execution_id, is_live
from drs_recovery.web.actions import rights_of
from drs_recovery.web.airflow import Airflow, AirflowRun, run_of
from drs_recovery.web.allowed_actions import ANSWERS, Rights
from drs_recovery.web.dependencies import LiveRecoveries, Store, VisibleExecution
from drs_recovery.web.executions.actions import Actions, OfferedAction, actions_for
from drs_recovery.web.executions.costs import RunningInstances, running_instances
from drs_recovery.web.executions.failures import (
    EventLog,
    Failures,
    Preflight,
    event_log,
    failures_in,
    preflight_of,
)
from drs_recovery.web.executions.gates import Briefing, briefings_of
from drs_recovery.web.executions.headline import now_sentence
from drs_recovery.web.executions.next_steps import NextStep, Notice, next_step, notices_for
from drs_recovery.web.executions.points_in_time import data_sentence
from drs_recovery.web.executions.servers import (
    Addresses,
    PhaseCount,
    ServersWanted,
    addresses_csv,
    addresses_of,
    phase_counts,
    server_tables,
)
from drs_recovery.web.executions.timeline import Timeline, timeline_of
from drs_recovery.web.executions.times import Times, times_of
from drs_recovery.web.executions.waves import WaveView, wave_view
from drs_recovery.web.rendering import render
from drs_recovery.web.security import CurrentPerson, Person
from drs_recovery.web.shared import (
    Badge,
    Mark,
    RunSummary,
    Sentence,
    Timestamp,
    badge_of,
    compose,
    mark_of,
    page_time,
    standing_request,
    timestamp_if,
)

# Seconds after which the browser asks for a page again.
_REFRESH_LIVE = 3
_REFRESH_ENDED = 30

router = APIRouter()


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
    viewer = Viewer(person, recoveries, run)
    return execution_page(request, execution["executionId"], store, viewer, wanted)


@router.get("/executions/{execution_id}/servers.csv", name="servers_csv")
def servers_csv(execution: VisibleExecution, store: Store) -> Response:
    """Send the servers of an execution as a file for spreadsheets."""
    name = f"servers-{execution['executionId']}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    document = store.get_document(execution["executionId"])
    return Response(addresses_csv(document), media_type="text/csv; charset=utf-8", headers=headers)


@dataclass(frozen=True)
class Viewer:
    """Who looks at an execution, and what they must see beside its record."""

    person: Person
    recoveries: tuple[RunSummary, ...]
    run: AirflowRun | None


def execution_page(
    request: Request, execution_id: str, store: ExecutionStore, viewer: Viewer, wanted: ServersWanted
) -> Response:
    """Show an execution that the person may see."""
    document, events = store.get_document(execution_id), store.get_events(execution_id)
    rights = rights_of(viewer.person, document["dagId"])
    view = execution_view(document, events, rights, time.time(), airflow=viewer.run, wanted=wanted)
    return render(
        request,
        "execution.html",
        # Its own band is red already.
        recoveries=[one for one in viewer.recoveries if one.execution_id != execution_id],
        view=view,
        wanted=wanted,
        task_groups=_task_groups(document),
        refresh=_REFRESH_LIVE if view.headline.is_live else _REFRESH_ENDED,
    )


def _task_groups(document: ExecutionDocument) -> dict[int, str]:
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
        viewer = Viewer(person, recoveries, run)
        return execution_page(request, execution_id(dag_id, run_id), store, viewer, ServersWanted())
    except ExecutionNotFoundError:
        state = run.state if run else None
        more = {"refresh": _REFRESH} if is_recovery else {}
        return render(
            request, "run.html", recoveries=recoveries, is_recovery=is_recovery, state=state, **more
        )


__all__ = ["AirflowRun", "ExecutionView", "ServersWanted", "execution_view"]


@dataclass(frozen=True)
class Headline:
    """
    The top of the page.

    :param last_look: when DRS was last asked; None before the first time.
    """

    badge: Badge
    status: Mark
    now: Sentence
    next_step: NextStep
    last_look: Timestamp | None
    updated: Timestamp
    is_live: bool


def headline_of(document: ExecutionDocument, step: NextStep) -> Headline:
    """The top of the page."""
    polled = [wave["lastPolledTime"] for wave in document["waves"] if "lastPolledTime" in wave]
    return Headline(
        badge=badge_of(document),
        status=mark_of(document),
        now=now_sentence(document),
        next_step=step,
        last_look=timestamp_if(max(polled, default=None)),
        updated=Timestamp.at(document["lastUpdatedTime"]),
        is_live=is_live(document) or _is_being_terminated(document),
    )


def _is_being_terminated(document: ExecutionDocument) -> bool:
    if document.get("instancesTerminated"):
        return False
    # That everything is gone is confirmed a little after the last instance; a part is through with its own.
    open_requests = [one for one in document.get("terminationRequests") or () if "endTime" not in one]
    is_about_all = any(not one.get("waves") for one in open_requests)
    return is_about_all or standing_request(document) is not None or "terminateAfter" in document


_EVERY_SERVER = ServersWanted()


@dataclass(frozen=True)
class ExecutionView:
    """
    The page of an execution.

    :param addresses: where the servers of a real recovery that has ended are reached; None of any other.
    :param preflight: what was found before anything was launched; None before that.
    """

    execution_id: str
    plan_id: str
    plan_name: str
    dag_id: str
    dag_run_id: str
    headline: Headline
    notices: tuple[Notice, ...]
    failures: Failures
    instances: RunningInstances
    addresses: Addresses | None
    times: Times
    counts: tuple[PhaseCount, ...]
    timeline: Timeline
    waves: tuple[WaveView, ...]
    preflight: Preflight | None
    actions: Actions
    briefings: tuple[Briefing, ...]
    events: EventLog
    facts: tuple[tuple[str, Sentence], ...]

    def briefing_for(self, action: OfferedAction) -> Briefing | None:
        """What whoever takes an action must know; None if it answers no question."""
        if action.kind not in ANSWERS:
            return None
        about = action.wave, action.place
        return next((one for one in self.briefings if (one.wave, one.place) == about), None)


def execution_view(
    document: ExecutionDocument,
    events: Sequence[Event],
    rights: Rights,
    now: float,
    *,
    airflow: AirflowRun | None = None,
    wanted: ServersWanted = _EVERY_SERVER,
) -> ExecutionView:
    """
    Compose the page of an execution; the same record gives the same page for some seconds.

    :param airflow: what Airflow says of the DAG run; None if it could not be asked.
    """
    as_of = page_time(document, now)
    tables = server_tables(document, wanted)
    actions, instances = actions_for(document, rights), running_instances(document, now)
    return ExecutionView(
        execution_id=document["executionId"],
        plan_id=document["planId"],
        plan_name=document["planName"],
        dag_id=document["dagId"],
        dag_run_id=document["dagRunId"],
        headline=headline_of(document, next_step(document, actions, instances)),
        notices=notices_for(document, events, airflow, as_of, rights.installation),
        failures=failures_in(document),
        instances=instances,
        addresses=addresses_of(document),
        times=times_of(document, as_of),
        counts=phase_counts([server for wave in document["waves"] for server in wave["serverStatuses"]]),
        timeline=timeline_of(document, events, as_of),
        waves=tuple(
            wave_view(document, wave, events, tables[wave["waveNumber"]], as_of) for wave in document["waves"]
        ),
        preflight=preflight_of(document),
        actions=actions,
        briefings=briefings_of(document, as_of),
        events=event_log(events, sum(len(table.rows) for table in tables.values())),
        facts=tuple(_facts(document)),
    )


def _origin(document: ExecutionDocument) -> Iterator[tuple[str, Sentence]]:
    """Which files it came from, and who runs it."""
    if "bundleName" in document:
        version = f" {document['bundleVersion']}" if "bundleVersion" in document else ""
        yield "DAG bundle", compose(f"{document['bundleName']}{version}")
    if "controller" in document:
        yield "Airflow", compose(document["controller"])


def _facts(document: ExecutionDocument) -> Iterator[tuple[str, Sentence]]:
    servers = [server for wave in document["waves"] for server in wave["serverStatuses"]]
    if points := data_sentence(document, servers):
        yield "Point in time", points
    yield "Started by", compose(document["initiatedBy"])
    yield from _origin(document)
    for label, text in (("Ticket", document.get("ticket")), ("Reason", document.get("reason"))):
        if text:
            yield label, compose(text)
    if cancel := document.get("cancel"):
        yield "Cancelled", compose(f"by {cancel['actor']}, ", cancel["time"], f": {cancel['reason']}")
    if document.get("replaceExecution"):
        yield "May end", compose(f"the instances in use of execution {document['replaceExecution']}")
    if document.get("keepInstances"):
        yield "Instances", compose("kept after the drill, as requested")
    yield "Waves", compose(f"{document['completedWaves']} of {document['totalWaves']} completed")
