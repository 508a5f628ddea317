"""
The clients of the table and of what is beside it, as the settings name them.

Credentials and roles come from Airflow connections only. Endpoints come from ``AWS_ENDPOINT_URL`` and
``AWS_ENDPOINT_URL_<SERVICE>``, which boto3 reads by itself.
"""

from __future__ import annotations

from typing import Any

from botocore.config import Config

from drs_recovery import settings
from drs_recovery.hooks import AccountHook


def dynamodb_client() -> Any:
    """
    Low-level DynamoDB client of the connection ``aws_conn_id`` in ``region``.

    Writes are conditional, so that a repeated one is harmless: the client may retry often.
    """
    return _client("dynamodb", attempts=8, connect_timeout=5, read_timeout=15)


def hasty_dynamodb_client() -> Any:
    """The same for somebody who waits for the answer: the table's own retries, some seconds, are enough."""
    return _client("dynamodb", attempts=1, connect_timeout=2, read_timeout=5)


def cloudwatch_client() -> Any:
    """CloudWatch client beside the table; nobody waits long for a metric."""
    return _client("cloudwatch", attempts=2, connect_timeout=2, read_timeout=3)


def _client(service: str, attempts: int, **timeouts: int) -> Any:
    hook = AccountHook(
        aws_conn_id=settings.AWS_CONN_ID.value(),
        region_name=settings.REGION.value(),
        client_type=service,
        config=Config(retries={"mode": "standard", "total_max_attempts": attempts}, **timeouts),
    )
    return hook.get_conn()
