"""
Read AWS's service descriptions once a process.

Each session of botocore reads them anew, and Airflow makes a session for each client: a task with clients of
four services would read the same list of endpoints four times, 0.05 s each. Where Airflow forks a process for
each task, what was read before the fork is there in all of them.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import botocore.session
from botocore.loaders import Loader, create_loader


def share_service_models(session: Any) -> None:
    """
    Let a session take from what others of this process have read.

    :param session: boto3's, as Airflow's hooks make it, or aiobotocore's.
    """
    # boto3 has a session of botocore's inside; aiobotocore's is one.
    core = getattr(session, "_session", session)
    core.register_component("data_loader", _loader(core.get_config_variable("data_path")))


def read_ahead(*services: str) -> None:
    """
    Read what a client of each service will need; no client is made, and nothing is sent.

    :param services: as botocore names them.
    """
    loader = _loader(None)
    loader.load_data_with_path("endpoints")
    for shared in ("partitions", "sdk-default-configuration", "_retry"):
        loader.load_data(shared)
    for service in services:
        for part in ("service-2", "endpoint-rule-set-1"):
            # The arguments are those of botocore's own call: what it has read is found by them.
            loader.load_service_model(service, part, api_version=None)


@cache
def _loader(data_path: str | None) -> Loader:
    loader: Loader = create_loader(data_path)
    return loader


@cache
def known_regions() -> frozenset[str]:
    """
    Every Region of every partition that EC2 or DRS has.

    AWS opens Regions between two releases of botocore: one that is not among them may exist nevertheless.
    """
    session = botocore.session.Session()
    return frozenset(
        region
        for partition in session.get_available_partitions()
        for service in ("ec2", "drs")
        for region in session.get_available_regions(service, partition_name=partition)
    )
