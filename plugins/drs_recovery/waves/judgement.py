"""Judge a wave from its records: did it reach its success condition, and which servers failed why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from drs_recovery.durations import moment
from drs_recovery.exceptions import ServerFailure, WaveRefusedError
from drs_recovery.plan.model import SuccessRule
from drs_recovery.statuses import ServerPhase
from drs_recovery.waves import post_launch


def wave_label(wave: Mapping[str, Any]) -> str:
    """``2 "Application"``: how messages name a wave."""
    return f'{wave["waveNumber"]} "{wave["waveName"]}"'


def wave_of(document: Mapping[str, Any], number: int) -> Mapping[str, Any]:
    """
    One wave of the execution.

    :raises WaveRefusedError: the execution was opened without this wave: the plan's graph changed meanwhile.
    """
    for wave in document["waves"]:
        if wave["waveNumber"] == number:
            found: Mapping[str, Any] = wave
            return found
    raise WaveRefusedError(
        f"the execution has no wave {number}: the plan file was changed after the execution was opened with "
        f"{len(document['waves'])} waves. Start a new execution to run the changed plan"
    )


def has_launched(server: Mapping[str, Any]) -> bool:
    """
    Whether a server launched and its required post-launch actions are done: only EC2 details are to come.

    :param server: SERVER record.
    """
    phase = ServerPhase(server["phase"])
    actions_done = server.get("postLaunchActionsStatus") in post_launch.DONE
    return phase is ServerPhase.LAUNCHED or (phase is ServerPhase.POST_LAUNCH and actions_done)


def needs_no_more_polls(server: Mapping[str, Any]) -> bool:
    """
    Whether the server's job has nothing to add.

    :param server: SERVER record.
    """
    return has_launched(server) or ServerPhase(server["phase"]).is_end


def failures_of(servers: Sequence[Mapping[str, Any]]) -> tuple[ServerFailure, ...]:
    """The failed servers of a wave, from its SERVER records."""
    return tuple(
        ServerFailure(
            server_id=server["sourceServerId"],
            name=server["serverName"],
            reason=server.get("error") or "no reason is known",
            critical=bool(server["critical"]),
        )
        for server in servers
        if server["phase"] == ServerPhase.FAILED
    )


def shortfall(rule: SuccessRule, servers: Sequence[Mapping[str, Any]]) -> str | None:
    """
    Say why a wave is not a success, or None if it is.

    :param rule: the plan's ``success_when``.
    :param servers: the wave's SERVER records.
    """
    failed = failures_of(servers)
    return rule.shortfall(
        total=len(servers), failed=len(failed), failed_critical=len([f for f in failed if f.critical])
    )


def last_trouble(record: Mapping[str, Any]) -> str:
    """
    What a wave, or the opening of an execution, waited for until the end; goes behind another reason.

    :param record: WAVE or EXECUTION record.
    """
    trouble = record.get("waitingFor") or record.get("lastPollError")
    if trouble is None:
        return ""
    since = f" (since {moment(trouble['since'])})" if "since" in trouble else ""
    return f"; before that: {trouble['message']}{since}"
