"""Task logs: the reason of an expected failure without a traceback, and no lines about credentials."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest
import structlog
from airflow.sdk.exceptions import AirflowFailException
from botocore.exceptions import ClientError

from drs_recovery.closing.reconciler import reconcile
from drs_recovery.exceptions import ExecutionError, StoreConflictError
from drs_recovery.operators.base import fails_for_good
from sandbox.testing import Sandbox
from tests.plan_documents import database, plan
from tests.unit.steps import Steps


class TaskLog:
    """The log of a task, and what Airflow's runner does with a failure."""

    def __init__(self) -> None:
        self.lines: list[dict[str, Any]] = []
        self.processors: list[Any] = [self._keep]
        self._log = structlog.wrap_logger(
            None, processors=self.processors, wrapper_class=structlog.BoundLogger
        )

    def _keep(self, _logger: Any, _method: str, event: Any) -> Any:
        self.lines.append(dict(event))
        raise structlog.DropEvent

    def run(self, task: Callable[[], None]) -> None:
        try:
            task()
        except Exception:
            self._log.error("Task failed with exception", exc_info=True)


@pytest.fixture
def task_log(monkeypatch: pytest.MonkeyPatch) -> TaskLog:
    log = TaskLog()
    monkeypatch.setattr(structlog, "get_config", lambda: {"processors": log.processors})
    return log


def fail() -> None:
    with fails_for_good():
        raise ExecutionError("wave 1 failed: no capacity")


def test_an_expected_failure_is_told_without_a_traceback(task_log: TaskLog) -> None:
    task_log.run(fail)

    assert task_log.lines == [{"event": "Task failed with exception: wave 1 failed: no capacity"}]


def throttled() -> None:
    with fails_for_good():
        answer = {"Error": {"Code": "ThrottlingException", "Message": "Rate exceeded"}}
        raise ClientError(answer, "DescribeJobs")


def contended() -> None:
    with fails_for_good():
        raise StoreConflictError(["EXECUTION"])


@pytest.mark.parametrize(
    ("task", "told"),
    [
        (throttled, "ThrottlingException: Rate exceeded"),
        (contended, f"StoreConflictError: {StoreConflictError(['EXECUTION'])}"),
    ],
)
def test_a_failure_that_is_tried_again_is_one_line(
    task_log: TaskLog, task: Callable[[], None], told: str
) -> None:
    task_log.run(task)

    assert task_log.lines == [{"event": f"Task failed with exception: {told}"}]


def test_any_other_failure_keeps_its_traceback(task_log: TaskLog) -> None:
    task_log.run(fail)

    task_log.run(lambda: {}["missing"])

    assert task_log.lines[1] == {"event": "Task failed with exception", "exc_info": True}


def test_an_expected_failure_is_not_tried_again() -> None:
    with pytest.raises(AirflowFailException) as failure:
        fail()

    assert failure.value.__suppress_context__


def test_where_credentials_come_from_is_not_told_at_each_client() -> None:
    import drs_recovery.hooks.base  # noqa: F401

    assert not logging.getLogger("botocore.credentials").isEnabledFor(logging.INFO)


def test_one_execution_that_cannot_be_reconciled_is_one_line(
    aws: Sandbox, steps_of: Callable[..., Steps], caplog: pytest.LogCaptureFixture
) -> None:
    steps = steps_of(plan(database()))
    steps.open()

    def refused(*_: str) -> str:
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "GetItem")

    reconcile(steps.store, refused, grace=-60.0)

    (record,) = [one for one in caplog.records if "not reconciled" in one.getMessage()]
    assert "AccessDenied: no" in record.getMessage()
    assert not record.exc_info
