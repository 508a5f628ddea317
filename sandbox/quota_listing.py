"""DRS's quotas in the Service Quotas API, which moto has for VPC only."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from moto.servicequotas.exceptions import NoSuchResource
from moto.servicequotas.models import ServiceQuotasBackend

from sandbox.drs.api import QUOTA_CODES
from sandbox.world import WORLD

_NAMES = {
    "jobs_in_progress": "Concurrent jobs in progress",
    "servers_per_job": "Max source servers in a single job",
    "servers_in_jobs": "Max source servers in all jobs",
}


def add_drs_quotas() -> None:
    """Let GetServiceQuota and ListAWSDefaultServiceQuotas tell the quotas that hold in the sandbox."""
    backend: Any = ServiceQuotasBackend
    backend.list_aws_default_service_quotas = _for_drs(_quotas, backend.list_aws_default_service_quotas)
    backend.get_service_quota = _for_drs(_quota, backend.get_service_quota)


def _for_drs(own: Callable[..., Any], theirs: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(theirs)
    def asked(backend: ServiceQuotasBackend, service_code: str, **more: str) -> Any:
        return own(**more) if service_code == "drs" else theirs(backend, service_code, **more)

    return asked


def _quotas() -> list[dict[str, Any]]:
    values = WORLD.quotas.document()
    return [
        {
            "ServiceCode": "drs",
            "ServiceName": "AWS Elastic Disaster Recovery",
            "QuotaName": _NAMES[name],
            "QuotaCode": code,
            "Value": float(values[name]),
            "Unit": "None",
            "Adjustable": name != "servers_per_job",
            "GlobalQuota": False,
        }
        for name, code in QUOTA_CODES.items()
    ]


def _quota(quota_code: str) -> dict[str, Any]:
    for quota in _quotas():
        if quota["QuotaCode"] == quota_code:
            return quota
    raise NoSuchResource
