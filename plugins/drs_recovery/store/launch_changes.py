"""
What a poll changes in a server's launch status, its history and the times of its launch, as pure functions.

Times are DRS's own where it tells them, so that they do not depend on when somebody looked; the time of the
look stands for one that it does not tell (yet).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from drs_recovery.statuses import JOB_PENDING, JOB_STARTED, LaunchOutcome, launch_outcome
from drs_recovery.store.expressions import Item
from drs_recovery.store.records import ServerSeen

# What DRS's log calls the moment at which a server gets a launch status.
_MOMENTS = {"IN_PROGRESS": "LAUNCH_START", "LAUNCHED": "LAUNCH_END"}

# How far a job is before its servers have a launch status of their own.
_OF_THE_JOB = (JOB_PENDING, JOB_STARTED)


def launch_changes(server: Item, seen: ServerSeen, now: float) -> Item:
    """
    Launch status, history and times of a server after a poll, changed or not.

    :param server: SERVER record.
    :param seen: what the poll saw of it.
    :param now: time of the poll.
    """
    status = seen.launch_status
    if status is None or not _moves_on(server["launchStatus"], status):
        status = None
    history = _with_job(server["transitionHistory"], seen.moments, now)
    changes = _times(server, seen.moments, status, now)
    if status is not None:
        changes["launchStatus"] = status
        history = [*history, _entry(status, seen.moments.get(_MOMENTS.get(status, status)), now)]
    return {**changes, "transitionHistory": history}


def _times(server: Item, moments: Mapping[str, float | None], status: str | None, now: float) -> Item:
    began, ended = moments.get("LAUNCH_START"), moments.get("LAUNCH_END")
    outcome = LaunchOutcome.FAILED if status is None else launch_outcome(status)
    times: Item = {}
    if began is not None:
        times["launchTime"] = began
    elif outcome is not LaunchOutcome.FAILED and "launchTime" not in server:
        times["launchTime"] = now
    if outcome is LaunchOutcome.LAUNCHED or "launchedTime" in server:
        times["launchedTime"] = server.get("launchedTime", now) if ended is None else ended
    return times


def _with_job(history: Sequence[Item], moments: Mapping[str, float | None], now: float) -> list[Item]:
    """The history with how far the job of the newest attempt is; each attempt begins with PENDING."""
    statuses = [entry["status"] for entry in history]
    begun = max((at for at, status in enumerate(statuses) if status == JOB_PENDING), default=0)
    known = set(statuses[begun:])
    # The launch status itself has moved on, perhaps before releases wrote down the job.
    if known.difference(_OF_THE_JOB):
        return list(history)
    missing = [status for status in _OF_THE_JOB if status in moments and status not in known]
    return [*history, *(_entry(status, moments[status], now) for status in missing)]


def _entry(status: str, moment: float | None, now: float) -> Item:
    return {"status": status, "timestamp": now if moment is None else moment}


def _moves_on(stored: str, seen: str) -> bool:
    """PENDING comes first, a final state stays final, and only TERMINATED can follow one."""
    between_running_states = stored != seen and _launch_rank(stored) == _launch_rank(seen) == 1
    return between_running_states or _launch_rank(seen) > _launch_rank(stored)


def _launch_rank(status: str) -> int:
    if status == "PENDING":
        return 0
    if status == "TERMINATED":
        return 3
    return 1 if launch_outcome(status) is LaunchOutcome.RUNNING else 2
