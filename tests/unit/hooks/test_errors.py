"""What AWS errors mean: try again, wait for room, or give up."""

from __future__ import annotations

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ParamValidationError,
    ReadTimeoutError,
)

from drs_recovery.hooks.errors import (
    AWS_ERRORS,
    describe,
    error_code,
    is_no_room,
    is_transient,
    retry_after,
)


def answer(code: str, status: int = 400, message: str = "", **headers: str) -> ClientError:
    metadata = {
        "HTTPStatusCode": status,
        "HTTPHeaders": {key.replace("_", "-"): v for key, v in headers.items()},
    }
    response = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": metadata}
    return ClientError(response, "StartRecovery")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "error",
    [
        answer("ThrottlingException", 429),
        answer("RequestLimitExceeded", 503),
        answer("SomethingNew", 429),
        answer("SomethingNew", 500),
        answer("InternalServerException", 500),
        answer("ExpiredTokenException", 403),
        answer("ExpiredToken", 400),
        EndpointConnectionError(endpoint_url="http://x"),
        ConnectTimeoutError(endpoint_url="http://x"),
        ReadTimeoutError(endpoint_url="http://x"),
        NoCredentialsError(),
    ],
    ids=error_code,
)
def test_what_passes_by_itself_is_tried_again(error: Exception) -> None:
    assert is_transient(error)
    assert isinstance(error, AWS_ERRORS)


@pytest.mark.parametrize(
    "error",
    [
        answer("ValidationException", 400),
        answer("AccessDeniedException", 403),
        answer("UninitializedAccountException", 400),
        answer("ResourceNotFoundException", 404),
        ParamValidationError(report="wrong"),
        KeyError("jobID"),
    ],
    ids=error_code,
)
def test_what_does_not_pass_is_not_tried_again(error: Exception) -> None:
    assert not is_transient(error)
    assert not is_no_room(error)


@pytest.mark.parametrize(
    "error", [answer("ConflictException", 409), answer("ServiceQuotaExceededException", 402)]
)
def test_a_server_in_another_job_and_a_full_quota_are_waited_for(error: ClientError) -> None:
    assert is_no_room(error)


@pytest.mark.parametrize(("value", "seconds"), [("7", 7.0), ("0", 0.0), ("soon", None), ("", None)])
def test_aws_can_say_how_long_to_wait(value: str, seconds: float | None) -> None:
    assert retry_after(answer("ThrottlingException", 429, retry_after=value)) == seconds


def test_an_error_without_an_answer_says_nothing_about_waiting() -> None:
    assert retry_after(NoCredentialsError()) is None


def test_a_role_that_sts_refuses_is_told_from_a_call_that_is_refused() -> None:
    refused = ClientError({"Error": {"Code": "AccessDenied", "Message": "not you"}}, "AssumeRole")

    assert describe(refused) == "the connection's role cannot be assumed: AccessDenied: not you"
    assert not is_transient(refused)


def test_people_get_code_and_message() -> None:
    assert describe(answer("ConflictException", 409, "busy")) == "ConflictException: busy"
    assert describe(answer("ConflictException", 409)) == "ConflictException"
    assert describe(KeyError("jobID")) == "KeyError: 'jobID'"
