"""The plans whose executions are looked at in the recovery console, each in a Region of its own."""

from __future__ import annotations

from tests.e2e.made_plans import MadePlan

# What a plan, DRS or a person may have written: shown as it is, it would be a part of the page.
MARKUP = "<img src=x onerror=alert(1)><script>alert(2)</script>{{7*7}}"

FOLLOWED = MadePlan(
    "console-followed",
    "eu-west-3",
    ({}, {"pause_before": {"message": "Is the database consistent?", "approvers": ["dba-lead"]}}),
    keys={
        "name": "Order desk",
        "description": "The database, then what the shops use.",
        "owner": "order-team",
        "tags": ["orders", "tier-1"],
        "objectives": {"rto": "PT1H", "rpo": "PT15M"},
    },
)
# Two people may answer before anything is launched.
CONTESTED = MadePlan(
    "console-contested",
    "ap-southeast-1",
    ({"pause_before": {"approvers": ["dba-lead", "dr-lead"]}},),
    servers=1,
)
# Nobody ever answers: to be looked at.
WAITING = MadePlan(
    "console-waiting", "af-south-1", ({"pause_before": {"approvers": ["dr-lead"]}},), servers=1
)
REJECTED = MadePlan("console-rejected", "ap-southeast-2", ({"pause_before": True},), servers=1)
CANCELLED = MadePlan("console-cancelled", "us-west-1", ({}, {}), servers=1)
RETRIED = MadePlan("console-retried", "ap-northeast-2")
ASKED = MadePlan("console-asked", "eu-south-1", ({"on_failure": "ask"}, {}), servers=1)
REAL = MadePlan("console-real", "ap-northeast-3", servers=1, keys={"approval": {"recovery": False}})
HOSTILE = MadePlan(
    "console-hostile",
    "me-south-1",
    servers=1,
    keys={"name": f"Hostile {MARKUP}", "description": MARKUP, "owner": MARKUP, "tags": ["plain"]},
)
ALL = (FOLLOWED, CONTESTED, WAITING, REJECTED, CANCELLED, RETRIED, ASKED, REAL, HOSTILE)
