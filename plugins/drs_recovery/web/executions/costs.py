"""Show instances that run and cost money, since when, and when they go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from drs_recovery.durations import words
from drs_recovery.store import has_instances_left, is_live, jobs_run, termination_time
from drs_recovery.web.shared import (
    JobRow,
    Sentence,
    Timestamp,
    compose,
    counted,
    instances_by_region,
    job_rows,
    last_checked,
    listed,
    places_of,
    regions_of,
    seen_running,
    standing_request,
    timestamp_if,
)

if TYPE_CHECKING:
    from drs_recovery.store import ExecutionDocument


class InstancesState(StrEnum):
    """What is true of the instances of an execution; the page picks an icon and a colour by it."""

    NONE = "none"
    RUNNING = "running"
    TERMINATING = "terminating"
    TERMINATION_FAILED = "termination-failed"
    TERMINATED = "terminated"


@dataclass(frozen=True)
class RunningInstances:
    """
    The instances that an execution launched, of all its attempts, and that are neither gone nor replaced.

    :param since: when the first of those that were seen running was launched, as far as known.
    :param sentence: how many run where since when, and that they cost money; or that none does.
    :param cleanup: when and by whom they are terminated, or that nobody does it; empty if nothing is left.
    """

    state: InstancesState
    count: int
    since: Timestamp | None
    may_grow: bool
    sentence: Sentence
    cleanup: Sentence
    problem: str | None
    jobs: tuple[JobRow, ...]


def running_instances(document: ExecutionDocument, now: float) -> RunningInstances:
    """The instances that an execution launched and that were not seen to be gone."""
    regions = instances_by_region(document)
    begun = [server.get("launchedTime", server.get("launchTime")) for server in seen_running(document)]
    since = min((time for time in begun if time is not None), default=None)
    count = sum(regions.values())
    state = _state(document, count)
    return RunningInstances(
        state=state,
        count=count,
        since=timestamp_if(since),
        may_grow=may_grow(document),
        sentence=_sentence(document, regions, since),
        cleanup=_cleanup(document, state, count, now) if count else compose(),
        problem=document.get("terminationError") if state is InstancesState.TERMINATION_FAILED else None,
        jobs=job_rows(document.get("terminateJobs", ())),
    )


def may_grow(document: ExecutionDocument) -> bool:
    """Whether DRS jobs were running when last seen: there may be instances without a record."""
    return any(map(jobs_run, document["waves"]))


def _state(document: ExecutionDocument, count: int) -> InstancesState:
    if document.get("instancesTerminated"):
        return InstancesState.TERMINATED
    if not count:
        return InstancesState.NONE
    if document.get("terminationError"):
        return InstancesState.TERMINATION_FAILED
    return InstancesState.TERMINATING if standing_request(document) else InstancesState.RUNNING


def _sentence(document: ExecutionDocument, regions: Mapping[str, int], since: float | None) -> Sentence:
    if document.get("instancesTerminated"):
        return compose(
            "Nothing of it runs any more: its instances are terminated",
            *_when(document.get("terminatedTime")),
        )
    if not regions:
        return compose(_no_instances(document), *_still_to_come(document))
    seen = regions_of(seen_running(document))
    unseen = sum(regions.values()) - sum(seen.values())
    told = _running(document, seen, since) if seen else _unseen(document, regions, unseen)
    more = f" {unseen} more {_verb(unseen)} on record and not seen running." if seen and unseen else ""
    return compose(told, more, *_still_to_come(document))


def _running(document: ExecutionDocument, seen: Mapping[str, int], since: float | None) -> Sentence:
    count = sum(seen.values())
    begin = compose(", the first of them since ", since) if since is not None else compose()
    costs = "runs and costs" if count == 1 else "run and cost"
    return compose(
        f"{_counted(document, count)} {costs} money: {places_of(seen)}", begin, *_checked(document), "."
    )


def _unseen(document: ExecutionDocument, regions: Mapping[str, int], count: int) -> Sentence:
    text = f"{_counted(document, count)} {_verb(count)} on record and not seen running: {places_of(regions)}"
    return compose(text, *_checked(document), "; what is there costs money.")


def _counted(document: ExecutionDocument, count: int) -> str:
    if document["isDrill"]:
        return counted(count, "drill instance")
    return counted(count, "instance of the real recovery", "instances of the real recovery")


def _verb(count: int) -> str:
    return "is" if count == 1 else "are"


def _checked(document: ExecutionDocument) -> tuple[str | float, ...]:
    checked = last_checked(document)
    return ("; when that was last checked is not known",) if checked is None else ("; last checked ", checked)


def _when(time: float | None) -> tuple[str | float, ...]:
    return (".",) if time is None else (", ", time, ".")


def _still_to_come(document: ExecutionDocument) -> tuple[str, ...]:
    """A record is closed at last although a job runs on; what it launches is on no record yet."""
    if is_live(document) or not may_grow(document):
        return ()
    return (" DRS jobs had not ended when they were last seen: they may have launched more since.",)


def _no_instances(document: ExecutionDocument) -> str:
    if any("terminatedTime" in server for wave in document["waves"] for server in wave["serverStatuses"]):
        return "Every instance on record is terminated; that nothing is left is being confirmed."
    if has_instances_left(document):
        return "Nothing of it is known to run: its instances are gone, or a later launch replaced them."
    if document.get("dryRun"):
        return "A dry run launches nothing."
    if is_live(document):
        return "No instance is on record yet."
    return "No instance of it is on record." if may_grow(document) else "It left no instance."


def _cleanup(document: ExecutionDocument, state: InstancesState, count: int, now: float) -> Sentence:
    they, are = ("It", "is") if count == 1 else ("They", "are")
    if state is InstancesState.TERMINATION_FAILED:
        return compose("They were to be terminated, and not every one could be.")
    if request := standing_request(document):
        who = f"requested by {request['actor']}, "
        if waves := request.get("waves"):
            numbers = listed([str(number) for number in waves])
            which = f"Those of wave{'' if len(waves) == 1 else 's'} {numbers} are being terminated"
            return compose(f"{which}: {who}", request["time"], ".")
        return compose(f"{they} {are} being terminated: {who}", request["time"], ".")
    if not document["isDrill"]:
        return compose("Nothing is terminated automatically: what becomes of it is yours to decide.")
    if document.get("keepInstances"):
        return compose("Nothing is terminated automatically: the drill was started with keep_instances.")
    if is_live(document):
        return _after_the_end(document, f"{they} {are}")
    return _due(document, f"{they} {are}", now)


def _due(document: ExecutionDocument, they_are: str, now: float) -> Sentence:
    due = document.get("terminateAfter")
    if due is None:
        return compose("Nothing is terminated automatically: the plan keeps the instances of its drills.")
    if now < due:
        return compose(f"{they_are} terminated automatically within ten minutes of ", due, ".")
    return compose("Cleanup has been due since ", due, ": housekeeping runs every ten minutes.")


def _after_the_end(document: ExecutionDocument, they_are: str) -> Sentence:
    seconds = termination_time(document, 0.0)
    if seconds is None:
        return compose("Nothing is terminated automatically: the plan keeps the instances of its drills.")
    when = f"{words(seconds)} after the drill's end" if seconds else "as soon as the drill has ended"
    return compose(f"{they_are} terminated automatically {when}.")
