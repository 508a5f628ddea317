"""What EC2 says about instances."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError

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


# DescribeInstanceStatus takes at most 100 instance ids.
_MOST_STATUSES = 100
_UNKNOWN_INSTANCE = "InvalidInstanceID.NotFound"
_INSTANCE_ID = re.compile(r"i-[0-9a-f]+")


def describe_statuses(client: Any, instance_ids: Sequence[str]) -> dict[str, Mapping[str, Any]]:
    """
    Read the checks of instances, also of those that do not run; one that EC2 does not know is left out.

    :param client: an EC2 client.
    :return: ``InstanceStatus`` by its id.
    """
    found: dict[str, Mapping[str, Any]] = {}
    for start in range(0, len(instance_ids), _MOST_STATUSES):
        wanted = list(instance_ids[start : start + _MOST_STATUSES])
        while wanted:
            try:
                answer = client.describe_instance_status(InstanceIds=wanted, IncludeAllInstances=True)
            except ClientError as error:
                unknown = _unknown_instances(error)
                if not unknown.intersection(wanted):
                    raise
                wanted = [one for one in wanted if one not in unknown]
                continue
            found |= {status["InstanceId"]: status for status in answer["InstanceStatuses"]}
            break
    return found


def _unknown_instances(error: ClientError) -> set[str]:
    """The ids that fail a whole call: EC2 names them in its message alone."""
    details = error.response.get("Error", {})
    if details.get("Code") != _UNKNOWN_INSTANCE:
        return set()
    return set(_INSTANCE_ID.findall(details.get("Message", "")))


def is_gone(instance: Mapping[str, Any] | None) -> bool:
    """
    Whether nothing of an instance runs or will run again.

    :param instance: ``Instance``, or None if EC2 does not know it.
    """
    return instance is None or (instance.get("State") or {}).get("Name") == TERMINATED
