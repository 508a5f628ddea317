"""The errors of the DRS API, with the HTTP status and the members that its model gives them."""

from __future__ import annotations

import json
from typing import Any

from moto.core.exceptions import JsonRESTError

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

    :param problems: (member, what is wrong with it).
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
    """
    A quota would be exceeded.

    :param quota: name of the quota in :data:`QUOTA_CODES`.
    """

    def __init__(self, message: str, quota: str) -> None:
        members = {"serviceCode": "drs", "quotaCode": QUOTA_CODES[quota]}
        super().__init__(402, "ServiceQuotaExceededException", message, **members)


class UnknownOperationError(DrsError):
    """The sandbox does not have this operation of DRS."""

    def __init__(self, operation: str) -> None:
        super().__init__(
            404, "UnknownOperationException", f"the sandbox has no DRS operation {operation or 'here'}"
        )
