"""
The puts and gets of the execution store: one DynamoDB table behind a client that the caller hands in.

What a record means is the business of ``store``. Retries here are those after which a request may simply be
sent again; a lost race is a ``StoreConflictError``, because only the store can read and decide anew.
Statuses of a record that was read are the enums that the types of records name.
"""

from __future__ import annotations

import math
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import StrEnum
from typing import Any, TypeVar

from botocore.exceptions import ClientError, ConnectionError, HTTPClientError
from tenacity import (
    Retrying,
    retry_if_exception,
    stop_after_attempt,
    stop_after_delay,
    wait_random_exponential,
)

from drs_recovery.exceptions import StoreConflictError, StoreError
from drs_recovery.statuses import (
    ExecutionStatus,
    ExecutionType,
    FailureDecision,
    FindingSeverity,
    GateDecision,
    ServerPhase,
    SkipCause,
    StepDecision,
    StepStatus,
    WaveStage,
    WaveStatus,
)
from drs_recovery.store.expressions import Action, Item, Key, decode, encode
from drs_recovery.transient_errors import SenselessAnswerError, is_table_missing, is_transient_answer

Members = Mapping[str, StrEnum]


def _members(kind: type[StrEnum]) -> Members:
    return {member.value: member for member in kind}


_EXECUTION_TYPES = _members(ExecutionType)
_SEVERITIES = _members(FindingSeverity)
_STEP_STATUSES = _members(StepStatus)
_STATUSES = {"EXECUTION": _members(ExecutionStatus), "WAVE": _members(WaveStatus), "STEP": _STEP_STATUSES}
_STEP_DECISIONS = _members(StepDecision)
_SKIP_CAUSES = _members(SkipCause)
_STAGES = _members(WaveStage)
_PHASES = _members(ServerPhase)
_QUESTIONS = {"gate": _members(GateDecision), "failureGate": _members(FailureDecision)}


def with_statuses(item: Item) -> Item:
    """Turn the statuses of a record into enums, in place; one of a later release stays the text it is."""
    kind = item["recordKey"].partition("#")[0]
    if kind == "SERVER":
        _turn(item, "phase", _PHASES)
        return item
    if kind == "STEP":
        _turn(item.get("gate", {}), "decision", _STEP_DECISIONS)
        for attempt in item["attempts"]:
            _turn(attempt, "status", _STEP_STATUSES)
    _turn(item, "executionType", _EXECUTION_TYPES)
    if kind in _STATUSES:
        _turn(item, "status", _STATUSES[kind])
    if kind == "WAVE":
        _turn(item, "skipCause", _SKIP_CAUSES)
        _turn(item, "stage", _STAGES)
        for name, decisions in _QUESTIONS.items():
            _turn(item.get(name, {}), "decision", decisions)
    for finding in item.get("findings", ()):
        _turn(finding, "severity", _SEVERITIES)
    return item


def _turn(values: dict[str, Any], name: str, members: Members) -> None:
    if name in values:
        values[name] = members.get(values[name], values[name])


Result = TypeVar("Result")

# Source: DynamoDB's API reference, TransactWriteItems and BatchGetItem.
MAX_BATCH_KEYS = 100

# Rows of an index that one query reads at the most, some hundred kilobytes.
_LARGEST_PAGE = 500

BY_PLAN = "byPlan"
BY_STATUS = "byStatus"

INDEX_PARTITIONS = {BY_PLAN: "planId", BY_STATUS: "status"}
"""Partition attribute of each index."""

# Lost races of a transaction. A throttled one was not carried out either, and may start again from reading.
_LOST_RACE_CODES = frozenset(
    {"ConditionalCheckFailed", "TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"}
)
_AWAY = "the execution store did not answer, even after several tries"

# Right after CreateTable the backups of a table cannot be set yet.
_SOON_CODES = frozenset({"ContinuousBackupsUnavailableException"})


