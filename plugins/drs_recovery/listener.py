"""
Write into the record who ends a DAG run by hand: "Mark run as failed", "Mark run as success", or by REST.

Airflow calls this in its API server, inside the request, and again in the scheduler when a run has ended. The
person stands in Airflow's audit log, in the row of that very request. Nothing here may fail or delay the
request: without it the last step of the run still sees that tasks were skipped, but not who did it.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from airflow.listeners import hookimpl

from drs_recovery.plan import DAG_ID_PREFIX

if TYPE_CHECKING:
    from airflow.models.dagrun import DagRun

_ENDED = frozenset({"success", "failed"})

# Airflow's names of the requests that end a run: its endpoints' functions.
_ONE_RUN, _MANY_RUNS = "patch_dag_run", "bulk_dag_runs"

# The row was written at the beginning of the request that we are in.
_ROW_AGE = timedelta(minutes=1)

# Seconds for which a request waits for the record; the writing goes on behind its back.
_PATIENCE = 5.0

log = logging.getLogger(__name__)


class Intent(NamedTuple):
    """Who ends a run, and why."""

    actor: str
    reason: str


@hookimpl
def on_dag_run_failed(dag_run: DagRun, msg: str) -> None:
    """Somebody marked a run as failed, or it has failed."""
    _record_intent(dag_run)


@hookimpl
def on_dag_run_success(dag_run: DagRun, msg: str) -> None:
    """Somebody marked a run as success, or it has succeeded."""
    _record_intent(dag_run)


def _record_intent(dag_run: DagRun) -> None:
    try:
        # Marked by hand, a run of ours goes on until its last task has ended.
        if not dag_run.dag_id.startswith(DAG_ID_PREFIX) or dag_run.state in _ENDED:
            return
        # A thread has its own database session: ours must not commit or break that of the request.
        arguments = (dag_run.dag_id, dag_run.run_id)
        writer = threading.Thread(target=_write, args=arguments, name="cancel-intent", daemon=True)
        writer.start()
        writer.join(_PATIENCE)
        if writer.is_alive():
            log.warning("%s/%s: the record does not show yet who ended the run", *arguments)
    except Exception:
        log.exception("the record does not show who ended a run")


def _write(dag_id: str, run_id: str) -> None:
    from drs_recovery.configured_store import execution_store
    from drs_recovery.exceptions import ExecutionNotFoundError, TransitionRefusedError
    from drs_recovery.installation import elsewhere, known_installation
    from drs_recovery.store import execution_id

    try:
        intent = _intent_of(dag_id, run_id)
        if intent is None:
            return
        store, execution = execution_store(), execution_id(dag_id, run_id)
        if reason := elsewhere(store.get_execution(execution), known_installation()):
            log.info("%s/%s was ended by hand, which changes nothing: %s", dag_id, run_id, reason)
            return
        store.ending.request_cancel(execution, *intent)
    except (ExecutionNotFoundError, TransitionRefusedError) as error:
        log.info("%s/%s was ended by hand: %s", dag_id, run_id, error)
    except Exception:
        log.exception("%s/%s: the record does not show who ended the run", dag_id, run_id)


def _intent_of(dag_id: str, run_id: str) -> Intent | None:
    """Find the request in Airflow's audit log; None if no person ended the run."""
    from airflow.models.log import Log
    from airflow.utils.session import create_session
    from sqlalchemy import and_, or_, select

    about_this_run = or_(
        and_(Log.event == _ONE_RUN, Log.dag_id == dag_id, Log.run_id == run_id), Log.event == _MANY_RUNS
    )
    rows = select(Log.owner, Log.extra, Log.dag_id).where(
        Log.dttm >= datetime.now(UTC) - _ROW_AGE, about_this_run
    )
    with create_session() as session:
        for owner, extra, path_dag_id in session.execute(rows.order_by(Log.id.desc())):
            body = _body_for(dag_id, run_id, json.loads(extra or "{}"), path_dag_id)
            if body.get("state") in _ENDED:
                return Intent(str(owner), _reason(body))
    return None


def _body_for(
    dag_id: str, run_id: str, request: Mapping[str, Any], path_dag_id: str | None
) -> Mapping[str, Any]:
    """
    What a request asks for a run: its body, or the part of it that names the run.

    Runs of several DAGs can have the same id, such as that of a ticket.

    :param path_dag_id: DAG of the request's address, for parts that name none; ``~`` there stands for any.
    """
    if "actions" not in request:
        return request
    updates = [action for action in request["actions"] if action.get("action") == "update"]
    entities = [one for action in updates for one in action.get("entities", []) if isinstance(one, dict)]
    named = [e for e in entities if (e.get("dag_id") or path_dag_id, e.get("dag_run_id")) == (dag_id, run_id)]
    # Named twice, Airflow does what is said last.
    return named[-1] if named else {}


def _reason(body: Mapping[str, Any]) -> str:
    return str(body.get("note") or f"the DAG run was marked as {body['state']}")
