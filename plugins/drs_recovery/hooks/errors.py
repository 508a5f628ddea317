"""
What an AWS error means for a recovery: try again, or give up.

Sources: the errors of StartRecovery in botocore's drs model, AWS's list of common errors, and
:mod:`drs_recovery.transient_errors`.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    HTTPClientError,
    NoCredentialsError,
)
from botocore.exceptions import (
    ConnectionError as BotoConnectionError,
)

from drs_recovery.exceptions import DrsRecoveryError, StoreConflictError
from drs_recovery.transient_errors import (
    SenselessAnswerError,
    error_code,
    is_table_missing,
    is_transient_answer,
)

# Of credentials that expired between two calls: a new client has new ones.
_EXPIRED_CODES = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired"})

# DRS has no capacity now: a server is in another job (409), or a quota of running jobs is reached (402).
_CONFLICT = "ConflictException"
_OVER_QUOTA_CODES = frozenset({_CONFLICT, "ServiceQuotaExceededException"})

LONGEST_RETRY_AFTER = 300.0
"""Seconds: as long as a poller pauses after failures. Whoever asks again sooner than AWS wants is told so."""

# Seconds. An answer that asks for more is broken: no service throttles for a week.
_CREDIBLE_WAIT = 7 * 86400.0
_SECONDS = re.compile(r"[0-9]+")


_NO_ANSWER = (BotoConnectionError, HTTPClientError, CredentialRetrievalError, NoCredentialsError)

# Also a connection that cannot be used, such as one without its profile: it concerns one target only.
AWS_ERRORS: tuple[type[Exception], ...] = (ClientError, BotoCoreError)

# Neither DRS's nor the store's troubles end a wait: only the wave's time-out does.
PASSING_TROUBLE: tuple[type[Exception], ...] = (*AWS_ERRORS, StoreConflictError)
FORESEEN_ERRORS: tuple[type[Exception], ...] = (*AWS_ERRORS, DrsRecoveryError)
"""Whose text says everything: a traceback in a log is for mistakes in this program."""


class MissingConnectionError(BotoCoreError):  # type: ignore[misc]  # botocore is not annotated
    """An Airflow connection is not found (now): it was deleted, or a secrets backend does not answer."""

    fmt = "there is no Airflow connection {connection}"


class UnansweredConnectionError(MissingConnectionError):
    """Airflow does not say (now) whether it has a connection."""

    fmt = "Airflow does not say whether there is a connection {connection}"


class UnusableConnectionError(BotoCoreError):  # type: ignore[misc]  # botocore is not annotated
    """What an Airflow connection says of itself makes no sense."""

    fmt = "the Airflow connection {connection} cannot be used: {reason}"


def is_transient(error: Exception) -> bool:
    """
    Whether the same call may succeed later: throttling, 5xx, resets, time-outs, expired tokens.

    A connection is looked for before an execution may start: one that is missing later may come back, too.
    """
    if isinstance(error, ClientError):
        return error_code(error) in _EXPIRED_CODES or is_transient_answer(error.response)
    return isinstance(error, (*_NO_ANSWER, SenselessAnswerError, MissingConnectionError))


def is_unanswered(error: Exception) -> bool:
    """Whether nobody answered at all, so that the next call would wait as long for nothing."""
    return isinstance(error, _NO_ANSWER)


def is_over_quota(error: Exception) -> bool:
    """Whether DRS refused a job only because of other jobs that run now."""
    return error_code(error) in _OVER_QUOTA_CODES


def is_conflict(error: Exception) -> bool:
    """Whether DRS refused a job because another one has one of its servers."""
    return error_code(error) == _CONFLICT


def is_refusal(error: Exception) -> bool:
    """Whether AWS answered that it did not do what it was asked for; a 5xx leaves that open."""
    if not isinstance(error, ClientError):
        return False
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500)) < 500


def retry_after(error: Exception) -> float | None:
    """
    Seconds that AWS asks to wait (header ``Retry-After``), where it says so, and some minutes at the most.

    Both forms count, seconds and a date; what is neither, or asks for more than days, says nothing.
    """
    if not isinstance(error, ClientError):
        return None
    headers = error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    value = str(headers.get("retry-after", "")).strip()
    seconds = float(value) if _SECONDS.fullmatch(value) else _seconds_until(value, headers.get("date"))
    if seconds is None or seconds > _CREDIBLE_WAIT:
        return None
    return min(max(seconds, 0.0), LONGEST_RETRY_AFTER)


def _seconds_until(date: str, now: str | None) -> float | None:
    """From the time of the answer, by the same clock: ours may differ."""
    then = _moment(date)
    if then is None:
        return None
    return (then - (_moment(now or "") or datetime.now(UTC))).total_seconds()


def _moment(date: str) -> datetime | None:
    """An HTTP date; None for what is none."""
    try:
        moment = parsedate_to_datetime(date)
    except (ValueError, TypeError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def is_of_role(error: Exception) -> bool:
    """Whether the call was not made at all: STS gave no session of the connection's role."""
    return isinstance(error, ClientError) and error.operation_name.startswith("AssumeRole")


def describe(error: Exception) -> str:
    """One sentence for a person: code and message, and whether it is about the role of the connection."""
    if isinstance(error, ClientError):
        told = f"{error_code(error)}: {error.response.get('Error', {}).get('Message', '')}".rstrip(": ")
        if is_table_missing(error):
            return f"{told}: there is no DynamoDB table of the name in [drs_recovery] executions_table"
        return f"the connection's role cannot be assumed: {told}" if is_of_role(error) else told
    return f"{type(error).__name__}: {error}"


def describe_safely(error: Exception) -> str:
    """The same without AWS's own words, which can quote a signed request, session token and all."""
    return error_code(error) if isinstance(error, ClientError) else describe(error)
