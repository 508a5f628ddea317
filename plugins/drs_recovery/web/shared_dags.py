"""
Who may run what acts on executions of other plans: only who may trigger those plans, too.

Airflow checks the right to the DAG that is run. Which executions it acts on stands in ``conf``: those whose
instances ``terminate_recovery_instances`` terminates, and those whose instances a real recovery may replace.
A task knows no auth manager, so it is checked here, where Airflow's API server takes the request. Whoever
lets an old run start over ("clear") needs the rights that it takes to trigger it. Everything else, and
whatever Airflow refuses itself, is handed on as it came.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from drs_recovery.plan import DAG_ID_PREFIX

if TYPE_CHECKING:
    from fastapi import Request
    from starlette.responses import Response
    from starlette.types import ASGIApp, Receive, Scope, Send

    from drs_recovery.web.security import Person

log = logging.getLogger(__name__)


class SharedDagGuard:
    """A middleware of Airflow's API server."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or hand it on."""
        is_post = scope["type"] == "http" and scope["method"] == "POST"
        door = door_of(scope["path"]) if is_post else None
        answer = self._app
        if door is not None:
            from fastapi import Request

            request = Request(scope, receive)
            body = await request.body()
            receive = _replayed(body, receive)
            answer = await _refusal(request, _wish(door, body)) or answer
        await answer(scope, receive, send)


def _wish(door: re.Match[str], body: bytes) -> Wish:
    """What is wanted; nothing if Airflow refuses the request anyway."""
    try:
        wanted = json.loads(body)
    except (ValueError, RecursionError):
        return Wish()
    return wish_of(door, wanted) if isinstance(wanted, Mapping) else Wish()


def _replayed(body: bytes, receive: Receive) -> Receive:
    """The messages of a request whose body was read."""
    messages: list[dict[str, Any]] = [{"type": "http.request", "body": body, "more_body": False}]

    async def next_message() -> Any:
        return messages.pop() if messages else await receive()

    return next_message


async def _refusal(request: Request, wish: Wish) -> Response | None:
    """Why the request is not handed on; None if it is."""
    from fastapi import HTTPException
    from starlette.concurrency import run_in_threadpool

    from drs_recovery.web.problems import problem_answer, problem_of

    if not (wish.again or (wish.new and executions_in(*wish.new))):
        return None
    try:
        user = await _user_of(request)
    except HTTPException:
        # Airflow says so itself.
        return None
    try:
        await run_in_threadpool(_demand_rights, user, wish)
    except Exception as error:
        # What cannot be checked is not allowed.
        problem = problem_of(error)
        log.warning("%s is refused, which wants %s: %s", request.url.path, wish, problem.detail)
        return problem_answer(problem)
    return None


async def _user_of(request: Request) -> Any:
    """Whoever Airflow takes the request for."""
    from airflow.api_fastapi.core_api.security import bearer_scheme, get_user

    return await get_user(request, None, await bearer_scheme(request))


def _demand_rights(user: Any, wish: Wish) -> None:
    """
    Refuse what the console would refuse.

    :raises ExecutionNotFoundError: there is none.
    :raises Problem: 404 if it is not for this person to know of it, 403 if they may not act on it, 409 if
        another installation of Airflow acts on it.
    """
    from drs_recovery.exceptions import ExecutionNotFoundError
    from drs_recovery.web.problems import Problem, forbidden
    from drs_recovery.web.security import Person

    person = Person(user)
    if wish.new:
        _demand_acting(person, executions_in(*wish.new), terminates=_terminates(wish.new[0]))
        return
    try:
        _demand_acting(person, executions_of_runs(wish))
    except (ExecutionNotFoundError, Problem) as error:
        # Whoever may start the run over knows what it names; what is missing is the right.
        raise forbidden(
            "what would run again acts on an execution of another plan: it takes the right to trigger that "
            "plan, too"
        ) from error


def _demand_acting(person: Person, named: Collection[str], *, terminates: bool = False) -> None:
    """
    Refuse executions on which a person may not act.

    One without a record, such as of a table that was lost, may be of any plan.
    """
    from drs_recovery.exceptions import ExecutionNotFoundError
    from drs_recovery.installation import elsewhere, known_installation
    from drs_recovery.web.dependencies import kept_store
    from drs_recovery.web.problems import conflict

    found = {one["executionId"]: one for one in kept_store().get_executions(named)} if named else {}
    for execution_id in sorted(named):
        execution, missing = found.get(execution_id), ExecutionNotFoundError(execution_id)
        if execution is None:
            if terminates or not person.acts_on_all_plans:
                raise missing
            continue
        person.demand_read(execution["dagId"], str(missing))
        person.demand_act(execution["dagId"])
        if terminates and (reason := elsewhere(execution, known_installation())):
            raise conflict(f"Nothing is terminated: {reason}.")


