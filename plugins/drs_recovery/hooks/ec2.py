"""What EC2 says about instances."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

# EC2's word for an instance that ended; it lists it for about an hour more, then knows it no longer.
TERMINATED = "terminated"

# DescribeInstances takes at most 200 values in one filter.
_MAX_FILTER_VALUES = 200


def describe_instances(client: Any, instance_ids: Sequence[str]) -> dict[str, Mapping[str, Any]]:
    """
    Read instances; one that EC2 does not know (yet, or any more) is left out.

    Asked by filter: unlike ``InstanceIds``, it does not fail the whole call for one unknown id.

    :param client: an EC2 client.
    :return: ``Instance`` by its id.
    """
    paginator = client.get_paginator("describe_instances")
    chunks = [
        list(instance_ids[start : start + _MAX_FILTER_VALUES])
        for start in range(0, len(instance_ids), _MAX_FILTER_VALUES)
    ]
    return {
        instance["InstanceId"]: instance
        for chunk in chunks
        for page in paginator.paginate(Filters=[{"Name": "instance-id", "Values": chunk}])
        for reservation in page["Reservations"]
        for instance in reservation["Instances"]
    }


def is_gone(instance: Mapping[str, Any] | None) -> bool:
    """
    Whether nothing of an instance runs or will run again.

    :param instance: ``Instance``, or None if EC2 does not know it.
    """
    return instance is None or (instance.get("State") or {}).get("Name") == TERMINATED
