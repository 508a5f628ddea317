"""``purge``: records go completely, by a right of its own, and none whose instances may still be there."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException
from botocore.exceptions import ClientError

from drs_recovery.cli import main
from drs_recovery.configured_store import execution_store
from drs_recovery.exceptions import TransitionRefusedError
from drs_recovery.operators.housekeeping import CheckInstancesOperator, TerminateDueOperator
from drs_recovery.store import WaveRef
from sandbox.testing import PREPARING_KEY, Sandbox
from tests.iam_policies import policy, preparing_dynamodb
from tests.plan_documents import DB_1, application, database, plan, web
from tests.unit.steps import A_LAUNCH, Steps, complete

StepsOf = Callable[..., Steps]
PURGER = "purger"
ASK = ["purge", "--before", f"{datetime.now(UTC):%Y-%m-%d}"]


class Old:
    """Executions that ended some days ago."""

    def __init__(self, aws: Sandbox, steps_of: StepsOf, monkeypatch: pytest.MonkeyPatch) -> None:
        past = (datetime.now(UTC) - timedelta(days=3)).timestamp()
        with monkeypatch.context() as patch:
            patch.setattr("drs_recovery.store.base.StoreBase._now", lambda self: round(past, 3))
            self.gone = self._gone(aws, steps_of)
            self.left = complete(aws, steps_of(plan(web(), id="left")), keep_instances=True)
            self.refused = self._refused(steps_of)
            self.live = steps_of(plan(application(), id="live"))
            self.live.open()

    @staticmethod
    def _gone(aws: Sandbox, steps_of: StepsOf) -> Steps:
        """A drill of which one server failed, and the instance of the other was terminated."""
        aws.add_fault("launch_failed", server=DB_1)
        steps = steps_of(plan(database(), drill={"terminate_after": "now"}))
        steps.open(ticket="CHG1")
        steps.start()
        aws.advance(A_LAUNCH)
        for task in (steps.wait, steps.enrich, steps.finalize):
            with pytest.raises(AirflowFailException):
                task()
        aws.clear_faults()
        for _ in range(2):
            TerminateDueOperator(task_id="terminate_due").execute({})
            aws.advance(A_LAUNCH)
        CheckInstancesOperator(task_id="check_instances").execute({})
        return steps

    @staticmethod
    def _refused(steps_of: StepsOf) -> Steps:
        """One that launched nothing."""
        steps = steps_of(
            plan({"groups": ["x"]}, groups={"x": {"servers": ["s-9999999999999999a"]}}, id="none")
        )
        with pytest.raises(AirflowFailException):
            steps.open()
        with pytest.raises(AirflowFailException):
            steps.finalize(open_execution="failed")
        return steps


@pytest.fixture
def old(aws: Sandbox, steps_of: StepsOf, monkeypatch: pytest.MonkeyPatch) -> Old:
    """The same, seen by whoever may purge and do nothing else."""
    executions = Old(aws, steps_of, monkeypatch)
    aws.enforce({PURGER: [policy("PurgePolicy")]})
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", PURGER)
    return executions


def rows() -> list[str]:
    """Every record of the table, as text."""
    pages = preparing_dynamodb().get_paginator("scan").paginate(TableName="dr-executions")
    return [str(row) for page in pages for row in page["Items"]]


def named(steps: Steps) -> list[str]:
    """The records of an execution; a plan's lock and a place in the queue name whoever had them last."""
    others = ("'plan:", "'queue:")
    return [row for row in rows() if steps.execution_id in row and not any(map(row.__contains__, others))]


def test_what_ended_goes_and_what_may_have_instances_stays(
    aws: Sandbox,
    steps_of: StepsOf,
    old: Old,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    others = {steps: named(steps) for steps in (old.left, old.live)}
    before = rows()

    assert main([*ASK, "--dry-run"]) == 0
    told = capsys.readouterr().out
    monkeypatch.setattr("builtins.input", lambda question: "no")
    assert main(ASK) == 1
    assert rows() == before
    assert "2 to be deleted, 1 kept" in told
    instance = old.left.document["waves"][0]["serverStatuses"][0]["recoveryInstanceId"]
    assert re.search(rf"{old.left.execution_id} .*: kept, it is not known to have lost .*{instance}", told)
    assert old.live.execution_id not in told

    assert main([*ASK, "--yes"]) == 0

    assert "2 of 2 deleted" in capsys.readouterr().out
    assert named(old.gone) == named(old.refused) == []
    assert {steps: named(steps) for steps in others} == others
    for steps in others:
        with pytest.raises(TransitionRefusedError):
            steps.store.purges.purge(steps.execution_id)
    assert aws.judged()["refused"] == []
    assert main([*ASK, "--yes"]) == 0
    assert "0 to be deleted, 1 kept" in capsys.readouterr().out
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", PREPARING_KEY)
    complete(aws, steps_of(plan(database()), run_id="manual__2"))


def test_a_purge_that_was_killed_anywhere_is_finished_by_the_next(
    old: Old, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("drs_recovery.store.purging.MAX_TRANSACTION_ACTIONS", 5)
    store, died = execution_store(), 0
    transact, allowed = type(store.table).transact, [0]

    def dying(table: Any, actions: Any) -> None:
        if not allowed[0]:
            raise KeyboardInterrupt
        allowed[0] -= 1
        transact(table, actions)

    monkeypatch.setattr(type(store.table), "transact", dying)
    while named(old.gone):
        allowed[0] = 1
        try:
            store.purges.purge(old.gone.execution_id)
        except KeyboardInterrupt:
            died += 1
            # Until its last row goes it is found and shown, and nothing of it is tried again.
            assert old.gone.execution_id in {one["executionId"] for one in store.purges.ended_before(2e9)}
            assert main(["show", old.gone.execution_id]) == 0
            assert "Being deleted" in capsys.readouterr().out
            if "WAVE#01" in str(named(old.gone)):
                with pytest.raises(TransitionRefusedError, match="being deleted"):
                    store.retries.begin(WaveRef(old.gone.execution_id, 1), "ann", 99)
    assert died > 3
    store.purges.purge(old.gone.execution_id)


def test_the_engine_cannot_purge(aws: Sandbox, steps_of: StepsOf, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = Old._refused(steps_of)
    with pytest.raises(ClientError, match="DeleteItem"):
        steps.store.purges.purge(steps.execution_id)
    assert steps.document["status"] == "FAILED"
    # Forgets what was refused here.
    aws.reset()


@pytest.mark.parametrize("day", ["2999-01-01", "yesterday", "2025-13-01"])
def test_a_day_that_makes_no_sense_is_refused(day: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["purge", "--before", day])
    assert f"invalid day value: '{day}'" in capsys.readouterr().err
