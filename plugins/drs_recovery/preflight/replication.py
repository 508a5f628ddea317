"""Check the replication of source servers, and whether a native DRS plan execution holds them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import botocore

from drs_recovery.durations import words
from drs_recovery.preflight.findings import Check, Severity
from drs_recovery.preflight.servers import ResolvedServer, replication_lag

if TYPE_CHECKING:
    from drs_recovery.hooks import DrsHook, Target

# Source: ``DataReplicationState`` in botocore's drs/2020-02-26 model. States in which new data arrives, and
# for every other one what is wrong and what to do. Without new data a server is recovered to its last
# snapshot, if it has one.
REPLICATING = frozenset({"CONTINUOUS", "CREATING_SNAPSHOT", "BACKLOG", "RESCAN"})
NOT_REPLICATING: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "STOPPED": ("replication is STOPPED", "start it again in the DRS console"),
        "INITIATING": ("replication is only INITIATING", "wait until its state is CONTINUOUS"),
        "INITIAL_SYNC": ("its INITIAL_SYNC has not ended", "wait until its state is CONTINUOUS"),
        "PAUSED": ("replication is PAUSED", "resume it in the DRS console"),
        "STALLED": ("replication is STALLED", "fix the problem that the DRS console shows for the server"),
        "DISCONNECTED": (
            "its agent is DISCONNECTED",
            "start the server or its replication agent, or restore the network to the staging area",
        ),
    }
)

# Tells whether a source server has a recovery snapshot; None when that cannot be found out.
HasSnapshot = Callable[[str], bool | None]

# Stopping deletes the snapshots; the other two may never have had one.
_MAY_LACK_SNAPSHOTS = frozenset({"STOPPED", "INITIATING", "INITIAL_SYNC"})

_EXTENSION_ERROR = "EXTENSION_ERROR"


def replication_checks(
    found: ResolvedServer, rpo: timedelta | None, has_snapshot: HasSnapshot
) -> Iterator[Check]:
    """
    Judge the replication of one server.

    :param rpo: how old its data may be, if the plan says so.
    :param has_snapshot: asked only where it is doubtful.
    """
    staging = found.described.get("stagingArea") or {}
    if staging.get("status") == _EXTENSION_ERROR:
        what = f"its staging area is in {_EXTENSION_ERROR}{_after_colon(staging.get('errorMessage'))}"
        remedy = "restore access to the staging account; until then it cannot be recovered"
        yield _check(found, Severity.PREVENTS, what, remedy)
    replication = found.described.get("dataReplicationInfo") or {}
    state = replication.get("dataReplicationState")
    if state in NOT_REPLICATING:
        yield _not_replicating(found, replication, has_snapshot)
    elif rpo is not None and (late := _lateness(found, rpo)):
        yield _check(found, Severity.NOTABLE, late, "check its replication in the DRS console")
    if state not in NOT_REPLICATING and state not in REPLICATING:
        what = f"its replication state is {state or 'not reported by DRS'}"
        yield _check(found, Severity.NOTABLE, what, "check its replication in the DRS console")


def _not_replicating(
    found: ResolvedServer, replication: Mapping[str, Any], has_snapshot: HasSnapshot
) -> Check:
    what, remedy = NOT_REPLICATING[replication["dataReplicationState"]]
    what += _error_of(replication) + _age_of(found)
    doubtful = replication["dataReplicationState"] in _MAY_LACK_SNAPSHOTS or _never_synced(replication)
    has_one = has_snapshot(found.server.source_server_id) if doubtful else True
    if has_one is None:
        what += "; whether DRS has a recovery snapshot of it could not be read"
    elif not has_one:
        what += "; DRS has no recovery snapshot of it, it cannot be recovered"
    return _check(found, Severity.PREVENTS if has_one is False else Severity.ENDANGERS, what, remedy)


def _lateness(found: ResolvedServer, rpo: timedelta) -> str | None:
    lag = replication_lag(found.described)
    objective = f"the plan's RPO of {words(rpo.total_seconds())}"
    if lag is None:
        return f"DRS does not report the age of its data, so it cannot be compared with {objective}"
    return f"its data is {words(lag.total_seconds())} old, more than {objective}" if lag > rpo else None


def _age_of(found: ResolvedServer) -> str:
    lag = replication_lag(found.described)
    return f", its newest data is {words(lag.total_seconds())} old" if lag else ""


def _error_of(replication: Mapping[str, Any]) -> str:
    error = replication.get("dataReplicationError") or {}
    told = ": ".join(str(error[key]) for key in ("error", "rawError") if error.get(key))
    return f" ({told})" if told else ""


def _never_synced(replication: Mapping[str, Any]) -> bool:
    """Whether a disk was never replicated completely, as far as DRS tells."""
    return any(
        disk.get("replicatedStorageBytes", 0) < disk.get("totalStorageBytes", 0)
        for disk in replication.get("replicatedDisks") or ()
    )


def _after_colon(text: str | None) -> str:
    return f": {text}" if text else ""


def _check(found: ResolvedServer, severity: Severity, what: str, remedy: str) -> Check:
    return Check(severity, what, remedy, found.server, found.wave_number)


# ``RecoveryPlanExecutionStatus`` of botocore's drs model: in these an execution still starts jobs.
_STARTING = ("CREATED", "IN_PROGRESS")


def native_checks(drs: DrsHook, target: Target, servers: Sequence[ResolvedServer]) -> Iterator[Check]:
    """
    Look for servers in executions of DRS's own recovery plans.

    :param target: where the servers are.
    :raises botocore errors: DRS does not tell.
    """
    if not drs.knows_native_plans:
        yield _native_plans_unknown(target)
        return
    for execution in (one for status in _STARTING for one in drs.native_executions(status)):
        held = _servers_of(drs.native_steps(execution["recoveryPlanExecutionArn"]))
        for found in servers:
            if found.server.source_server_id in held:
                yield _held(execution, found)


def _native_plans_unknown(target: Target) -> Check:
    what = (
        f"executions of DRS's own recovery plans are not checked in {target.region} (connection "
        f"{target.connection}): the botocore that is installed, {botocore.__version__}, does not know them"
    )
    remedy = (
        "make sure that no plan of DRS's own runs with these servers; a newer boto3, if your Airflow "
        "allows it, checks that"
    )
    return Check(Severity.NOTABLE, what, remedy)


def _servers_of(steps: Sequence[Mapping[str, Any]]) -> set[str]:
    """Source server ids in any step: DRS lets no other plan of its own have them meanwhile either."""
    return {
        str(server["serverArn"]).rpartition("/")[2]
        for step in steps
        for server in _configuration(step).get("servers") or ()
        if "serverArn" in server
    }


def _configuration(step: Mapping[str, Any]) -> Mapping[str, Any]:
    return (step.get("configuration") or {}).get("executionServerStepConfiguration") or {}


def _held(execution: Mapping[str, Any], found: ResolvedServer) -> Check:
    plan = str(execution.get("recoveryPlanArn", "")).rpartition("/")[2]
    what = (
        f"it is held by a {execution.get('mode', 'running')} of DRS's own recovery plan {plan} "
        f"({execution['recoveryPlanExecutionArn']}), which is {execution.get('status')}"
    )
    remedy = "wait for its end, or cancel it in the DRS console: its steps start jobs with this server"
    return _check(found, Severity.ENDANGERS, what, remedy)
