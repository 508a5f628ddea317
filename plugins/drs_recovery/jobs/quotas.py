"""The quotas of DRS in an account and Region."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from drs_recovery.hooks.quotas import QuotasHook
from drs_recovery.jobs.schedule import Limits

# DescribeJobs has no filter by status. Recovery jobs take hours at the most.
OLDEST_RUNNING_JOB = timedelta(days=2)

QUOTA_CODES: Mapping[str, str] = {
    "jobs_in_progress": "L-D88FAC3A",
    "servers_per_job": "L-B827C881",
    "servers_in_jobs": "L-05AFA8C6",
}


def read_limits(hook: QuotasHook) -> Limits:
    """
    Ask for the quotas of an account and Region; where Service Quotas has no value, AWS's default holds.

    :param hook: Service Quotas there.
    :raises botocore errors: as they are.
    """
    values = {name: hook.drs_quota(code) for name, code in QUOTA_CODES.items()}
    return Limits(**{name: int(value) for name, value in values.items() if value is not None})
