"""What all operations of the DRS API share: errors, pages, and the moment and faults that one call sees."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from moto.core.exceptions import JsonRESTError

from sandbox.faults import Values
from sandbox.tokens import offset_of, token_of
from sandbox.world import World

# Shown in quota errors; from the Service Quotas console.
QUOTA_CODES = {
    "jobs_in_progress": "L-D88FAC3A",
    "servers_per_job": "L-B827C881",
    "servers_in_jobs": "L-05AFA8C6",
}


class DrsError(JsonRESTError):
    """An error answer; ``members`` go into the body beside the message."""

    def __init__(self, status: int, code: str, message: str, **members: Any) -> None:
        super().__init__(code, message)
        self.code = status
        self.description = json.dumps({"__type": code, "code": code, "message": message, **members})


class ValidationError(DrsError):
    """
    The request does not fit the model.

    :param reason: from the model's ``ValidationExceptionReason``.
    """

    def __init__(self, problems: list[tuple[str, str]], reason: str = "fieldValidationFailed") -> None:
        noun = "error" if len(problems) == 1 else "errors"
        text = "; ".join(f"{member}: {message}" if member else message for member, message in problems)
        listed = [{"name": member, "message": message} for member, message in problems]
        message = f"{len(problems)} validation {noun} detected: {text}"
        super().__init__(400, "ValidationException", message, reason=reason, fieldList=listed)


class UninitializedAccountError(DrsError):
    """DRS was never initialized in this account and Region."""

    def __init__(self) -> None:
        super().__init__(400, "UninitializedAccountException", "Account not initialized")


class ResourceNotFoundError(DrsError):
    """There is no such server, job, instance or snapshot."""

    def __init__(self, resource_type: str, resource_id: str) -> None:
        message = f"{resource_type} {resource_id} not found."
        members = {"resourceId": resource_id, "resourceType": resource_type}
        super().__init__(404, "ResourceNotFoundException", message, **members)


class ConflictError(DrsError):
    """Something else is going on with the resource."""

    def __init__(self, message: str, resource_type: str, resource_id: str) -> None:
        members = {"resourceId": resource_id, "resourceType": resource_type}
        super().__init__(409, "ConflictException", message, **members)


class QuotaExceededError(DrsError):
    """A quota would be exceeded."""

    def __init__(self, message: str, quota: str) -> None:
        members = {"serviceCode": "drs", "quotaCode": QUOTA_CODES[quota]}
        super().__init__(402, "ServiceQuotaExceededException", message, **members)


class UnknownOperationError(DrsError):
    """The sandbox does not have this operation of DRS."""

    def __init__(self, operation: str) -> None:
        super().__init__(
            404, "UnknownOperationException", f"the sandbox has no DRS operation {operation or 'here'}"
        )


Document = dict[str, Any]

# A key that no model has: a client must not stumble over what AWS adds later.
_EXTRA = {"sandboxExtraKey": {"added": "by the sandbox"}}


class Reading:
    """One look at the state of a Region."""

    def __init__(self, world: World, region: str) -> None:
        self._world, self._region = world, region
        self.elapsed = world.clock.elapsed()
        self.age = world.clock.age()
        self._offset_form = self.fault("offset_timestamps") is not None
        self._adds_keys = self.fault("extra_keys") is not None

    def fault(self, kind: str, **subject: Any) -> Values | None:
        """The READ fault of a kind that stands here, if any."""
        return self._world.faults.standing(kind, region=self._region, **subject)

    def faults(self, kind: str, **subject: Any) -> list[Values]:
        """Every READ fault of a kind that stands here, oldest first."""
        return self._world.faults.all_standing(kind, region=self._region, **subject)

    def strike(self, kinds: Collection[str], **subject: Any) -> dict[str, Values]:
        """Take the START faults that strike here, kind to values."""
        return self._world.faults.strike(kinds, region=self._region, **subject)

    def within(self, elapsed: float, filters: Document) -> bool:
        """Whether a simulated moment is inside the ``fromDate`` and ``toDate`` of a filter."""
        return _inside(self.wall_time(elapsed), filters.get("fromDate"), filters.get("toDate"))

    def wall_within(self, moment: datetime, filters: Document) -> bool:
        """Whether a wall time is inside the ``fromDateTime`` and ``toDateTime`` of a filter."""
        return _inside(moment, filters.get("fromDateTime"), filters.get("toDateTime"))

    def wall(self) -> datetime:
        """Wall time of this look, UTC."""
        return self._world.clock.now()

    def wall_time(self, elapsed: float) -> datetime:
        """Wall time of a simulated moment, UTC."""
        return self._world.clock.when(elapsed)

    def age_at(self, elapsed: float) -> float:
        """The age of the world in a simulated moment."""
        return self._world.clock.age_at(elapsed)

    def dated(self, age: float) -> datetime:
        """Wall time at which the world had an age, UTC."""
        return self._world.clock.dated(age)

    def stamp(self, elapsed: float) -> str:
        """A simulated moment as DRS writes times."""
        return self.stamp_wall(self.wall_time(elapsed))

    def stamp_wall(self, moment: datetime) -> str:
        """A wall time as DRS writes times: mostly with Z, sometimes with an offset."""
        text = moment.astimezone(UTC).isoformat(timespec="microseconds")
        return text if self._offset_form else text.replace("+00:00", "Z")

    def shown(self, document: Document) -> Document:
        """A row as it leaves the API."""
        return {**document, **_EXTRA} if self._adds_keys else document


def _inside(moment: datetime, start: str | None, end: str | None) -> bool:
    after = start is None or datetime.fromisoformat(start) <= moment
    return after and (end is None or moment <= datetime.fromisoformat(end))


# The model names no default; it is the number of ids that most filters take.
PAGE_SIZE = 200

Row = TypeVar("Row")


def page_of(
    operation: str, rows: Sequence[Row], request: Document, reading: Reading
) -> tuple[Sequence[Row], Document]:
    """
    One page.

    :returns: the rows of the page, and ``nextToken`` as a document, empty on the last page.
    """
    token = request.get("nextToken")
    if token is None and reading.fault("empty_page_with_token", operation=operation) is not None:
        return [], {"nextToken": token_of(operation, 0)}
    start = 0 if token is None else _offset(operation, token)
    end = start + _size(operation, request, reading)
    following = {"nextToken": token_of(operation, end)} if end < len(rows) else {}
    return rows[start:end], following


def _size(operation: str, request: Document, reading: Reading) -> int:
    asked = int(request.get("maxResults") or PAGE_SIZE)
    fault = reading.fault("page_size", operation=operation)
    return min(asked, PAGE_SIZE if fault is None else fault["size"])


def _offset(operation: str, token: str) -> int:
    offset = offset_of(operation, token)
    if offset is None:
        raise ValidationError([("nextToken", "Member is not a token of this operation")])
    return offset
