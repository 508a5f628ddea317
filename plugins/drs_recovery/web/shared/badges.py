"""Drill or real recovery: what nobody may mistake."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from drs_recovery.statuses import ExecutionType

_DRILL_MEANING = "Drill: test instances, the source servers are untouched."
_REAL_MEANING = "Real recovery: its instances are meant to take over from the source servers."
_DRY_RUN_MEANING = "Dry run: everything is checked, nothing is launched."


@dataclass(frozen=True)
class Badge:
    """
    What cannot be mistaken: drill or real.

    :param code: ``DRILL`` or ``RECOVERY``.
    :param word: ``DRILL`` or ``REAL RECOVERY``.
    :param icon: one character, decoration.
    :param meaning: what that means for the servers.
    :param is_real: whether it is a real recovery.
    :param is_dry_run: whether nothing is launched.
    """

    code: str
    word: str
    icon: str
    meaning: str
    is_real: bool
    is_dry_run: bool

    @property
    def is_alarm(self) -> bool:
        """Whether servers of a real recovery are launched: what nobody may overlook."""
        return self.is_real and not self.is_dry_run


def badge_of(execution: Mapping[str, Any]) -> Badge:
    """
    Drill or real, and whether anything is launched at all.

    :param execution: EXECUTION record or document.
    """
    is_real, is_dry_run = execution["executionType"] == ExecutionType.RECOVERY, bool(execution.get("dryRun"))
    meaning = _REAL_MEANING if is_real else _DRILL_MEANING
    return Badge(
        code=execution["executionType"],
        word="REAL RECOVERY" if is_real else "DRILL",
        icon="▲" if is_real else "◇",
        meaning=_DRY_RUN_MEANING if is_dry_run else meaning,
        is_real=is_real,
        is_dry_run=is_dry_run,
    )