class ExecutionsTable:
    """
    The table of executions.

    :param client: a boto3 DynamoDB client; its own retry settings apply before those of this class.
    :param patience: seconds after which a request that found no answer is not made again.
    """

    def __init__(self, client: Any, table_name: str, patience: float = math.inf) -> None:
        self.client = client
        self.table_name = table_name
        self._patience = patience
        self.installation: str | None = None
        """Airflow installation in whose name executions are changed; None: of one that is not known."""

    def transact(self, actions: Sequence[Action]) -> None:
        """
        Carry out all actions or none; asking again after a lost answer does not carry them out twice.

        :param actions: at most ``MAX_TRANSACTION_ACTIONS``, each on another record.
        :raises StoreConflictError: a condition did not hold, or another transaction was at work on a record.
        """
        request = {
            "TransactItems": [action.request(self.table_name) for action in actions],
            "ClientRequestToken": uuid.uuid4().hex,
        }
        try:
            retry_transient(lambda: self.client.transact_write_items(**request), self._patience)
        except ClientError as error:
            raise _conflict_of(error, [action.key for action in actions]) or error from error

    def get(self, key: Key) -> Item | None:
        """Read one record, strongly consistent."""
        request = {"TableName": self.table_name, "Key": encode(key.attributes), "ConsistentRead": True}
        answer = retry_transient(lambda: self.client.get_item(**request), self._patience)
        return _record(answer["Item"]) if "Item" in answer else None

    def get_together(self, keys: Sequence[Key]) -> list[Item | None]:
        """
        Read records as they were at one moment, also when transactions change them meanwhile.

        :param keys: up to ``MAX_TRANSACTION_ACTIONS`` keys, none twice.
        :return: the records in the order of the keys, None for each that does not exist.
        :raises StoreConflictError: a transaction was at work on a record.
        """
        wanted = [{"Get": {"TableName": self.table_name, "Key": encode(key.attributes)}} for key in keys]
        try:
            answer = retry_transient(
                lambda: self.client.transact_get_items(TransactItems=wanted), self._patience
            )
        except ClientError as error:
            raise _conflict_of(error, keys) or error from error
        return [_record(found["Item"]) if found.get("Item") else None for found in answer["Responses"]]

    def get_many(self, keys: Sequence[Key]) -> list[Item]:
        """
        Read records in the order of their keys, strongly consistent; those that do not exist are left out.

        :param keys: any number, none twice.
        :raises StoreError: DynamoDB keeps leaving keys unanswered.
        """
        found: dict[Key, Item] = {}
        for start in range(0, len(keys), MAX_BATCH_KEYS):
            found |= self._get_batch(keys[start : start + MAX_BATCH_KEYS])
        return [found[key] for key in keys if key in found]

    def _get_batch(self, keys: Sequence[Key]) -> dict[Key, Item]:
        found: dict[Key, Item] = {}
        wanted: Sequence[Mapping[str, Any]] = [encode(key.attributes) for key in keys]

        def take_batch() -> None:
            nonlocal wanted
            request = {self.table_name: {"Keys": wanted, "ConsistentRead": True}}
            answer = self.client.batch_get_item(RequestItems=request)
            for item in map(_record, answer["Responses"].get(self.table_name, [])):
                found[Key(item["executionId"], item["recordKey"])] = item
            wanted = answer.get("UnprocessedKeys", {}).get(self.table_name, {}).get("Keys", [])
            if wanted:
                raise _UnansweredKeysError(f"DynamoDB left {len(wanted)} of {len(keys)} records unanswered")

        retry_transient(take_batch, self._patience)
        return found

    def query(self, execution_id: str, first: str, last: str, *, backward: bool = False) -> list[Item]:
        """Read the records of an execution between two record keys, both included, strongly consistent."""
        return list(self.rows(execution_id, first, last, backward=backward))

    def rows(
        self, partition: str, first: str, last: str, page_size: int | None = None, *, backward: bool = True
    ) -> Iterator[Item]:
        """
        Read the records of a partition as ``query`` does, but page by page as they are taken.

        :param page_size: how many are read at first; None for as many as DynamoDB gives at once.
        """
        values = {":id": partition, ":first": first, ":last": last}
        return self._query_pages(
            page_size,
            KeyConditionExpression="executionId = :id AND recordKey BETWEEN :first AND :last",
            ExpressionAttributeValues=encode(values),
            ConsistentRead=True,
            ScanIndexForward=not backward,
        )

    def index_rows(
        self,
        index: str,
        value: str,
        since: float | None = None,
        until: float | None = None,
        page_size: int | None = None,
    ) -> Iterator[Item]:
        """
        Read an index, newest submission first, page by page as rows are taken.

        :param index: ``BY_PLAN`` or ``BY_STATUS``.
        :param since: oldest submittedTime wanted, in epoch seconds; None for all.
        :param until: newest submittedTime wanted, in epoch seconds; None for all.
        :param page_size: how many rows are read at first; None for as many as DynamoDB gives at once.
        """
        span, bounds = _time_span(since, until)
        return self._query_pages(
            page_size,
            IndexName=index,
            KeyConditionExpression=f"#partition = :value{span}",
            ExpressionAttributeNames={"#partition": INDEX_PARTITIONS[index]},
            ExpressionAttributeValues=encode({":value": value, **bounds}),
            ScanIndexForward=False,
        )

    def _query_pages(self, page_size: int | None = None, **request: Any) -> Iterator[Item]:
        request["TableName"] = self.table_name
        while True:
            if page_size:
                request["Limit"] = page_size
                # A caller that reads on needs more than it thought: few large pages from then on.
                page_size = min(2 * page_size, _LARGEST_PAGE)
            answer = retry_transient(lambda: self.client.query(**request), self._patience)
            yield from map(_record, answer["Items"])
            if "LastEvaluatedKey" not in answer:
                return
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]


