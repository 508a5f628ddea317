"""Plans of which many executions run at once, in one Region, and one whose drills the scheduler starts."""

from __future__ import annotations

from tests.e2e.made_plans import MadePlan

HERD_REGION = "ap-east-1"
HERD = tuple(MadePlan(f"herd-{number:02d}", HERD_REGION, ({}, {}), servers=1) for number in range(10))
# Not among the plans of the stack: it would start a drill every minute.
SCHEDULED = MadePlan(
    "herd-scheduled", HERD_REGION, servers=1, keys={"schedule": {"cron": "* * * * *", "timezone": "UTC"}}
)
ALL = HERD
