"""The actions that a person is offered, with their consequences; and why others are not offered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from drs_recovery.statuses import RETRYABLE_WAVES, WaveStatus
from drs_recovery.store.facts import has_instances_left
from drs_recovery.web.allowed_actions import (
    ActionKind,
    Rights,
    is_live,
    open_failure_gate,
    open_gate,
    why_not,
)
from drs_recovery.web.executions.action_words import OfferedAction, execution_action, wave_action

Record = Mapping[str, Any]


@dataclass(frozen=True)
class WithheldAction:
    """
    Something that people look for and that this person may not do now.

    :param kind: which action.
    :param wave: number of the wave that it is about; None if it is about the execution.
    :param label: as of the action that is not offered.
    :param reason: why not, a sentence.
    """

    kind: ActionKind
    wave: int | None
    label: str
    reason: str


@dataclass(frozen=True)
class Actions:
    """
    What a person may do to an execution now.

    :param offered: what they may do, what the execution waits for first.
    :param withheld: what they may not do although it could be done, and why.
    """

    offered: tuple[OfferedAction, ...]
    withheld: tuple[WithheldAction, ...]

    def of_wave(self, number: int) -> tuple[OfferedAction, ...]:
        """
        The actions that are about a wave.

        :param number: from 1.
        """
        return tuple(action for action in self.offered if action.wave == number)


def actions_for(document: Record, rights: Rights) -> Actions:
    """
    What a person may do to an execution now, and what not although others may, or it could be done later.

    :param document: the execution document.
    :param rights: of the person.
    """
    offered, withheld = [], dict[str, WithheldAction]()
    for kind, wave in _looked_for(document):
        action = wave_action(document, kind, wave) if wave else execution_action(document, kind)
        reason = why_not(document, rights, kind, action.wave)
        if reason is None:
            offered.append(action)
        else:
            # One reason that holds for several of them is told once.
            withheld.setdefault(reason, WithheldAction(kind, action.wave, action.label, reason))
    return Actions(tuple(offered), tuple(withheld.values()))


def _looked_for(document: Record) -> Iterator[tuple[ActionKind, Record | None]]:
    """What people look for in the state in which an execution is; what it waits for first."""
    for wave in document["waves"]:
        if open_gate(document, wave):
            yield ActionKind.APPROVE, wave
            yield ActionKind.REJECT, wave
        if open_failure_gate(document, wave):
            yield ActionKind.DECIDE, wave
        elif WaveStatus(wave["status"]) in RETRYABLE_WAVES and "startTime" in wave:
            yield ActionKind.RETRY, wave
    if is_live(document):
        yield ActionKind.CANCEL, None
    if has_instances_left(document):
        yield ActionKind.TERMINATE, None
