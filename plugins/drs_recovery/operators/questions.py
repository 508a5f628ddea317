"""What the questions to people share: their form, their time, and how Airflow passes on the answer."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from airflow.sdk import Param

from drs_recovery.store_items import limited

TIME_OUT_ACTOR = "time-out"

# Seconds for which a question stands at least, even if its time was over while nothing of Airflow ran.
SHORTEST_TIMEOUT = 1.0


@dataclass(frozen=True)
class Answer:
    """
    An answer for the record.

    :param actor: who gave it.
    :param comment: what they wrote, if anything.
    :param decided_time: epoch seconds; None if nobody answered.
    """

    actor: str
    comment: str | None
    decided_time: float | None


def comment_form() -> dict[str, Param]:
    """The form below a question."""
    return {"comment": Param("", type=["string", "null"], title="Comment", description="Kept in the record")}


def time_left(gate: Mapping[str, Any]) -> timedelta:
    """
    How long a question may still be answered; asked again, it does not get all of its time once more.

    :param gate: as the store has it.
    """
    left = float(gate["deadline"]) - time.time()
    return timedelta(seconds=max(left, SHORTEST_TIMEOUT))


def is_timeout(event: Mapping[str, Any]) -> bool:
    """Whether nobody answered in time."""
    return bool(event.get("error_type") == "timeout")


def answer_of(event: Mapping[str, Any]) -> Answer:
    """
    Read who answered, when, and with which comment.

    :param event: as Airflow's human-in-the-loop operators get it.
    """
    user = event.get("responded_by_user") or {}
    answered: datetime | None = event.get("responded_at")
    return Answer(
        actor=str(user.get("name") or user.get("id") or TIME_OUT_ACTOR),
        comment=limited((event.get("params_input") or {}).get("comment") or "") or None,
        decided_time=answered.timestamp() if answered else None,
    )
