"""Terminate the instances of an execution, by the DAG that does it; one request at a time."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Collection, Mapping, Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool

from drs_recovery.exceptions import TerminationRefusedError
from drs_recovery.store import TERMINATING_DAG, is_live
from drs_recovery.termination import read_request, recorded_instances
from drs_recovery.web.actions.refusals import (
    ActionTaken,
    demand_allowed,
    demand_unpaused,
    no_such_wave,
    run_is_gone,
    seconds,
    taken,
    warning,
    was_first,
)
from drs_recovery.web.airflow import path_of
from drs_recovery.web.allowed_actions import ActionKind, confirmation_of, wave_of
from drs_recovery.web.problems import Problem, conflict, invalid

if TYPE_CHECKING:
    from drs_recovery.web.actions.context import Acting

_RUNS = path_of("dags", TERMINATING_DAG, "dagRuns")
_LIVE = ("queued", "running")

# A run that failed before it could record the request leaves its id taken.
_MOST_TRIES = 20

Run = Mapping[str, Any]


async def terminate(acting: Acting, waves: Sequence[int] | None, confirmation: str | None) -> ActionTaken:
    """
    Have instances of an execution that has ended terminated.

    :param waves: numbers of the waves whose instances are meant; None for all.
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
            raise _already_requested(run)


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
                raise _already_requested(other) from None
        else:
            return triggered
    raise conflict(f"Every run of {TERMINATING_DAG} for this execution ended immediately: check their logs.")


def _run_id(acting: Acting, waves: Sequence[int] | None, number: int) -> str:
    chosen = ",".join(str(wave) for wave in sorted(set(waves))) if waves else ""
    which = hashlib.sha256(chosen.encode()).hexdigest()[:12] if waves else "all"
    return f"console-{acting.execution_id}-{which}-{number}"


def _already_requested(run: Run) -> Problem:
    actor = str(run.get("triggering_user_name") or run["run_type"])
    return was_first("The termination was already requested", actor, seconds(run["queued_at"]))


# Seconds for which a request waits until the record shows the cancellation, and between two looks.
PATIENCE = 5.0
_LOOK_INTERVAL = 0.25

_ENDED = frozenset({"success", "failed"})


async def cancel(acting: Acting, reason: str) -> ActionTaken:
    """
    Let nothing more of an execution start; its DRS jobs are followed to their end.

    :param reason: why; becomes the note of the DAG run.
    :raises Problem: it has ended or is ending, or somebody else was quicker.
    """
    demand_allowed(acting, ActionKind.CANCEL)
    try:
        run = await acting.airflow.call(
            "PATCH", acting.path_of_run(), json={"state": "failed", "note": reason}
        )
    except Problem as problem:
        if problem.status_code == HTTPStatus.NOT_FOUND:
            raise run_is_gone(acting) from None
        if problem.status_code != HTTPStatus.CONFLICT:
            raise
        # A run has one note: Airflow refuses the second of two people who write it in the same moment.
        return await _recorded(acting, refusal=problem)
    if run["state"] in _ENDED:
        # It was over before, or had not begun: no step of it is left that would close the record.
        return taken(acting, ActionKind.CANCEL, _CLOSED_BY_HOUSEKEEPING)
    return await _recorded(acting)


_CLOSED_BY_HOUSEKEEPING = (
    "The DAG run has ended in Airflow: nothing more starts. Housekeeping follows what still runs, and closes "
    "the record within about 15 minutes."
)


async def _recorded(acting: Acting, refusal: Problem | None = None) -> ActionTaken:
    """
    Answer when the record shows who cancelled.

    :param refusal: what Airflow said, if it did not take the request; holds if the record shows nobody.
    """
    until = time.monotonic() + PATIENCE
    while True:
        acting = await acting.reread()
        if cancel := acting.document.get("cancel"):
            break
        if time.monotonic() > until or not is_live(acting.document):
            if refusal:
                raise refusal
            return taken(acting, ActionKind.CANCEL, await _pending_outcome(acting))
        await asyncio.sleep(_LOOK_INTERVAL)
    if not acting.is_me(cancel["actor"]):
        raise was_first("The execution was cancelled already", cancel["actor"], cancel["time"])
    return taken(acting, ActionKind.CANCEL, _outcome(acting) + await warning(acting), time=cancel["time"])


async def _pending_outcome(acting: Acting) -> str:
    """The record shows no cancellation: it ended before, or cannot be written now."""
    if not is_live(acting.document):
        status = acting.document["status"]
        return f"It came too late to change anything: the execution has ended, it is {status}."
    return (
        "Airflow has taken it and ends the steps of the run; the record does not show it yet, and will when "
        "the last step has run." + await warning(acting)
    )


def _outcome(acting: Acting) -> str:
    running = [acting.label(number) for number in acting.document["activeWaves"]]
    if not running:
        return "The execution is cancelled: nothing more starts, and its record is closed within seconds."
    return (
        "The execution is cancelled: nothing more starts. DRS cannot cancel a job: what runs of "
        f"{' and '.join(running)} is followed to its end, and every instance that comes up is recorded."
    )
