"""
Errors of AWS after which retrying the same request may succeed: botocore's lists, and what they leave out.

The lists are botocore's business and grow with its releases, so that they are read there and not copied.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from botocore.loaders import create_loader
from botocore.retries.standard import ThrottledRetryableChecker, TransientRetryableChecker

# DRS answers with the same code when a server is not there, which is definite.
_NO_SUCH_THING = "ResourceNotFoundException"

_TABLE_OPERATIONS = frozenset({"BatchGetItem", "GetItem", "Query", "TransactGetItems", "TransactWriteItems"})

# botocore goes by their HTTP status, which not every way to an error keeps.
_FAULTS_OF_SERVERS = {
    "InternalServerException",
    "InternalServerError",
    "InternalFailure",
    "InternalError",
    "ServiceUnavailable",
    "ServiceUnavailableException",
    "Unavailable",
}
# DynamoDB's word within a transaction; other services were seen to answer with it, too.
_THROTTLED_BESIDES = {"ThrottlingError"}


class SenselessAnswerError(BotoCoreError):  # type: ignore[misc]  # botocore is not annotated
    """What came back is no answer of AWS, such as the page of a proxy; what became of the call is open."""

    fmt = "the response to {operation} is not an answer of AWS: HTTP {status}, {content}, {reason}"


@cache
def transient_codes() -> frozenset[str]:
    """Every code that only asks for patience: throttling, time-outs, faults of servers."""
    return frozenset(
        {
            *ThrottledRetryableChecker._THROTTLED_ERROR_CODES,
            *TransientRetryableChecker._TRANSIENT_ERROR_CODES,
            *_codes_in(create_loader().load_data("_retry")),
            *_FAULTS_OF_SERVERS,
            *_THROTTLED_BESIDES,
        }
    )


def _codes_in(rules: Mapping[str, Any]) -> Iterator[str]:
    """The codes anywhere in ``_retry.json``, botocore's older rules, some of them of one service."""
    for key, value in rules.items():
        if key == "service_error_code":
            yield str(value)
        elif isinstance(value, Mapping):
            yield from _codes_in(value)


def is_transient_answer(response: Mapping[str, Any]) -> bool:
    """
    Whether the same request may go through later.

    :param response: of an error, as botocore's ``ClientError`` has it.
    """
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    code = response.get("Error", {}).get("Code")
    return code in transient_codes() or status == 429 or status >= 500


def error_code(error: Exception) -> str:
    """AWS's error code, or the class name of an error that is not an answer of AWS."""
    if isinstance(error, ClientError):
        return str(error.response.get("Error", {}).get("Code", "Unknown"))
    return type(error).__name__


def is_table_missing(error: Exception) -> bool:
    """
    Whether DynamoDB has no table of the configured name: it is being restored, or a setting is wrong.

    Like a store that is away, it may come back, and nothing that runs can go on without it.
    """
    if not isinstance(error, ClientError):
        return False
    return error_code(error) == _NO_SUCH_THING and error.operation_name in _TABLE_OPERATIONS
