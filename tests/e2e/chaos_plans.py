"""The plans with which the stack is disturbed, each in a Region of its own, so that faults hit only one."""

from __future__ import annotations

from tests.e2e.made_plans import MadePlan

SINGLES = tuple(
    MadePlan(f"chaos-{region}", region)
    for region in ("eu-west-1", "eu-central-1", "eu-north-1", "ap-south-1", "sa-east-1")
)
CHAIN = MadePlan("chaos-chain", "ca-central-1", ({},) * 4, servers=1)
GATED = MadePlan("chaos-gated", "us-east-2", ({}, {"pause_before": True}), servers=1)
STUCK = MadePlan("chaos-stuck", "eu-west-2", ({"timeout": "PT20S", "on_failure": "continue"}, {}), servers=1)
SKEWED = MadePlan("chaos-skewed", "ap-northeast-1", ({}, {}), servers=1)
ALL = (*SINGLES, CHAIN, GATED, STUCK, SKEWED)
