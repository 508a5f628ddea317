"""
Who goes first when executions want the same plan or the same servers.

A real recovery never waits behind a drill: once it may start, it cancels the drills in its way, and waits
only for DRS jobs that hold its own servers. A drill never disturbs a real recovery, and of each type one
execution of a plan lives at a time.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from drs_recovery.exceptions import ExecutionNotFoundError, TransitionRefusedError, WaveRefusedError
from drs_recovery.hooks import AWS_ERRORS, Clients, Target
from drs_recovery.plan import plan_from_snapshot
from drs_recovery.statuses import ExecutionType, WaveStatus
from drs_recovery.store import ended_as_planned, named

if TYPE_CHECKING:
    from drs_recovery.store import Execution, ExecutionDocument, ExecutionStore, WaveRecord


log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Obstacle:
    """Why an execution may not run."""

    reason: str
    is_recovery: bool


def second_of_plan(store: ExecutionStore, execution: Execution) -> Obstacle | None:
    """
    Claim the plan for an execution, or say which other one is in its way.

    :return: why it may not run; None if it may.
    """
    other = store.locks.hold_plan(execution["executionId"], execution)
    if other is None:
        return None
    return Obstacle(_in_the_way(other), is_recovery=other["executionType"] == ExecutionType.RECOVERY)


def _in_the_way(other: Execution) -> str:
    return (
        f"plan {other['planName']} has a live {other['executionType']}: {named(other)}. Wait for its end, "
        "or cancel it (mark its DAG run as failed), then start again"
    )


def disturbed_recovery(store: ExecutionStore, document: ExecutionDocument) -> Obstacle | None:
    """
    Say which live recovery a drill would disturb: of any plan, with a server of the drill.

    To be asked after the drill's servers are on record: of two that open at the same time, one sees the
    other.

    :return: why it may not run; None if it may, or is no drill.
    """
    if not document["isDrill"]:
        return None
    servers = _servers_of(document)
    for other in _live_documents(store, document["executionId"], ExecutionType.RECOVERY):
        if shared := sorted(servers.keys() & _servers_of(other)):
            names = ", ".join(f"{servers[server_id]} ({server_id})" for server_id in shared)
            reason = (
                f"a real recovery of plan {other['planName']} uses {names}: {named(other)}. A drill never "
                "disturbs a recovery: start it again when that recovery has ended"
            )
            return Obstacle(reason, is_recovery=True)
    return None


@dataclass(frozen=True)
class Need:
    """Why the instances of an execution stay for the moment: a termination holds their servers."""

    execution_id: str
    reason: str


def needed_by(
    store: ExecutionStore,
    document: Execution,
    server_ids: Collection[str],
    kinds: Iterable[ExecutionType],
) -> Need | None:
    """
    Say which live execution would have to wait for the end of an execution's instances.

    DRS allows a server one job: while one terminates its instance, no recovery of it starts.

    :return: the first one; None if nobody has to wait.
    """
    for kind in kinds:
        for other in _live_documents(store, document["executionId"], kind):
            servers = _servers_of(other)
            shared = sorted(servers.keys() & set(server_ids))
            # One that is being opened may not have all of its servers on record yet.
            if shared or (other["planId"] == document["planId"] and "admittedTime" not in other):
                names = ", ".join(f"{servers[one]} ({one})" for one in shared) or "servers of this plan"
                reason = (
                    f"a live {kind} of plan {other['planName']} needs {names}: execution "
                    f"{other['executionId']} (DAG run {other['dagRunId']} of {other['dagId']}). "
                    "A termination would hold them: it has to wait until that execution has ended"
                )
                return Need(other["executionId"], reason)
    return None


def busy_place(store: ExecutionStore, clients: Clients, execution_id: str) -> Obstacle | None:
    """
    Say which live recovery, of any plan, is at work in an account and Region of an execution.

    A scheduled drill keeps away from there altogether; one that people start does so only if they want it.

    :return: why it may not run; None if it may.
    :raises botocore errors: AWS does not tell now which account it is.
    """
    mine = _targets_of(store.get_document(execution_id))
    for other in _live_documents(store, execution_id, ExecutionType.RECOVERY):
        theirs = _targets_of(other)
        shared = sorted(target for target in mine if any(_is_same(clients, target, one) for one in theirs))
        if shared:
            where = " and ".join(f"{target.region} (connection {target.connection})" for target in shared)
            reason = (
                f"a real recovery of plan {other['planName']} runs in {where}: {named(other)}. A scheduled "
                "drill keeps out of its way"
            )
            return Obstacle(reason, is_recovery=True)
    return None


def make_way(store: ExecutionStore, execution_id: str, document: ExecutionDocument | None = None) -> None:
    """
    Let an execution go first that may start now: a recovery cancels the drills in its way.

    Safe to call before every start: what is cancelled already is left alone.

    :param document: its document if it was just read.
    :raises WaveRefusedError: another execution of the plan is in its way, such as after it was reopened.
    """
    document = document or store.get_document(execution_id)
    other = store.locks.hold_plan(execution_id, document)
    # A recovery that nobody approved yet stops no drill; when it starts, it cancels the drill.
    if other is not None and (other["executionType"] == document["executionType"] or "startTime" in other):
        raise WaveRefusedError(f"nothing is started: {_in_the_way(other)}")
    if document["isDrill"]:
        return
    servers = _servers_of(document)
    for drill in _live_documents(store, execution_id, ExecutionType.DRILL):
        if drill["planId"] == document["planId"] or servers.keys() & _servers_of(drill):
            _preempt(store, drill, document)


def check_reopening(store: ExecutionStore, execution: Execution) -> None:
    """
    Demand that an execution that has ended is in nobody's way when a wave of it is tried again.

    :raises WaveRefusedError: another execution of the plan lives, or a drill has servers of a recovery that
        does.
    """
    if not execution["status"].is_final:
        return
    other = store.locks.in_the_way(execution["executionId"])
    if other is not None:
        raise WaveRefusedError(f"nothing is started: {_in_the_way(other)}")
    if obstacle := disturbed_recovery(store, store.get_document(execution["executionId"])):
        raise WaveRefusedError(f"nothing is started: {obstacle.reason}")


def _preempt(store: ExecutionStore, drill: ExecutionDocument, recovery: ExecutionDocument) -> None:
    try:
        if store.ending.preempt(drill["executionId"], recovery["executionId"]):
            log.warning("execution %s cancels %s", recovery["executionId"], named(drill))
    except TransitionRefusedError:
        log.info("execution %s: %s had already ended", recovery["executionId"], named(drill))


def _live_documents(store: ExecutionStore, execution_id: str, kind: ExecutionType) -> list[ExecutionDocument]:
    """The other live executions of a type; a dry run launches nothing and disturbs nobody."""
    documents: list[ExecutionDocument] = []
    for item in store.listings.live(kind):
        if item.get("dryRun") or item["executionId"] == execution_id:
            continue
        try:
            documents.append(store.get_document(item["executionId"]))
        except ExecutionNotFoundError:
            log.info("execution %s was removed meanwhile", item["executionId"])
    return documents


def _servers_of(document: ExecutionDocument) -> dict[str, str]:
    """Names by source server id of the servers of an execution, but for those of waves that were left out."""
    return {
        server["sourceServerId"]: server["serverName"]
        for wave in document["waves"]
        if not _is_left_out(wave)
        for server in wave["serverStatuses"]
    }


def _targets_of(document: ExecutionDocument) -> set[Target]:
    """Where an execution recovers servers, also when they are not found yet."""
    plan = plan_from_snapshot(document["planSnapshot"])
    return {
        Target(group.connection, group.region)
        for wave in document["waves"]
        if not _is_left_out(wave)
        for _, group in plan.groups_of(wave["waveNumber"])
    }


def _is_same(clients: Clients, one: Target, other: Target) -> bool:
    """Whether two connections lead to the same account and Region."""
    if one.region != other.region:
        return False
    return one == other or _account_of(clients, one) == _account_of(clients, other)


def _account_of(clients: Clients, target: Target) -> str:
    try:
        return clients.at(*target).account
    except AWS_ERRORS as error:
        error.add_note(f"account of connection {target.connection}")
        raise


def _is_left_out(wave: WaveRecord) -> bool:
    """A wave that was passed over because of a failure runs when that one is tried again."""
    return bool(wave["status"] == WaveStatus.SKIPPED) and ended_as_planned(wave)
