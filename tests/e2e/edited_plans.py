"""The plans whose files people edit while they run, each in a Region of its own."""

from __future__ import annotations

from tests.e2e.made_plans import MadePlan

_LAUNCHING = ({}, {}, {})
_AT_GATE = ({}, {"pause_before": True}, {})

LAUNCHING = {
    edit: MadePlan(f"edited-{edit}-launching", region, _LAUNCHING, servers=1)
    for edit, region in {
        "broken": "ca-west-1",
        "removed": "eu-south-2",
        "renamed": "me-central-1",
        "deleted": "ap-southeast-3",
    }.items()
}
AT_GATE = {
    edit: MadePlan(f"edited-{edit}-gate", region, _AT_GATE, servers=1)
    for edit, region in {
        "broken": "eu-central-2",
        "removed": "il-central-1",
        "renamed": "ap-south-2",
        "deleted": "ap-southeast-4",
    }.items()
}
BESIDE = MadePlan(
    "edited-beside",
    "ap-east-1",
    ({}, {"pause_before": True}),
    servers=1,
    keys={"approval": {"recovery": False}},
)
ALL = (*LAUNCHING.values(), *AT_GATE.values(), BESIDE)
