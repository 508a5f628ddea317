"""The servers of a wave as rows: what is known of each, with links to where AWS shows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from drs_recovery.statuses import ServerPhase
from drs_recovery.store.facts import attempt_of
from drs_recovery.web.shared.aws_links import instance_link, job_link, source_server_link
from drs_recovery.web.shared.formatting import Link, cut
from drs_recovery.web.shared.marks import Mark, action_mark, phase_mark
from drs_recovery.web.shared.timestamps import Moment, moment_if

Record = Mapping[str, Any]

_NOT_TOLD = "PENDING"


@dataclass(frozen=True)
class PostLaunchAction:
    """
    One of DRS's post-launch actions of a server.

    :param name: its name.
    :param mark: its status.
    :param is_optional: whether the server is ready without it.
    :param reason: why it failed, if it did.
    """

    name: str
    mark: Mark
    is_optional: bool
    reason: str | None


@dataclass(frozen=True)
class EarlierInstance:
    """
    What an earlier attempt left.

    :param instance: its EC2 instance; None if none is known.
    :param job: the DRS job of that attempt; None if none is known.
    """

    instance: Link | None
    job: Link | None


@dataclass(frozen=True)
class ServerRow:
    """
    One server of a wave.

    :param name: its name.
    :param source: its DRS source server id, with a link to the DRS console.
    :param is_critical: whether the wave may not do without it, unless its rule says otherwise.
    :param region: AWS Region in which it is recovered.
    :param phase: how far it is.
    :param launch_status: DRS's own word, such as ``IN_PROGRESS``; None before DRS has begun.
    :param needs_attention: whether it failed or has a warning.
    :param instance: its EC2 instance with a link to the EC2 console.
    :param instance_type: such as ``m5.large``.
    :param instance_state: as EC2 called it when last seen.
    :param address: its private address.
    :param hostname: its host name.
    :param point_in_time: of which moment its data is.
    :param launched: when DRS had launched it.
    :param actions: its post-launch actions.
    :param error: why it failed.
    :param warning: what a person should know although it is ready.
    :param attempt: number of its attempt, from 1.
    :param job: the DRS job of that attempt.
    :param earlier: what earlier attempts left.
    :param terminated: when its instances were seen to be gone.
    :param replaced_by: id of the execution whose launch of the same server replaced its instance.
    """

    name: str
    source: Link
    is_critical: bool
    region: str
    phase: Mark
    launch_status: str | None
    needs_attention: bool
    instance: Link | None
    instance_type: str | None
    instance_state: str | None
    address: str | None
    hostname: str | None
    point_in_time: Moment | None
    launched: Moment | None
    actions: tuple[PostLaunchAction, ...]
    error: str | None
    warning: str | None
    attempt: int
    job: Link | None
    earlier: tuple[EarlierInstance, ...]
    terminated: Moment | None
    replaced_by: str | None


def server_row(server: Record, longest: int) -> ServerRow:
    """
    A row.

    :param server: SERVER record of the execution document.
    :param longest: how many characters of an error are shown.
    """
    region = server["region"]
    return ServerRow(
        name=server["serverName"],
        source=source_server_link(region, server["sourceServerId"]),
        is_critical=bool(server["critical"]),
        region=region,
        phase=phase_mark(server["phase"]),
        launch_status=_launch_status(server),
        needs_attention=needs_attention(server),
        instance=_instance(region, server),
        instance_type=server.get("instanceType"),
        instance_state=server.get("instanceState"),
        address=server.get("privateIp"),
        hostname=server.get("hostname"),
        point_in_time=moment_if(server.get("pointInTime")),
        launched=moment_if(server.get("launchedTime")),
        actions=tuple(_action(action, longest) for action in server.get("postLaunchActions") or ()),
        error=_text(server.get("error"), longest),
        warning=_text(server.get("warning"), longest),
        attempt=attempt_of(server),
        job=_job(region, server),
        earlier=tuple(
            EarlierInstance(_instance(region, left), _job(region, left))
            for left in server.get("previousInstances", ())
        ),
        terminated=moment_if(server.get("terminatedTime")),
        replaced_by=server.get("replacedBy"),
    )


def _launch_status(server: Record) -> str | None:
    # Every record begins with PENDING, also that of a server which DRS has not been asked for yet.
    told = str(server["launchStatus"])
    return None if server["phase"] == ServerPhase.PENDING and told == _NOT_TOLD else told


def needs_attention(server: Record) -> bool:
    """
    Whether a person should look at a server: it failed, or is ready with a warning.

    :param server: SERVER record.
    """
    return server["phase"] == ServerPhase.FAILED or bool(server.get("warning"))


def _instance(region: str, attempt: Record) -> Link | None:
    # Both ids were the same in every case that was seen; EC2 knows the first one.
    instance_id = attempt.get("instanceId") or attempt.get("recoveryInstanceId")
    return instance_link(region, instance_id) if instance_id else None


def _job(region: str, attempt: Record) -> Link | None:
    return job_link(region, attempt["jobId"]) if attempt.get("jobId") else None


def _action(action: Record, longest: int) -> PostLaunchAction:
    return PostLaunchAction(
        name=action["name"],
        mark=action_mark(action["status"]),
        is_optional=bool(action["optional"]),
        reason=_text(action.get("reason"), longest),
    )


def _text(text: str | None, longest: int) -> str | None:
    return None if not text else cut(text, longest)
