"""What AWS errors mean: try again, wait for room, or give up."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ParamValidationError,
    ReadTimeoutError,
)
from botocore.loaders import Loader
from botocore.retries.standard import ThrottledRetryableChecker, TransientRetryableChecker

from drs_recovery.hooks.errors import (
    AWS_ERRORS,
    LONGEST_RETRY_AFTER,
    describe,
    is_over_quota,
    is_transient,
    retry_after,
)
from drs_recovery.store import table
from drs_recovery.transient_errors import error_code


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
    assert not is_over_quota(error)


@pytest.mark.parametrize(
    "error", [answer("ConflictException", 409), answer("ServiceQuotaExceededException", 402)]
)
def test_a_server_in_another_job_and_a_full_quota_are_waited_for(error: ClientError) -> None:
    assert is_over_quota(error)


CODES_OF_BOTOCORE = {
    *ThrottledRetryableChecker()._throttled_error_codes,
    *TransientRetryableChecker()._transient_error_codes,
    *re.findall(r'"service_error_code": "(\w+)"', json.dumps(Loader().load_data("_retry"))),
}


@pytest.mark.parametrize("code", sorted(CODES_OF_BOTOCORE))
def test_each_code_that_botocore_tries_again_is_tried_again_by_hooks_and_store(code: str) -> None:
    assert is_transient(answer(code, 400))
    assert table._is_transient(answer(code, 400))


@pytest.mark.parametrize(
    "code",
    [
        "ThrottlingException",
        "RequestThrottledException",
        "SlowDown",
        "EC2ThrottledException",
        "PriorRequestNotComplete",
        "BandwidthLimitExceeded",
        "TransactionInProgressException",
        "ThrottlingError",
        "ServiceUnavailable",
        "InternalError",
    ],
)
def test_codes_that_were_seen_to_pass_are_tried_again_whatever_botocore_has(code: str) -> None:
    assert is_transient(answer(code, 400))
    assert table._is_transient(answer(code, 400))


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7.0),
        (" 7 ", 7.0),
        ("0", 0.0),
        ("soon", None),
        ("", None),
        ("-3", None),
        ("1.5", None),
        ("1e3", None),
        ("nan", None),
        ("inf", None),
        ("²", None),
        ("٣", None),
        ("99999999999999", None),
        ("9" * 400, None),
        ("9" * 5000, None),
        ("300", 300.0),
        ("301", LONGEST_RETRY_AFTER),
        ("86400", LONGEST_RETRY_AFTER),
        ("Sun, 06 Nov 1994 08:49:47 GMT", 10.0),
        ("Sunday, 06-Nov-94 08:49:47 GMT", 10.0),
        ("Sun Nov  6 08:49:47 1994", 10.0),
        ("Sun, 06 Nov 1994 08:49:00 GMT", 0.0),
        ("Mon, 07 Nov 1994 08:49:37 GMT", LONGEST_RETRY_AFTER),
        ("Fri, 31 Dec 9999 23:59:59 GMT", None),
        ("Sun, 99 Nov 1994 08:49:47 GMT", None),
    ],
)
def test_aws_can_say_how_long_to_wait(value: str, seconds: float | None) -> None:
    told = answer("ThrottlingException", 429, retry_after=value, date="Sun, 06 Nov 1994 08:49:37 GMT")

    assert retry_after(told) == seconds


def test_a_date_to_wait_for_is_counted_by_our_clock_if_aws_does_not_tell_its_own() -> None:
    then = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)

    assert 80 < (retry_after(answer("ThrottlingException", 429, retry_after=then)) or 0) <= 90


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
