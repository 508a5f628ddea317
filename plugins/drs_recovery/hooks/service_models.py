"""
AWS's descriptions of its services, read once a process.

Each session of botocore reads them anew, and Airflow makes a session for each client: a task with clients of
four services would read the same list of endpoints four times, 0.05 s each.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from botocore.loaders import Loader, create_loader


def share_service_models(session: Any) -> None:
    """
    Let a session take from what others of this process have read.

    :param session: boto3's, as Airflow's hooks make it, or aiobotocore's.
    """
    # boto3 has a session of botocore's inside; aiobotocore's is one.
    core = getattr(session, "_session", session)
    core.register_component("data_loader", _loader(core.get_config_variable("data_path")))


@cache
def _loader(data_path: str | None) -> Loader:
    loader: Loader = create_loader(data_path)
    return loader
