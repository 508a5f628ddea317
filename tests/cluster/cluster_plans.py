"""The plans of the cluster: for each process that dies one with a wave for each moment of its death."""

from __future__ import annotations

from tests.e2e.herd_plans import HERD
from tests.e2e.made_plans import MadePlan

VICTIMS = {
    "worker": MadePlan("dies-worker", "eu-west-1", ({},) * 3, servers=1),
    "scheduler": MadePlan("dies-scheduler", "eu-central-1", ({},) * 3, servers=1),
    "triggerer": MadePlan("dies-triggerer", "eu-north-1", ({},) * 3, servers=1),
    "api-server": MadePlan("dies-api-server", "ap-south-1", ({},) * 3, servers=1),
    "dag-processor": MadePlan("dies-dag-processor", "sa-east-1", ({},) * 3, servers=1),
}
GATED = MadePlan("two-answers", "us-east-2", ({}, {"pause_before": True}), servers=1)
EDITED = tuple(MadePlan(f"late-files-{number}", "ca-central-1", ({},), servers=1) for number in range(4))
ALL = (*VICTIMS.values(), GATED, *EDITED, *HERD)
