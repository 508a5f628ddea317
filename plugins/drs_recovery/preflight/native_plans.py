"""Is a server held by an execution of one of DRS's own recovery plans, whose steps would launch it?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from drs_recovery.preflight.findings import Concern, Gravity

if TYPE_CHECKING:
    from drs_recovery.hooks.drs import DrsHook
    from drs_recovery.preflight.servers import ResolvedServer

# ``RecoveryPlanExecutionStatus`` of botocore's drs model: in these an execution still starts jobs.
_STARTING = ("CREATED", "IN_PROGRESS")


def native_concerns(drs: DrsHook, servers: Sequence[ResolvedServer]) -> Iterator[Concern]:
    """
    Look for servers in executions of DRS's own recovery plans.

    :param drs: DRS in the place of the servers.
    :param servers: of the chosen waves.
    :raises botocore errors: DRS does not tell.
    """
    for execution in (one for status in _STARTING for one in drs.native_executions(status)):
        held = _servers_of(drs.native_steps(execution["recoveryPlanExecutionArn"]))
        for found in servers:
            if found.server.source_server_id in held:
                yield _concern(execution, found)


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


def _concern(execution: Mapping[str, Any], found: ResolvedServer) -> Concern:
    plan = str(execution.get("recoveryPlanArn", "")).rpartition("/")[2]
    what = (
        f"it is held by a {execution.get('mode', 'running')} of DRS's own recovery plan {plan} "
        f"({execution['recoveryPlanExecutionArn']}), which is {execution.get('status')}"
    )
    remedy = "wait for its end, or cancel it in the DRS console: its steps start jobs with this server"
    return Concern(Gravity.ENDANGERS, what, remedy, found.server, found.wave_number)
