"""Collect the instances of an execution that may still run, with their addresses in the AWS console."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from drs_recovery.statuses import ServerPhase
from drs_recovery.store import attempt_of, has_instance_left, instances_left, is_live
from drs_recovery.web.shared.formatting import Link, Sentence, Timestamp, compose, listed, timestamp_if
from drs_recovery.web.shared.marks import Mark, job_mark

if TYPE_CHECKING:
    from drs_recovery.store import (
        Execution,
        ExecutionDocument,
        Job,
        ServerStatus,
        TerminationJob,
        TerminationRequest,
    )

# States of EC2 in which an instance is used and paid for; a stopped one still costs its disks.
_RUNNING = frozenset({"pending", "running"})
_GONE = frozenset({"shutting-down", "terminated"})
_READY: Mapping[str, str] = {ServerPhase.READY: "running"}


def servers_with_instances(document: ExecutionDocument) -> Iterator[ServerStatus]:
    """The servers that have an instance left: neither seen to be gone, nor replaced by a later launch."""
    return (s for wave in document["waves"] for s in wave["serverStatuses"] if _is_left(s))


def _is_left(server: ServerStatus) -> bool:
    return has_instance_left(server) and server.get("instanceState") not in _GONE


def seen_running(document: ExecutionDocument) -> list[ServerStatus]:
    """The servers whose instance ran when EC2 was last asked."""
    return [server for server in servers_with_instances(document) if _ran(server)]


def _ran(server: ServerStatus) -> bool:
    # A server is READY only with a running instance; records of earlier releases may lack its state.
    return server.get("instanceState", _READY.get(server["phase"])) in _RUNNING


def last_checked(document: ExecutionDocument) -> float | None:
    """The oldest check of an instance, in epoch seconds; None if one was never checked."""
    compared = document.get("instancesCheckedTime")
    looks = [
        max((look for look in (server.get("lastPolledTime"), compared) if look is not None), default=None)
        for server in servers_with_instances(document)
    ]
    known = [float(look) for look in looks if look is not None]
    return min(known) if known and len(known) == len(looks) else None


def instances_by_region(document: ExecutionDocument) -> dict[str, int]:
    """How many instances are left in each AWS Region, of all attempts; ordered by the Region."""
    counts: Counter[str] = Counter()
    for server in servers_with_instances(document):
        counts[server["region"]] += len(instances_left(server))
    return dict(sorted(counts.items()))


def regions_of(servers: Iterable[ServerStatus]) -> dict[str, int]:
    """How many of some servers are in each AWS Region; ordered by the Region."""
    return dict(sorted(Counter(server["region"] for server in servers).items()))


def count_left(document: ExecutionDocument) -> int:
    """How many instances are left, of all attempts."""
    return sum(instances_by_region(document).values())


def standing_request(document: ExecutionDocument) -> TerminationRequest | None:
    """The newest request to terminate whose waves still have instances, or None."""
    requests = reversed(document.get("terminationRequests") or ())
    return next((one for one in requests if "endTime" not in one and _has_targets(document, one)), None)


def _has_targets(document: ExecutionDocument, request: TerminationRequest) -> bool:
    waves = request.get("waves")
    meant = [wave for wave in document["waves"] if waves is None or wave["waveNumber"] in waves]
    return any(has_instance_left(server) for wave in meant for server in wave["serverStatuses"])


def leaves_instances(execution: Execution) -> bool:
    """Whether an execution has ended and left instances that may still run, as far as its record tells."""
    if is_live(execution) or execution.get("instancesTerminated"):
        return False
    if execution.get("instancesLeft") is False:
        return False
    # A server that failed may have an instance, too. Older records say so only by the clean-up of a drill.
    launched = sum(execution["progress"][part] for part in ("launched", "ready"))
    return bool(launched or execution.get("instancesLeft")) or "terminateAfter" in execution


def checked_note(execution: Execution) -> Sentence:
    """Say that an execution left instances which cost money, and when that was last known."""
    checked = execution.get("instancesCheckedTime", execution.get("lastPolledTime"))
    if checked is None:
        return compose("Its instances run and cost money, according to the record")
    return compose("Its instances run and cost money, last checked ", checked)


def places_of(regions: Mapping[str, int]) -> str:
    """Where instances are, such as ``4 in us-east-1 and 2 in us-west-2``."""
    return listed([f"{count} in {region}" for region, count in regions.items()])


# Hosts of the console by the start of the Region's name. The isolated partitions have none that is public.
_HOSTS = (
    ("us-gov-", "console.amazonaws-us-gov.com"),
    ("cn-", "console.amazonaws.cn"),
    ("eusc-", "console.amazonaws-eusc.eu"),
    ("us-iso", None),
    ("eu-iso", None),
)
_COMMERCIAL_HOST = "console.aws.amazon.com"

# A Region comes from a record: nothing else may become the host of a link.
_REGION = re.compile(r"[a-z]{2,4}(-[a-z]+)+-\d{1,2}")


def instance_link(region: str, instance_id: str) -> Link:
    """An EC2 instance."""
    return _link(region, instance_id, "ec2", "InstanceDetails:instanceId=")


def source_server_link(region: str, server_id: str) -> Link:
    """A DRS source server."""
    return _link(region, server_id, "drs", "/sourceServers/")


def job_link(region: str, job_id: str) -> Link:
    """A DRS job in the recovery job history."""
    return _link(region, job_id, "drs", "/launchHistory/")


def _link(region: str, name: str, service: str, place: str) -> Link:
    host = _host(region)
    if host is None:
        return Link(name, None)
    return Link(name, f"https://{region}.{host}/{service}/home?region={region}#{place}{quote(name, safe='')}")


def _host(region: str) -> str | None:
    if not _REGION.fullmatch(region):
        return None
    special = (host for start, host in _HOSTS if region.startswith(start))
    return next(special, _COMMERCIAL_HOST)


@dataclass(frozen=True)
class JobRow:
    """A DRS job of an attempt."""

    job: Link
    region: str
    mark: Mark
    attempt: int
    started: Timestamp | None
    ended: Timestamp | None


def job_rows(jobs: Iterable[Job | TerminationJob]) -> tuple[JobRow, ...]:
    """DRS jobs as rows."""
    return tuple(
        JobRow(
            job=job_link(job["region"], job["jobId"]),
            region=job["region"],
            mark=job_mark(job["status"]),
            attempt=attempt_of(job),
            started=timestamp_if(job.get("startTime")),
            ended=timestamp_if(job.get("endTime")),
        )
        for job in jobs
    )
