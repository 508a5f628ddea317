"""The form above the list of executions: what it holds, and which executions that means."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Annotated
from urllib.parse import urlencode

from fastapi import Depends

from drs_recovery.plan.fields import PLAN_ID_PATTERN
from drs_recovery.statuses import ExecutionStatus, ExecutionType
from drs_recovery.store.records import ExecutionFilter
from drs_recovery.web.problems import invalid
from drs_recovery.web.security import Person
from drs_recovery.web.shared.formatting import cut


@dataclass(frozen=True)
class Wanted:
    """
    The fields as they were sent; an empty one makes no difference.

    :param plan: id of the plan.
    :param status: of the execution.
    :param type: drills or recoveries.
    :param cancelled: ``true`` for those that were ended before their time, ``false`` for the others.
    :param ticket: exactly.
    :param since: opened then or later, in UTC, as ``<input type=datetime-local>`` writes it.
    :param until: opened before the end of that minute.
    """

    plan: str = ""
    status: str = ""
    type: str = ""
    cancelled: str = ""
    ticket: str = ""
    since: str = ""
    until: str = ""

    @property
    def is_filtered(self) -> bool:
        """Whether any field is filled in."""
        return any(asdict(self).values())

    def query(self, **more: str) -> str:
        """
        The same as the query of an address.

        :param more: further parameters.
        """
        fields = {name: value for name, value in {**asdict(self), **more}.items() if value}
        return f"?{urlencode(fields)}" if fields else ""

    def filter_for(self, person: Person) -> ExecutionFilter:
        """
        The executions that are meant, of those that a person may see.

        :param person: who looks.
        :raises Problem: a field makes no sense.
        """
        if self.plan and not re.fullmatch(PLAN_ID_PATTERN, self.plan, re.ASCII):
            raise invalid(f"{cut(self.plan, 100)!r} is no id of a plan")
        until = _moment(self.until)
        try:
            return ExecutionFilter(
                plan_id=self.plan or None,
                plan_ids=person.listed_plan_ids(self.plan or None),
                may_list=person.sees_plan,
                status=ExecutionStatus(self.status) if self.status else None,
                execution_type=ExecutionType(self.type) if self.type else None,
                cancelled=_truth(self.cancelled),
                ticket=self.ticket.strip() or None,
                since=_moment(self.since),
                until=None if until is None else until + 59.999,
            )
        except ValueError as error:
            raise invalid(f"the list cannot be filtered: {error}") from error


def _truth(text: str) -> bool | None:
    truths = {"": None, "true": True, "false": False}
    if text not in truths:
        raise invalid(f"cancelled={cut(text, 100)!r} makes no sense; it is true or false")
    return truths[text]


def _moment(text: str) -> float | None:
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise invalid(f"{text!r} is no time; a time is written as 2026-11-21T05:42") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


WantedExecutions = Annotated[Wanted, Depends(Wanted)]