# A new run, the runs that a backfill makes, and runs that are started over, one or several. Behind the path
# under which Airflow is served, which a proxy may leave in it or not.
_DOORS = re.compile(
    r".*/api/v2/(?:backfills|dags/(?P<dag>[^/]+)/(?:dagRuns/(?P<run>[^/]+)/clear"
    r"|(?P<door>dagRuns|clearDagRuns|clearPartitions|clearTaskInstances)))/?",
    re.DOTALL,
)

# Airflow's word for "the DAGs that the body names".
_ANY_DAG = "~"

Body = Mapping[str, Any]


@dataclass(frozen=True)
class Wish:
    """
    What a request wants to run.

    :param new: DAG id and ``conf`` of a run that is made; None if it makes none.
    :param again: DAG id and run id of runs that are started over; without a run id any run of the DAG.
    """

    new: tuple[str, Any] | None = None
    again: tuple[tuple[str, str | None], ...] = ()


def door_of(path: str) -> re.Match[str] | None:
    """Recognize a request that may run something that acts on executions."""
    found = _DOORS.fullmatch(path)
    if found is None or not (found["dag"] in (None, _ANY_DAG) or _acts(found["dag"])):
        return None
    return found


def wish_of(door: re.Match[str], body: Body) -> Wish:
    """Say what a request wants to run, of what acts on executions."""
    if door["dag"] is None:
        return _new(body.get("dag_id"), body.get("dag_run_conf"))
    if door["door"] == "dagRuns":
        return _new(door["dag"], body.get("conf"))
    return Wish(again=tuple(one for one in _started_over(door, body) if _acts(one[0])))


def executions_in(dag_id: str, conf: Any) -> frozenset[str]:
    """
    Ids of the executions that a run acts on beside its own, as its DAG will read them.

    :param conf: of the run; what is no text there, Airflow or the DAG refuses.
    """
    from drs_recovery.opening import replaced_executions

    conf = conf if isinstance(conf, Mapping) else {}
    if not _terminates(dag_id):
        named = conf.get("replace_execution")
        return frozenset(replaced_executions(named)) if isinstance(named, str) else frozenset()
    named = conf.get("execution_id")
    return frozenset({named.strip()} - {""}) if isinstance(named, str) else frozenset()


def executions_of_runs(wish: Wish) -> frozenset[str]:
    """Ids of the executions that the runs act on that are started over."""
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session
    from sqlalchemy import select

    found: set[str] = set()
    with create_session() as session:
        for dag_id, run_id in wish.again:
            wanted = select(DagRun.conf).where(DagRun.dag_id == dag_id)
            if run_id is not None:
                wanted = wanted.where(DagRun.run_id == run_id)
            for conf in session.scalars(wanted):
                found |= executions_in(dag_id, conf)
    return frozenset(found)


def _acts(dag_id: Any) -> bool:
    return isinstance(dag_id, str) and (_terminates(dag_id) or dag_id.startswith(DAG_ID_PREFIX))


def _terminates(dag_id: Any) -> bool:
    # Every process of Airflow loads the plugin, and with it this module; the store is for those that need it.
    from drs_recovery.store import TERMINATING_DAG

    return bool(dag_id == TERMINATING_DAG)


def _new(dag_id: Any, conf: Any) -> Wish:
    return Wish(new=(dag_id, conf)) if _acts(dag_id) else Wish()


def _started_over(door: re.Match[str], body: Body) -> Iterator[tuple[Any, str | None]]:
    dag_id = door["dag"]
    if door["run"] is not None:
        yield dag_id, door["run"]
    elif door["door"] == "clearDagRuns" and body.get("dag_runs"):
        for one in body["dag_runs"] if isinstance(body["dag_runs"], list) else ():
            if isinstance(one, Mapping):
                yield one.get("dag_id") or dag_id, _run_id(one.get("dag_run_id"))
    elif door["door"] == "clearPartitions":
        yield dag_id, _run_id(body.get("run_id"))
    else:
        # Dates choose the runs where none is named, and where it is one with those before or behind it.
        is_one = not (body.get("include_past") or body.get("include_future"))
        yield dag_id, _run_id(body.get("dag_run_id")) if is_one else None


def _run_id(named: Any) -> str | None:
    return named if isinstance(named, str) else None
