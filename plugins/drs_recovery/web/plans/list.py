"""The page of all plans: one card for each, the urgent ones first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from drs_recovery.plan.loader import LoadedPlans
from drs_recovery.web.airflow import AirflowPlanFacts
from drs_recovery.web.plans.cards import PlanCard, plan_card
from drs_recovery.web.plans.inputs import PlanKind, PlanPast
from drs_recovery.web.shared.formatting import counted

_NO_PAST = PlanPast()


@dataclass(frozen=True)
class PlansView:
    """
    The page of plans.

    :param cards: the urgent ones first.
    :param live: how many plans have a live execution.
    :param broken: how many cannot be used.
    :param unproven: how many have no good drill that is recent enough.
    :param headline: the counts in sentences, the most urgent first; never empty.
    :param notice: why the plan files could not be read; empty if they could.
    """

    cards: tuple[PlanCard, ...]
    live: int
    broken: int
    unproven: int
    headline: tuple[str, ...]
    notice: str


def plans_view(
    loaded: LoadedPlans,
    pasts: Mapping[str, PlanPast],
    airflow: Mapping[str, AirflowPlanFacts] | None,
    now: float,
    notice: str = "",
) -> PlansView:
    """
    Compose the page of plans; only what the person may read is to be passed in.

    :param loaded: the plan files.
    :param pasts: executions by plan id.
    :param airflow: what Airflow knows, by plan id; None if it could not be asked. A plan of which there is no
        file gets a card, too.
    :param now: epoch seconds.
    :param notice: why the plan files could not be read.
    """
    ids = dict.fromkeys([*loaded.plans, *loaded.broken, *(airflow or {})])
    cards = sorted(
        (plan_card(loaded, one, pasts.get(one, _NO_PAST), airflow, now) for one in ids),
        key=lambda card: card.urgency,
    )
    live = sum(bool(card.live) for card in cards)
    broken = sum(card.kind is PlanKind.BROKEN for card in cards)
    unproven = sum(card.proof.is_warning for card in cards)
    return PlansView(
        tuple(cards), live, broken, unproven, tuple(_headline(len(cards), live, broken, unproven)), notice
    )


def _headline(total: int, live: int, broken: int, unproven: int) -> Iterator[str]:
    if total == 0:
        yield "There are no plans"
        return
    of_all = f"of {counted(total, 'plan')}"
    if live:
        yield f"{live} {of_all} {_verb(live)} a live execution"
    if broken:
        yield f"{broken} {of_all} {_verb(broken)} errors and cannot be used"
    if unproven:
        yield f"{unproven} {of_all} {_verb(unproven)} no recent good drill"
    else:
        yield "Every plan has a recent good drill"


def _verb(count: int) -> str:
    return "has" if count == 1 else "have"
