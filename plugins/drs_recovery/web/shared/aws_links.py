"""Addresses in the AWS console; of a partition whose console is not known here there is none."""

from __future__ import annotations

import re
from urllib.parse import quote

from drs_recovery.web.shared.formatting import Link

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
    """
    An EC2 instance.

    :param region: its AWS Region.
    :param instance_id: its id, which is the text of the link.
    """
    return _link(region, instance_id, "ec2", "InstanceDetails:instanceId=")


def source_server_link(region: str, server_id: str) -> Link:
    """
    A DRS source server.

    :param region: AWS Region in which it is recovered.
    :param server_id: its id, which is the text of the link.
    """
    return _link(region, server_id, "drs", "/sourceServers/")


def job_link(region: str, job_id: str) -> Link:
    """
    A DRS job in the recovery job history.

    :param region: its AWS Region.
    :param job_id: its id, which is the text of the link.
    """
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