def _record(item: Mapping[str, Any]) -> Item:
    return with_statuses(decode(item))


class _UnansweredKeysError(StoreError):
    """A batch was answered in part: asking for the rest may go through."""


def _time_span(since: float | None, until: float | None) -> tuple[str, dict[str, float]]:
    """The condition on submittedTime, as it follows that on the partition, and its values."""
    if since is not None and until is not None:
        return " AND submittedTime BETWEEN :since AND :until", {":since": since, ":until": until}
    if since is not None:
        return " AND submittedTime >= :since", {":since": since}
    return ("", {}) if until is None else (" AND submittedTime <= :until", {":until": until})


def retry_transient(call: Callable[[], Result], patience: float = math.inf) -> Result:
    """
    Send a request again as long as that may help.

    :param call: sends it; safe to repeat.
    :param patience: seconds after which it is not sent again.
    """
    with _marked_if_away():
        for attempt in _attempts(patience):
            with attempt:
                return call()
    raise StoreError("no attempt was made")


@contextmanager
def _marked_if_away() -> Iterator[None]:
    """Note on an error that it is the store's: from DRS or EC2 the same error could come."""
    try:
        yield
    except Exception as error:
        if _is_transient(error) or is_table_missing(error):
            error.add_note(_AWAY)
        raise


def is_store_away(error: BaseException) -> bool:
    """Whether the store did not answer, and the same may go through later."""
    return _AWAY in getattr(error, "__notes__", ())


def _attempts(patience: float) -> Retrying:
    return Retrying(
        retry=retry_if_exception(_is_transient),
        wait=wait_random_exponential(multiplier=0.1, max=2),
        stop=stop_after_attempt(6) | stop_after_delay(patience),
        reraise=True,
    )


def _is_transient(error: BaseException) -> bool:
    """Whether the same request may go through later: throttled, a server's fault, a lost connection."""
    if isinstance(error, ClientError):
        return is_transient_answer(error.response) or error.response["Error"]["Code"] in _SOON_CODES
    return isinstance(error, (ConnectionError, HTTPClientError, SenselessAnswerError, _UnansweredKeysError))


def _conflict_of(error: ClientError, keys: Sequence[Key]) -> StoreConflictError | None:
    """Read a cancelled transaction: a lost race, or None when it was cancelled for another reason."""
    reasons = [reason.get("Code", "None") for reason in error.response.get("CancellationReasons", [])]
    failed = {code for code in reasons if code != "None"}
    if not failed or not failed <= _LOST_RACE_CODES:
        return None
    pairs = zip(keys, reasons, strict=False)
    return StoreConflictError([key.record_key for key, code in pairs if code != "None"])
