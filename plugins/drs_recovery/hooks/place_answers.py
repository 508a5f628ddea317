"""
Ask each place of a wave for itself: what one Region or account answers is used, whatever another one says.

The one way to ask several places at once, so that no loop over them ends at the first that refuses.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from drs_recovery.hooks.clients import Clients, Place, PlaceClients
from drs_recovery.hooks.errors import FORESEEN_ERRORS, describe, is_transient, retry_after

Wanted = TypeVar("Wanted")
Found = TypeVar("Found")

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PlaceTrouble:
    """
    Why something could not be asked in one place.

    :param place: connection and Region.
    :param error: what came instead of an answer.
    :param subject: what was asked, such as ``DRS``.
    """

    place: Place
    error: Exception
    subject: str

    def __str__(self) -> str:
        """For people, with AWS's words."""
        return f"{self.subject} in {self.place}: {describe(self.error)}"

    @property
    def passes(self) -> bool:
        """Whether the same question may be answered later; otherwise it is a definite refusal."""
        return is_transient(self.error)

    @property
    def retry_after(self) -> float | None:
        """Seconds that AWS asks to wait, if it does."""
        return retry_after(self.error)


@dataclass
class PlaceAnswers(Generic[Found]):
    """
    What the places said.

    :param found: by place, of those that answered.
    :param troubles: of those that did not, or not to everything.
    """

    found: dict[Place, Found] = field(default_factory=dict)
    troubles: list[PlaceTrouble] = field(default_factory=list)


def ask_places(
    clients: Clients,
    by_place: Mapping[Place, Wanted],
    subject: str,
    ask: Callable[[PlaceClients, Wanted], Found],
) -> PlaceAnswers[Found]:
    """
    Ask every place, and go on where one does not answer.

    :param clients: hooks by place; those of a place that does not answer are made anew for the next question.
    :param by_place: what is wanted there.
    :param subject: what is asked, for people.
    :param ask: asks one place.
    """
    answers = PlaceAnswers[Found]()
    for place, wanted in by_place.items():
        try:
            answers.found[place] = ask(clients.at(*place), wanted)
        except Exception as error:  # whatever is wrong with one place, the others are asked
            trouble = PlaceTrouble(place, error, subject)
            log.warning("no answer this time: %s", trouble, exc_info=not isinstance(error, FORESEEN_ERRORS))
            clients.forget(place)
            answers.troubles.append(trouble)
    return answers
