from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.unit.sandbox.known import DB_1

BAD_REQUESTS = [
    ("start_recovery", {}, "sourceServers: Member must not be null"),
    (
        "start_recovery",
        {"sourceServers": []},
        "sourceServers: Member must have length greater than or equal to 1",
    ),
    (
        "start_recovery",
        {"sourceServers": [{"sourceServerID": DB_1}] * 201},
        "sourceServers: Member must have length less than or equal to 200",
    ),
    ("start_recovery", {"sourceServers": [{}]}, "sourceServers[0].sourceServerID: Member must not be null"),
    (
        "start_recovery",
        {"sourceServers": [{"sourceServerID": "s-12"}]},
        "sourceServers[0].sourceServerID: Member must have length greater than or equal to 19",
    ),
    (
        "start_recovery",
        {"sourceServers": [{"sourceServerID": "x-1111111111111111a"}]},
        "sourceServers[0].sourceServerID: Member must satisfy regular expression pattern: s-[0-9a-zA-Z]{17}",
    ),
    ("start_recovery", {"sourceServers": [{"sourceServerID": 7}]}, "Member must be a string"),
    (
        "start_recovery",
        {"sourceServers": [{"sourceServerID": DB_1}], "isDrill": "yes"},
        "isDrill: Member must be a boolean",
    ),
    (
        "start_recovery",
        {"sourceServers": [{"sourceServerID": DB_1}], "tags": {"k" * 257: "v"}},
        "tags key: Member must have length less than or equal to 256",
    ),
    ("describe_jobs", {"maxResults": 0}, "maxResults: Member must have value greater than or equal to 1"),
    ("describe_jobs", {"maxResults": True}, "maxResults: Member must be a integer"),
    (
        "describe_jobs",
        {"filters": {"fromDate": "2026-01-01 00:00:00"}},
        "filters.fromDate: Member must satisfy regular",
    ),
    (
        "describe_recovery_snapshots",
        {"sourceServerID": DB_1, "order": "UP"},
        "order: Member must satisfy enum value set: [ASC, DESC]",
    ),
    (
        "update_launch_configuration",
        {"sourceServerID": DB_1, "recoveryMode": "SLOW"},
        "recoveryMode: Member must satisfy enum",
    ),
]


@pytest.mark.parametrize(("operation", "request_", "text"), BAD_REQUESTS)
def test_a_request_that_does_not_fit_the_model_is_refused(
    raw_drs: Any, operation: str, request_: dict[str, Any], text: str
) -> None:
    with pytest.raises(ClientError) as error:
        getattr(raw_drs, operation)(**request_)
    response = error.value.response
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert response["Error"]["Code"] == "ValidationException"
    assert text in response["Error"]["Message"]
    assert response["reason"] == "fieldValidationFailed"
    assert response["fieldList"][0]["name"]


def post(raw_drs: Any, body: bytes) -> str:
    """Send a body that botocore would not write."""

    def replace(request: Any, **_: Any) -> None:
        request.data = body

    event = "request-created.drs.DescribeJobs"
    raw_drs.meta.events.register(event, replace)
    try:
        with pytest.raises(ClientError) as error:
            raw_drs.describe_jobs()
    finally:
        raw_drs.meta.events.unregister(event, replace)
    assert error.value.response["Error"]["Code"] == "ValidationException"
    return str(error.value.response["Error"]["Message"])


def test_an_unknown_member_is_refused(raw_drs: Any) -> None:
    assert "jobIds: Member is unknown to this operation" in post(raw_drs, b'{"jobIds": []}')


def test_a_member_of_another_type_is_refused(raw_drs: Any) -> None:
    assert "filters: Member must be a structure" in post(raw_drs, b'{"filters": []}')


@pytest.mark.parametrize("body", [b"{", b"7", b"[1]"])
def test_a_body_that_is_no_json_object_is_refused(raw_drs: Any, body: bytes) -> None:
    assert "no JSON object" in post(raw_drs, body)


def test_every_problem_is_named_at_once(raw_drs: Any) -> None:
    with pytest.raises(ClientError, match="2 validation errors detected"):
        raw_drs.describe_jobs(maxResults=0, filters={"jobIDs": ["drsjob-0123456789abcde-_"]})
