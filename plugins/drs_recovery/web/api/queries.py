"""What lists can be asked for; a parameter that is misspelt or given twice must not list everything."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import Request
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from drs_recovery.plan import PLAN_ID_PATTERN
from drs_recovery.statuses import ExecutionStatus, ExecutionType
from drs_recovery.store import ExecutionFilter
from drs_recovery.web.problems import invalid
from drs_recovery.web.security import Person

MOST_EXECUTIONS = 200

_EPOCH = re.compile(r"[0-9]{1,11}([.][0-9]{1,6})?")
_LATEST = datetime(9999, 12, 31, tzinfo=UTC).timestamp()
_MOMENT_SCHEMA = {
    "anyOf": [
        {"type": "string", "format": "date-time"},
        {"type": "string", "pattern": f"^{_EPOCH.pattern}$"},
    ]
}


def _moment(value: object) -> float:
    text = str(value)
    if _EPOCH.fullmatch(text):
        return float(text)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(
            "expected epoch seconds or a time such as 2026-11-21T05:42:50Z ('+' is written %2B in an address)"
        ) from None
    if moment.tzinfo is None:
        raise ValueError("the time says no time zone; write Z behind it for UTC")
    return moment.timestamp()


def _in_range(seconds: float) -> float:
    return min(max(seconds, 0), _LATEST)


Moment = Annotated[
    float,
    BeforeValidator(lambda value: _in_range(_moment(value))),
    WithJsonSchema(_MOMENT_SCHEMA),
]


def _field(description: str, example: Any = None, **limits: Any) -> Any:
    return Field(None, description=description, examples=None if example is None else [example], **limits)


class ExecutionQuery(BaseModel):
    """Which executions, and which page of them."""

    model_config = ConfigDict(extra="forbid")

    plan: str | None = _field("Id of the plan.", "three-tier-crm", pattern=f"^{PLAN_ID_PATTERN}$")
    status: ExecutionStatus | None = _field("Only those with this status.", "COMPLETED")
    type: ExecutionType | None = _field("Only drills, or only real recoveries.", "RECOVERY")
    cancelled: bool | None = _field(
        "Only those that were ended early, whatever their status, or only the others.", True
    )
    ticket: str | None = _field(
        "Only those with exactly this ticket.", "CHG0030042", min_length=1, max_length=1000
    )
    dagRunId: str | None = _field(  # noqa: N815  # the name of the parameter
        "Only those of DAG runs with this id, at most one of each plan and all in one page.",
        "CHG0030042",
        min_length=1,
        max_length=250,
    )
    since: Moment | None = _field(
        "Only those opened then or later: ISO-8601 with a time zone, or epoch seconds.",
        "2026-11-01T00:00:00Z",
    )
    until: Moment | None = _field("Only those opened then or earlier, written as `since`.", "1795000000")
    limit: int = Field(50, description="Maximum number of executions.", ge=1, le=MOST_EXECUTIONS)
    cursor: str | None = _field("`nextCursor` of the page before.", min_length=1, max_length=400)

    def wanted_by(self, person: Person) -> ExecutionFilter:
        """The list, without what a person may not see."""
        return ExecutionFilter(
            plan_id=self.plan,
            plan_ids=person.listed_plan_ids(self.plan),
            may_list=person.sees_plan,
            status=self.status,
            execution_type=self.type,
            ticket=self.ticket,
            since=self.since,
            until=self.until,
            cancelled=self.cancelled,
        )


def demand_clear_query(request: Request) -> None:
    """Refuse, with 422, a query parameter that is given twice; frameworks silently take one of them."""
    names = [name for name, _ in request.query_params.multi_items()]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise invalid("a query parameter is given twice", _errors(twice, "given more than once"))


def demand_no_query(request: Request) -> None:
    """Refuse, with 422, every query parameter at addresses that have none."""
    if request.query_params:
        raise invalid("there are no query parameters here", _errors(request.query_params, "not known"))


def _errors(names: Any, detail: str) -> list[dict[str, Any]]:
    return [{"pointer": f"/query/{name}", "detail": detail} for name in names]
