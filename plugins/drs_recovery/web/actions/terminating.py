"""Terminate the instances of an execution, by the DAG that does it; one request at a time."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from starlette.concurrency import run_in_threadpool

from drs_recovery.exceptions import TerminationRefusedError
from drs_recovery.store.keys import TERMINATING_DAG
from drs_recovery.termination.request import read_request
from drs_recovery.termination.targets import recorded_instances
from drs_recovery.web.actions.context import Acting
from drs_recovery.web.actions.refusals import (
    ActionTaken,
    demand_allowed,
    demand_unpaused,
    no_such_wave,
    seconds,
    taken,
    was_first,
)
from drs_recovery.web.airflow import path_of
from drs_recovery.web.allowed_actions import ActionKind, confirmation_of, wave_of
from drs_recovery.web.problems import Problem, conflict, invalid

_RUNS = path_of("dags", TERMINATING_DAG, "dagRuns")
_LIVE = ("queued", "running")

# A run that failed before it could record the request leaves its id taken.
_MOST_TRIES = 20

Run = Mapping[str, Any]


async def terminate(acting: Acting, waves: Sequence[int] | None, confirmation: str | None) -> ActionTaken:
    """
    Have instances of an execution that has ended terminated.

    :param acting: who wants it.
    :param waves: numbers of the waves whose instances are meant; None for all.
    :param confirmation: the plan's id, typed, for those of a real recovery.
    :raises Problem: nothing may be terminated, or it is asked for already.
    """
    demand_allowed(acting, ActionKind.TERMINATE)
    _demand_confirmation(acting, confirmation)
    for number in waves or ():
        if wave_of(acting.document, number) is None:
            raise no_such_wave(acting, number)
    conf = _conf(acting, waves)
    await run_in_threadpool(_demand_possible, acting, conf)
    await demand_unpaused(acting, TERMINATING_DAG)
    await _demand_none_under_way(acting, waves)
    run = await _trigger(acting, waves, conf)
    count = len(recorded_instances(acting.document, waves))
    return taken(
        acting,
        ActionKind.TERMINATE,
        f"Termination of the remaining instances ({count} on record) is requested. The record shows when "
        "they are gone, usually within minutes; until then they cost money.",
        dag_run_id=run["dag_run_id"],
    )


def _demand_confirmation(acting: Acting, confirmation: str | None) -> None:
    expected = confirmation_of(acting.document)
    if expected is not None and (confirmation or "").strip() != expected:
        detail = (
            "These are instances of a real recovery, which may be in use: type the id of the plan, "
            f'"{expected}", as confirmation.'
        )
        raise invalid(detail, [{"pointer": "/body/confirmation", "detail": detail}])


def _conf(acting: Acting, waves: Sequence[int] | None) -> dict[str, Any]:
    conf: dict[str, Any] = {"execution_id": acting.execution_id}
    if waves:
        conf["waves"] = sorted(set(waves))
    if plan_id := confirmation_of(acting.document):
        conf |= {"include_recovery": True, "confirmation": plan_id}
    return conf


def _demand_possible(acting: Acting, conf: Mapping[str, Any]) -> None:
    """Refuse what the DAG would refuse."""
    params = {"waves": None, "include_recovery": False, "confirmation": None, **conf}
    try:
        read_request(acting.store, conf, params, "", acting.rights.installation)
    except TerminationRefusedError as error:
        raise conflict(f"Nothing is terminated: {'; '.join(error.findings)}.") from error


async def _demand_none_under_way(acting: Acting, waves: Collection[int] | None) -> None:
    for run in await acting.airflow.pages(_RUNS, "dag_runs", state=_LIVE):
        conf = run["conf"] or {}
        if conf.get("execution_id") == acting.execution_id and _overlap(acting, conf.get("waves"), waves):
            raise _asked_before(run)


def _overlap(acting: Acting, named: Collection[int | str] | None, waves: Collection[int] | None) -> bool:
    """Whether two requests mean instances of the same wave; one may name waves by their names."""
    if not named or not waves:
        return True
    known = {str(entry) for entry in named}
    chosen = [wave for wave in acting.document["waves"] if wave["waveNumber"] in waves]
    return any(str(wave["waveNumber"]) in known or wave["waveName"] in known for wave in chosen)


async def _trigger(acting: Acting, waves: Sequence[int] | None, conf: Mapping[str, Any]) -> Run:
    """
    Trigger the DAG with an id that the same request made twice has twice, so that Airflow takes it once.

    :raises Problem: 409 naming who was quicker.
    """
    asked_before = len(acting.document.get("terminationRequests") or ())
    for number in range(asked_before, asked_before + _MOST_TRIES):
        run_id = _run_id(acting, waves, number)
        body = {"dag_run_id": run_id, "logical_date": None, "conf": dict(conf)}
        try:
            triggered: Run = await acting.airflow.call("POST", _RUNS, json=body)
        except Problem as problem:
            if problem.status_code != HTTPStatus.CONFLICT:
                raise
            other = await acting.airflow.call("GET", f"{_RUNS}{path_of(run_id)}")
            if other["state"] in _LIVE:
                raise _asked_before(other) from None
        else:
            return triggered
    raise conflict(f"Every run of {TERMINATING_DAG} for this execution ended immediately: check their logs.")


def _run_id(acting: Acting, waves: Sequence[int] | None, number: int) -> str:
    chosen = ",".join(str(wave) for wave in sorted(set(waves))) if waves else ""
    which = hashlib.sha256(chosen.encode()).hexdigest()[:12] if waves else "all"
    return f"console-{acting.execution_id}-{which}-{number}"


def _asked_before(run: Run) -> Problem:
    actor = str(run.get("triggering_user_name") or run["run_type"])
    return was_first("The termination was already requested", actor, seconds(run["queued_at"]))
