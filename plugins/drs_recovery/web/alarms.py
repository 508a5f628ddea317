"""Real recoveries that live: every page shows them, so that nobody overlooks one."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends

from drs_recovery.statuses import ExecutionType
from drs_recovery.web.dependencies import Store
from drs_recovery.web.security import CurrentPerson
from drs_recovery.web.shared.runs import RunSummary, run_summary


def _live_recoveries(store: Store, person: CurrentPerson) -> tuple[RunSummary, ...]:
    found = store.listings.live(ExecutionType.RECOVERY)
    seen = (run_summary(one) for one in found if person.sees_plan(one["planId"]))
    return tuple(one for one in seen if one.badge.is_alarm)


LiveRecoveries = Annotated[tuple[RunSummary, ...], Depends(_live_recoveries)]
"""The live real recoveries of plans that the person may see, the newest first."""
