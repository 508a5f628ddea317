"""Which executions of other plans a request to Airflow's API acts on: they stand in the ``conf`` of runs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from drs_recovery.opening.options import replaced_executions
from drs_recovery.plan.model import DAG_ID_PREFIX
from drs_recovery.store.keys import TERMINATING_DAG

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
    """
    Recognize a request that may run something that acts on executions.

    :param path: of a POST.
    """
    found = _DOORS.fullmatch(path)
    if found is None or not (found["dag"] in (None, _ANY_DAG) or _acts(found["dag"])):
        return None
    return found


def wish_of(door: re.Match[str], body: Body) -> Wish:
    """
    Say what a request wants to run, of what acts on executions.

    :param door: which request it is.
    :param body: its JSON.
    """
    if door["dag"] is None:
        return _new(body.get("dag_id"), body.get("dag_run_conf"))
    if door["door"] == "dagRuns":
        return _new(door["dag"], body.get("conf"))
    return Wish(again=tuple(one for one in _started_over(door, body) if _acts(one[0])))


def executions_in(dag_id: str, conf: Any) -> frozenset[str]:
    """
    Ids of the executions that a run acts on beside its own, as its DAG will read them.

    :param dag_id: of the run.
    :param conf: of the run; what is no text there, Airflow or the DAG refuses.
    """
    conf = conf if isinstance(conf, Mapping) else {}
    if dag_id != TERMINATING_DAG:
        named = conf.get("replace_execution")
        return frozenset(replaced_executions(named)) if isinstance(named, str) else frozenset()
    named = conf.get("execution_id")
    return frozenset({named.strip()} - {""}) if isinstance(named, str) else frozenset()


def executions_of_runs(wish: Wish) -> frozenset[str]:
    """
    Ids of the executions that the runs act on that are started over.

    :param wish: the request.
    """
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
    return isinstance(dag_id, str) and (dag_id == TERMINATING_DAG or dag_id.startswith(DAG_ID_PREFIX))


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
