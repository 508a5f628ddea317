"""Try a failed wave again: its tasks are cleared in Airflow, once for however many people ask."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from starlette.concurrency import run_in_threadpool

from drs_recovery.exceptions import WaveRefusedError
from drs_recovery.opening import PointOption, check_reopening
from drs_recovery.plan import BEFORE, task_ids
from drs_recovery.store import RetryRequest, WaveRef, attempt_of, step_holds
from drs_recovery.waves import check_dependencies, refused_gate
from drs_recovery.web.actions.context import Acting, turn
from drs_recovery.web.actions.refusals import (
    ActionTaken,
    demand_allowed,
    demand_unpaused,
    run_is_gone,
    taken,
    warning,
    was_first,
)
from drs_recovery.web.airflow import path_of
from drs_recovery.web.allowed_actions import ActionKind, wave_of
from drs_recovery.web.problems import Problem, conflict, invalid

# States of a task that will not run any more unless somebody clears it.
_ENDED = frozenset({"success", "failed", "upstream_failed", "skipped", "removed"})


async def retry(
    acting: Acting, number: int, reason: str | None, point_in_time: PointOption = None
) -> ActionTaken:
    """
    Begin a new attempt at the failed servers of a wave, also when the execution has ended.

    :param point_in_time: other data for the servers that start again.
    :raises Problem: it may not begin now, or somebody else was quicker.
    """
    demand_allowed(acting, ActionKind.RETRY, number)
    _demand_servers(acting, number, point_in_time)
    async with turn(acting) as now:
        request = await _standing_request(now, number, reason, point_in_time)
    if not acting.is_me(request["actor"]):
        raise _already_requested(number, request)
    return taken(
        acting,
        ActionKind.RETRY,
        f"Attempt {_next_attempt(acting, number)} at {acting.label(number)} is requested: it begins within "
        f"seconds, for the servers that failed or were never started.{await warning(acting)}",
        wave=number,
        time=request["time"],
    )


def _demand_servers(acting: Acting, number: int, point_in_time: PointOption) -> None:
    """Refuse snapshots of servers that the wave does not have: perhaps a slip in an id."""
    if isinstance(point_in_time, Mapping):
        wave = wave_of(acting.document, number)
        known = {server["sourceServerId"] for server in wave["serverStatuses"]} if wave else set()
        if unknown := sorted(set(point_in_time) - known):
            raise invalid(f"pointInTime names {', '.join(unknown)}: no server of {acting.label(number)}")


async def _standing_request(
    acting: Acting, number: int, reason: str | None, point_in_time: PointOption
) -> RetryRequest:
    """The request on record for the next attempt: that of this person, or of whoever was quicker."""
    demand_allowed(acting, ActionKind.RETRY, number)
    await run_in_threadpool(_demand_startable, acting, number)
    await demand_unpaused(acting, acting.dag_id)
    task_id = f"{acting.plan.group_task_id(number)}.{_first_task(acting, number)}"
    if pending := await _pending_request(acting, number, task_id):
        return pending
    cleared = await _clear(acting, task_id)
    request, _ = await run_in_threadpool(
        acting.store.retries.request,
        WaveRef(acting.execution_id, number),
        acting.actor,
        cleared["max_tries"],
        reason,
        point_in_time,
    )
    return request


def _first_task(acting: Acting, number: int) -> str:
    """The task from which the wave runs again: its first step before the launch that failed, if one did."""
    wave = wave_of(acting.document, number)
    steps = [step for step in wave.get("steps", ()) if step["side"] == BEFORE] if wave else []
    open_steps = [step["stepNumber"] for step in steps if not step_holds(step)]
    if not open_steps:
        return task_ids.START
    return task_ids.step_tasks(acting.plan, number, BEFORE)[open_steps[0] - 1]


def _demand_startable(acting: Acting, number: int) -> None:
    """Refuse what the first step of the wave would refuse: people hear of it now, and nothing is cleared."""
    document = acting.document
    if reason := refused_gate(document):
        raise conflict(f"Nothing is tried again: {reason}. Start a new execution.")
    try:
        check_dependencies(document, acting.plan, number)
        check_reopening(acting.store, document)
    except WaveRefusedError as error:
        raise conflict(str(error)) from error


async def _pending_request(acting: Acting, number: int, task_id: str) -> RetryRequest | None:
    """
    The request for which the wave's tasks were cleared already and have not run yet; None if they were not.

    :raises Problem: 409 if they were cleared in Airflow, past the console.
    """
    task = await _call(acting, "GET", acting.path_of_run("taskInstances", task_id))
    if task["state"] in _ENDED:
        return None
    wave = wave_of(acting.document, number)
    request = wave.get("retryRequest") if wave else None
    if request and request["askedBy"] == task["max_tries"]:
        return request
    state = task["state"] or "about to run"
    raise conflict(f"Wave {number} was already cleared in Airflow: its first task is {state}.")


async def _clear(acting: Acting, task_id: str) -> Mapping[str, Any]:
    """Clear the first task of the wave and all behind it; the first one as it is then."""
    body = {
        "dry_run": False,
        "dag_run_id": acting.run_id,
        "task_ids": [task_id],
        "include_downstream": True,
        "only_failed": False,
        "reset_dag_runs": True,
        # The last task of the run may be following jobs: it is not killed for this.
        "prevent_running_task": True,
    }
    answer = await _call(acting, "POST", path_of("dags", acting.dag_id, "clearTaskInstances"), json=body)
    cleared: Mapping[str, Any] = next(t for t in answer["task_instances"] if t["task_id"] == task_id)
    return cleared


async def _call(acting: Acting, method: str, path: str, **request: Any) -> Any:
    try:
        return await acting.airflow.call(method, path, **request)
    except Problem as problem:
        if problem.status_code == HTTPStatus.NOT_FOUND:
            raise run_is_gone(acting) from None
        if problem.status_code == HTTPStatus.CONFLICT:
            raise conflict("A task of the execution is running: try again in a few seconds.") from None
        raise


def _already_requested(number: int, request: RetryRequest) -> Problem:
    return was_first(
        f"A new attempt at wave {number} was already requested", request["actor"], request["time"]
    )


def _next_attempt(acting: Acting, number: int) -> int:
    return attempt_of(wave_of(acting.document, number) or {}) + 1
