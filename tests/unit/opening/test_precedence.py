"""A real recovery goes first, a drill never disturbs one, and each of a plan lives alone."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException
from airflow.utils.types import DagRunType

from drs_recovery.exceptions import WaveRefusedError
from drs_recovery.opening.precedence import make_way
from drs_recovery.statuses import ExecutionStatus, GateDecision
from drs_recovery.store import WaveRef
from drs_recovery.store.locks import PlanLocks
from sandbox.testing import Sandbox
from tests.plan_documents import DB_1, application, database, plan
from tests.unit.steps import Steps, deferred

StepsOf = Callable[..., Steps]

CRM = plan(database(), application())
SHARED = plan(database(), id="shared", name="Shared", groups={"database": {"servers": [DB_1]}})
APART = plan(application(), id="apart", name="Apart")
REAL = {"execution_type": "RECOVERY"}


@pytest.fixture
def drill(steps_of: StepsOf) -> Steps:
    drill = steps_of(CRM)
    drill.open()
    return drill


def _approve(steps: Steps) -> None:
    steps.store.gates.open(WaveRef(steps.execution_id, 1), message="Fail over?", approvers=())
    steps.store.gates.decide(WaveRef(steps.execution_id, 1), GateDecision.APPROVED, actor="dr-lead")


def _event(steps: Steps, name: str) -> dict[str, object]:
    (found,) = [event for event in steps.store.get_events(steps.execution_id) if event["event"] == name]
    return found


def test_a_second_drill_of_a_live_plan_is_refused_with_the_run_and_what_to_do(
    drill: Steps, steps_of: StepsOf
) -> None:
    second = steps_of(CRM, run_id="manual__2")

    with pytest.raises(AirflowFailException, match="manual__1 of recover_crm") as refused:
        second.open()

    for told in ("plan crm has a live DRILL", drill.execution_id, "PENDING", "mark its DAG run as failed"):
        assert told in str(refused.value)
    assert "manual__1" in second.document["error"]
    assert drill.document["status"] == "PENDING"


def test_a_dry_run_is_opened_beside_a_live_drill(drill: Steps, steps_of: StepsOf) -> None:
    steps_of(CRM, run_id="manual__2").open(dry_run=True)


def test_a_recovery_that_changes_its_status_in_this_moment_is_not_missed_by_a_drill_with_its_servers(
    aws: Sandbox, steps_of: StepsOf
) -> None:
    recovery = steps_of(CRM)
    recovery.open(**REAL)
    aws.add_fault("lagging_index")
    _approve(recovery)

    with pytest.raises(AirflowFailException, match="uses crm-db-01"):
        steps_of(SHARED, run_id="manual__2").open()


def test_a_drill_that_changes_its_status_in_this_moment_is_not_missed_by_a_recovery(
    aws: Sandbox, drill: Steps, steps_of: StepsOf
) -> None:
    recovery = steps_of(SHARED, run_id="manual__2")
    recovery.open(**REAL)
    _approve(recovery)
    aws.add_fault("lagging_index")
    drill.start()

    deferred(recovery.start)

    assert drill.document["status"] == "CANCELLING"


@pytest.mark.parametrize("other", [CRM, SHARED])
def test_a_scheduled_drill_beside_a_live_recovery_of_its_servers_is_skipped_with_a_green_run(
    steps_of: StepsOf, other: dict[str, object]
) -> None:
    recovery = steps_of(CRM)
    recovery.open(**REAL)
    drill = steps_of(other, run_id="scheduled__1")
    drill.run_type = DagRunType.SCHEDULED

    for _ in "a first try and a cleared one":
        with pytest.raises(AirflowSkipException, match="manual__1 of recover_crm"):
            drill.open()
        with pytest.raises(AirflowSkipException, match="manual__1 of recover_crm"):
            drill.start()
        assert drill.finalize(open_execution="skipped") == "SKIPPED"

    document = drill.document
    assert (document["status"], document["isDrill"]) == ("SKIPPED", True)
    assert recovery.execution_id in document["error"]
    assert {(wave["status"], wave["skipCause"]) for wave in document["waves"]} == {
        ("SKIPPED", "EXECUTION_SKIPPED")
    }
    assert drill.events.count("EXECUTION_SKIPPED") == 1
    assert "startTime" not in document
    assert recovery.document["status"] == "PENDING"


def test_a_scheduled_drill_beside_a_live_drill_of_its_plan_is_refused(
    drill: Steps, steps_of: StepsOf
) -> None:
    second = steps_of(CRM, run_id="scheduled__1")
    second.run_type = DagRunType.SCHEDULED

    with pytest.raises(AirflowFailException, match="plan crm has a live DRILL"):
        second.open()


def test_a_drill_that_was_cancelled_meanwhile_is_not_skipped(steps_of: StepsOf) -> None:
    steps_of(CRM).open(**REAL)
    drill = steps_of(CRM, run_id="scheduled__1")
    drill.run_type = DagRunType.SCHEDULED
    hold = drill.store.locks.hold_plan

    def cancelled_meanwhile(execution_id: str) -> object:
        other = hold(execution_id)
        drill.store.ending.request_cancel(execution_id, "ann", "not tonight")
        return other

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(PlanLocks, "hold_plan", lambda _store, one, *_: cancelled_meanwhile(one))
        with pytest.raises(AirflowFailException, match="cancelled by ann: not tonight"):
            drill.open()


def test_the_plan_is_free_when_the_drill_has_ended(drill: Steps, steps_of: StepsOf) -> None:
    with pytest.raises(AirflowFailException):
        drill.finalize(open_execution="success")

    steps_of(CRM, run_id="manual__2").open()


@pytest.mark.parametrize("other", [CRM, SHARED])
def test_a_recovery_cancels_a_drill_with_its_servers_once_it_is_approved_and_not_before(
    drill: Steps, aws: Sandbox, steps_of: StepsOf, other: dict[str, object]
) -> None:
    drill.start()
    recovery = steps_of(other, run_id="manual__2")
    recovery.open(**REAL)
    with pytest.raises(AirflowFailException, match="no approval"):
        recovery.start()
    assert "cancel" not in drill.document

    _approve(recovery)
    deferred(recovery.start)

    cancel = drill.document["cancel"]
    assert cancel["actor"] == f"recovery {recovery.execution_id}"
    assert "manual__2" in cancel["reason"]
    assert _event(drill, "EXECUTION_CANCELLING")["actor"] == cancel["actor"]
    assert _event(recovery, "DRILL_PREEMPTED")["detail"]["executionId"] == drill.execution_id
    aws.advance(600)
    assert len(recovery.start()) == 1
    with pytest.raises(AirflowFailException, match="cancelled by recovery"):
        drill.start(2)
    with pytest.raises(AirflowFailException, match="CANCELLED"):
        drill.finalize()
    assert all(server["instanceId"] for server in drill.document["waves"][0]["serverStatuses"])
    assert _event(recovery, "DRILL_PREEMPTED")


def test_a_recovery_leaves_drills_alone_that_have_none_of_its_servers(steps_of: StepsOf) -> None:
    apart = steps_of(APART)
    apart.open()
    recovery = steps_of(SHARED)
    recovery.open(**REAL)
    _approve(recovery)

    recovery.start()

    assert "cancel" not in apart.document
    assert "DRILL_PREEMPTED" not in recovery.events


@pytest.mark.parametrize("other", [CRM, SHARED])
def test_a_drill_is_refused_while_a_recovery_lives_that_has_its_servers(
    steps_of: StepsOf, other: dict[str, object]
) -> None:
    recovery = steps_of(CRM)
    recovery.open(**REAL)
    drill = steps_of(other, run_id="manual__2")

    with pytest.raises(AirflowFailException, match="manual__1 of recover_crm"):
        drill.open()

    assert ("live RECOVERY" if other is CRM else "uses crm-db-01") in drill.document["error"]
    assert "cancel" not in recovery.document


def test_a_drill_of_other_servers_runs_beside_a_recovery(steps_of: StepsOf) -> None:
    steps_of(SHARED).open(**REAL)
    steps_of(APART).open()


def test_a_second_recovery_of_a_live_plan_is_refused(steps_of: StepsOf) -> None:
    steps_of(CRM).open(**REAL)

    with pytest.raises(AirflowFailException, match="plan crm has a live RECOVERY"):
        steps_of(CRM, run_id="manual__2").open(**REAL)


def test_a_drill_that_was_reopened_starts_nothing_beside_another_one(steps_of: StepsOf) -> None:
    first = steps_of(CRM)
    first.open()
    first.store.ending.finalize(first.execution_id, ExecutionStatus.FAILED)
    second = steps_of(CRM, run_id="manual__2")
    second.open()

    with pytest.raises(WaveRefusedError, match="plan crm has a live DRILL"):
        make_way(first.store, first.execution_id)


def test_a_recovery_that_nobody_approved_yet_stops_no_drill_of_its_plan(
    aws: Sandbox, drill: Steps, steps_of: StepsOf
) -> None:
    drill.start()
    aws.advance(600)
    drill.wait()
    drill.enrich()
    recovery = steps_of(CRM, run_id="manual__2")
    recovery.open(**REAL)

    drill.start(2)

    assert "cancel" not in drill.document


def test_a_drill_that_ended_is_not_reopened_while_a_recovery_of_another_plan_has_its_servers(
    aws: Sandbox, drill: Steps, steps_of: StepsOf
) -> None:
    aws.add_fault("launch_failed", server=DB_1, times=1)
    drill.start()
    aws.advance(600)
    with pytest.raises(AirflowFailException):
        drill.wait()
    with pytest.raises(AirflowFailException, match="FAILED"):
        drill.finalize()
    steps_of(SHARED, run_id="manual__2").open(**REAL)

    drill.clear()
    with pytest.raises(AirflowFailException, match=r"A drill never disturbs a recovery"):
        drill.start()

    assert drill.document["status"] == "FAILED"
    assert len(aws.calls("drs", "StartRecovery")) == 1
