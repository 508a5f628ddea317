"""What changed in a plan since its last good drill: everything that drill does not prove any more."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from pydantic import ValidationError

from drs_recovery.plan.model import RecoveryPlan, plan_from_snapshot
from drs_recovery.web.plans.change_words import change_words, is_text_only
from drs_recovery.web.plans.comparison import WAITS_FOR, Difference, differences
from drs_recovery.web.plans.inputs import Record
from drs_recovery.web.shared.formatting import counted


class ChangeState(StrEnum):
    """What is known of a plan's changes."""

    UNCHANGED = "UNCHANGED"
    CHANGED = "CHANGED"
    ONLY_TEXTS = "ONLY_TEXTS"
    NEVER_DRILLED = "NEVER_DRILLED"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True)
class PlanChange:
    """
    One thing that changed.

    :param place: where, such as ``Wave 2 Application``, ``Group database`` or ``Plan``.
    :param what: such as ``time-out 1 h 30 min → 30 min``.
    """

    place: str
    what: str


@dataclass(frozen=True)
class PlanChanges:
    """
    How a plan differs from the one of its last good drill.

    :param state: what is known of it.
    :param sentence: the state in words.
    :param changes: what changes the recovery.
    :param texts: what does not: names, descriptions, owner, tags, the order in which servers are listed.
    """

    state: ChangeState
    sentence: str
    changes: tuple[PlanChange, ...] = ()
    texts: tuple[PlanChange, ...] = ()


_SINCE = "since the last good drill"


def plan_changes(plan: RecoveryPlan | None, last_good_drill: Record | None) -> PlanChanges:
    """
    Compare a plan with what its last good drill ran.

    :param plan: as it is now; None if it cannot be read.
    :param last_good_drill: EXECUTION record with its ``planSnapshot``; None if there is none.
    """
    if last_good_drill is None:
        return PlanChanges(
            ChangeState.NEVER_DRILLED, "No good drill yet that the plan could be compared with"
        )
    if plan is None:
        return PlanChanges(
            ChangeState.UNKNOWN, "The plan of now cannot be read, so that nothing can be compared"
        )
    if plan.digest() == last_good_drill["planHash"]:
        return PlanChanges(ChangeState.UNCHANGED, f"Unchanged {_SINCE}")
    try:
        drilled = plan_from_snapshot(last_good_drill["planSnapshot"])
    except ValidationError:
        sentence = f"Changed {_SINCE}, whose plan this version cannot read: compare the files"
        return PlanChanges(ChangeState.UNKNOWN, sentence)
    return _told(_without_echoes(differences(drilled, plan)))


def _told(found: list[Difference]) -> PlanChanges:
    changes, texts = (
        tuple(
            PlanChange(where, what)
            for difference in found
            if is_text_only(difference) is wanted
            for where, what in change_words(difference)
        )
        for wanted in (False, True)
    )
    if changes:
        sentence = f"{counted(len(changes), 'change')} {_SINCE}"
        return PlanChanges(ChangeState.CHANGED, sentence, changes, texts)
    if texts:
        return PlanChanges(ChangeState.ONLY_TEXTS, f"Only texts changed {_SINCE}", (), texts)
    # Another version of this software may have written the same plan with another digest.
    return PlanChanges(ChangeState.UNCHANGED, f"Unchanged {_SINCE}")


def _without_echoes(found: list[Difference]) -> list[Difference]:
    """Leave out how ``depends_on`` is written where it is told what a wave waits for."""
    told = {one.place[:-1] for one in found if one.place[-1] == WAITS_FOR}
    return [one for one in found if not (one.place[-1] == "depends_on" and one.place[:-1] in told)]
