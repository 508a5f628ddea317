"""
A wave as somebody knows it who writes to it again and again.

Each write is made on condition that the records still are as they are known; if not, they are read anew.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ParamSpec, TypeVar

from drs_recovery.exceptions import TransitionRefusedError
from drs_recovery.store.expressions import Action, Item, Update
from drs_recovery.store.keys import key_of

P = ParamSpec("P")
Result = TypeVar("Result")


@dataclass(frozen=True)
class WaveRecords:
    """A wave as it was read, or as a write left it."""

    execution: Item
    wave: Item
    servers: Sequence[Item]

    def after(self, actions: Sequence[Action]) -> WaveRecords:
        """The records as the writes of a transaction leave them."""
        written = {action.key: action.after for action in actions if isinstance(action, Update)}
        execution, wave, *servers = (
            written.get(key_of(item), item) for item in (self.execution, self.wave, *self.servers)
        )
        return WaveRecords(execution, wave, servers)


class FollowedWave:
    """
    What the records of a wave were after the last write of somebody who follows it.

    :param records: as they were read; None to read them when they are needed.
    """

    def __init__(self, records: WaveRecords | None = None) -> None:
        self._records = records

    def take(self) -> WaveRecords | None:
        """The records, for one try."""
        taken, self._records = self._records, None
        return taken

    def keep(self, records: WaveRecords) -> None:
        """Remember what a write left."""
        self._records = records

    @property
    def records(self) -> WaveRecords | None:
        """What is known; None if the records are to be read."""
        return self._records


def refused_by_fresh_records(transition: Callable[P, Result]) -> Callable[P, Result]:
    """Let a transition that refuses by what is known of a wave decide again, by its records as they are."""

    @functools.wraps(transition)
    def decided(*arguments: P.args, **options: P.kwargs) -> Result:
        try:
            return transition(*arguments, **options)
        except TransitionRefusedError:
            if not any(isinstance(given, FollowedWave) for given in (*arguments, *options.values())):
                raise
            # What was known is used up: now the records are read.
            return transition(*arguments, **options)

    return decided
