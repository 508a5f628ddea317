"""The pages of plans."""

from drs_recovery.web.plans import page
from drs_recovery.web.plans.cards import PlanCard
from drs_recovery.web.plans.changes import ChangeState
from drs_recovery.web.plans.page import AllPlansNow, OnePlanNow, PlanNow, PlansNow
from drs_recovery.web.plans.plan_history import DrillProof, PlanHistory, PlanKind, ProofState

__all__ = [
    "AllPlansNow",
    "ChangeState",
    "DrillProof",
    "OnePlanNow",
    "PlanCard",
    "PlanHistory",
    "PlanKind",
    "PlanNow",
    "PlansNow",
    "ProofState",
    "page",
]
