"""Cancel an execution, as "Mark run as failed" does; the listener in this very process records who did it."""

from __future__ import annotations

import asyncio
import time
from http import HTTPStatus

from drs_recovery.web.actions.context import Acting
from drs_recovery.web.actions.refusals import (
    ActionTaken,
    demand_allowed,
    run_is_gone,
    taken,
    warning,
    was_first,
)
from drs_recovery.web.allowed_actions import ActionKind, is_live
from drs_recovery.web.problems import Problem

# Seconds for which a request waits until the record shows the cancellation, and between two looks.
PATIENCE = 5.0
_LOOK_INTERVAL = 0.25

_ENDED = frozenset({"success", "failed"})


async def cancel(acting: Acting, reason: str) -> ActionTaken:
    """
    Let nothing more of an execution start; its DRS jobs are followed to their end.

    :param acting: who cancels what.
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
        acting = await acting.looked_again()
        if cancel := acting.document.get("cancel"):
            break
        if time.monotonic() > until or not is_live(acting.document):
            if refusal:
                raise refusal
            return taken(acting, ActionKind.CANCEL, await _asked(acting))
        await asyncio.sleep(_LOOK_INTERVAL)
    if not acting.is_me(cancel["actor"]):
        raise was_first("The execution was cancelled already", cancel["actor"], cancel["time"])
    return taken(acting, ActionKind.CANCEL, _outcome(acting) + await warning(acting), time=cancel["time"])


async def _asked(acting: Acting) -> str:
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
