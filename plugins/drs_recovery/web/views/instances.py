"""The instances that an execution has on record and that were not seen to be gone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from drs_recovery.store_rules import has_instance_left, instances_of
from drs_recovery.web.rules import is_live
from drs_recovery.web.views.parts import listed

Record = Mapping[str, Any]


def servers_with_instances(document: Record) -> Iterator[Record]:
    """
    The servers that have an instance left.

    :param document: the execution document.
    """
    return (s for wave in document["waves"] for s in wave["serverStatuses"] if has_instance_left(s))


def instances_by_region(document: Record) -> dict[str, int]:
    """
    How many instances are left in each AWS Region, of all attempts; ordered by the Region.

    :param document: the execution document.
    """
    counts: dict[str, int] = {}
    for server in servers_with_instances(document):
        counts[server["region"]] = counts.get(server["region"], 0) + len(instances_of(server))
    return dict(sorted(counts.items()))


def count_left(document: Record) -> int:
    """
    How many instances are left, of all attempts.

    :param document: the execution document.
    """
    return sum(instances_by_region(document).values())


def standing_request(document: Record) -> Record | None:
    """
    The newest request to terminate that is not carried out, or None.

    :param document: the execution document. A request can be about some waves, whose instances are gone.
    """
    requests = reversed(document.get("terminationRequests") or ())
    return next((one for one in requests if "endTime" not in one and _left_of(document, one)), None)


def _left_of(document: Record, request: Record) -> bool:
    waves = request.get("waves")
    meant = [wave for wave in document["waves"] if waves is None or wave["waveNumber"] in waves]
    return any(has_instance_left(server) for wave in meant for server in wave["serverStatuses"])


def leaves_instances(execution: Record) -> bool:
    """
    Whether an execution that has ended left instances which may still run, as far as its record alone tells.

    :param execution: EXECUTION record, without its servers.
    """
    if is_live(execution) or execution.get("instancesTerminated"):
        return False
    # A server that failed may have an instance, too. Older records say so only by the clean-up of a drill.
    launched = sum(execution["progress"][part] for part in ("launched", "ready"))
    return bool(launched or execution.get("instancesLeft")) or "terminateAfter" in execution


def places_of(regions: Mapping[str, int]) -> str:
    """
    Where instances are, such as ``4 in us-east-1 and 2 in us-west-2``.

    :param regions: as of :func:`instances_by_region`.
    """
    return listed([f"{count} in {region}" for region, count in regions.items()])
