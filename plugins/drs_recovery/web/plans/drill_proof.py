"""How old the proof is that a plan works: its last good drill, and when that is too long ago."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from drs_recovery.plan.model import Schedule
from drs_recovery.web.plans.schedules import last_times
from drs_recovery.web.plans.sources import PlanPast
from drs_recovery.web.shared.formatting import Moment, rough_words

OLDEST_WITHOUT_SCHEDULE = 90 * 86_400.0
"""
Seconds after which a good drill of a plan without a schedule is old.

A quarter: AWS's advice for DRS is to drill often, auditors commonly ask for at least one test a year, and
within three months most servers see a change of their operating system or their application.
"""

_TWICE_LATE = "its schedule has come up at least twice since, without a good drill"


class ProofState(StrEnum):
    """Whether the last good drill still counts."""

    FRESH = "FRESH"
    OVERDUE = "OVERDUE"
    NEVER = "NEVER"


@dataclass(frozen=True)
class DrillProof:
    """
    The last good drill and its age.

    :param state: whether it still counts.
    :param execution_id: of the last good drill, for the link; None if there is none.
    :param ended: when it ended.
    :param age: since then, such as ``35 days``; empty if there is none.
    :param sentence: all of it in words; the warning, unless the state is FRESH.
    """

    state: ProofState
    execution_id: str | None
    ended: Moment | None
    age: str
    sentence: str

    @property
    def is_warning(self) -> bool:
        """Whether somebody should start a drill."""
        return self.state is not ProofState.FRESH


def drill_proof(past: PlanPast, schedule: Schedule | None, now: float) -> DrillProof:
    """
    Judge the last good drill of a plan.

    :param past: its executions.
    :param schedule: of the plan; None without one, and for a plan that cannot be read.
    :param now: epoch seconds.
    """
    if past.last_good_drill is None:
        sentence = f"No good drill {past.where or 'yet'}: nothing proves that this plan works"
        return DrillProof(ProofState.NEVER, None, None, "", sentence)
    ended = float(past.last_good_drill["endTime"])
    age = rough_words(max(0.0, now - ended))
    complaint = _complaint(ended, schedule, now)
    return DrillProof(
        state=ProofState.OVERDUE if complaint else ProofState.FRESH,
        execution_id=past.last_good_drill["executionId"],
        ended=Moment.at(ended),
        age=age,
        sentence=f"Last good drill {age} ago" + (f": {complaint}" if complaint else ""),
    )


def _complaint(ended: float, schedule: Schedule | None, now: float) -> str | None:
    """
    Say why a drill is too old, or None.

    A schedule is kept until it has come up twice since: at the first time the next drill may just be running.
    """
    if schedule is not None:
        before_last = last_times(schedule, now, 2)[1]
        return _TWICE_LATE if ended < before_last else None
    if now - ended > OLDEST_WITHOUT_SCHEDULE:
        return f"older than {rough_words(OLDEST_WITHOUT_SCHEDULE)}"
    return None
