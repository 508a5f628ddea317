"""What a plan file says of its plan, in the words of a card."""

from __future__ import annotations

import re
from dataclasses import dataclass

from drs_recovery.plan.model import RecoveryPlan
from drs_recovery.web.airflow import AirflowPlanFacts
from drs_recovery.web.plans.schedules import schedule_words
from drs_recovery.web.shared.formatting import counted

_TIER = re.compile(r"tier[-_ :]?\w+", re.IGNORECASE)


@dataclass(frozen=True)
class PlanAbout:
    """
    What a plan is; texts are empty where they are not known.

    :param name: for people.
    :param description: what the plan is for.
    :param owner: team that answers for it.
    :param tier: the tag that names the tier, such as ``tier-1``.
    :param tags: all other tags.
    :param servers: such as ``6 servers`` or ``4 servers and all with certain tags``.
    :param waves: such as ``3 waves``.
    :param schedule: when drills run by themselves.
    """

    name: str
    description: str = ""
    owner: str = ""
    tier: str = ""
    tags: tuple[str, ...] = ()
    servers: str = ""
    waves: str = ""
    schedule: str = ""


def about_plan(plan: RecoveryPlan) -> PlanAbout:
    """
    Describe a plan.

    :param plan: a good one.
    """
    tier, tags = _tier_and_others(plan.tags)
    return PlanAbout(
        name=plan.name,
        description=plan.description or "",
        owner=plan.owner or "",
        tier=tier,
        tags=tags,
        servers=_servers(plan),
        waves=counted(len(plan.waves), "wave"),
        schedule=schedule_words(plan.schedule) if plan.schedule else "",
    )


def about_unread_plan(plan_id: str, facts: AirflowPlanFacts | None) -> PlanAbout:
    """
    Say what is known of a plan whose file is broken, or not here.

    :param plan_id: stands for the name where nobody knows it.
    :param facts: what Airflow knows; None if it could not be asked.
    """
    if facts is None:
        return PlanAbout(plan_id)
    tier, tags = _tier_and_others(facts.tags)
    return PlanAbout(facts.name or plan_id, tier=tier, tags=tags)


def _tier_and_others(tags: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    tier = next((tag for tag in tags if _TIER.fullmatch(tag)), "")
    return tier, tuple(tag for tag in tags if tag != tier)


def _servers(plan: RecoveryPlan) -> str:
    groups = plan.protection_groups.values()
    listed = sum(len(group.servers or ()) for group in groups)
    parts = [counted(listed, "server")] if listed else []
    if any(group.tags for group in groups):
        parts.append("all with certain tags")
    return " and ".join(parts)
