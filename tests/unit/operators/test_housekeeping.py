"""Housekeeping: drills whose time is over are cleaned up, and nothing else is touched."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowRuntimeError, ErrorType
from airflow.sdk.execution_time.comms import ErrorResponse

from drs_recovery.hooks.clients import Target
from drs_recovery.operators.housekeeping import (
    ReconcileOperator,
    RecordPlansOperator,
    SweepOperator,
    TerminateDueOperator,
)
from drs_recovery.termination.sweep import Sweep, Sweeper, known_targets
from sandbox.testing import Sandbox
from tests.plan_documents import (
    APP_1,
    APP_2,
    BILLING_DB_1,
    DB_1,
    DB_2,
    WEB_1,
    WEST,
    application,
    database,
    plan,
    web,
)
from tests.unit.steps import Steps, complete

StepsOf = Callable[..., Steps]

A_DRILL, A_TERMINATION = 600, 60
EAST = Target("aws_default", "us-east-1")

NOW = {"drill": {"terminate_after": "now"}}


@pytest.fixture(autouse=True)
def _no_plan_files(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__DRS_RECOVERY__PLANS_DIR", str(tmp_path))
    monkeypatch.setenv("AIRFLOW_CONN_OTHER", "aws://")


@pytest.fixture
def due(aws: Sandbox, steps_of: StepsOf) -> Steps:
    """A drill of two instances whose time is over."""
    return complete(aws, steps_of(plan(database(), **NOW)))


def terminate_due() -> dict[str, Any]:
    return TerminateDueOperator(task_id="terminate_due").execute({})


def record_plans() -> list[str]:
    return RecordPlansOperator(task_id="record_plans", dag_file="dags/housekeeping.py").execute({})


def test_a_worker_without_the_folder_of_plan_files_says_so_and_forgets_nothing(
    due: Steps, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = due.store.plans.hashes()
    monkeypatch.setenv("AIRFLOW__DRS_RECOVERY__PLANS_DIR", str(tmp_path / "nowhere"))

    with pytest.raises(AirflowFailException, match=r"cannot read the plan files: .*nowhere"):
        record_plans()

    assert due.store.plans.hashes() == known


def sweep(steps: Steps, *targets: Target) -> Sweep:
    return Sweeper(steps.store).sweep(targets or [EAST])


def drill_by_hand(aws: Sandbox, server: str, **request: Any) -> str:
    """Launch an instance past Airflow; its id."""
    drs = aws.client("drs")
    drs.start_recovery(sourceServers=[{"sourceServerID": server}], **{"isDrill": True, **request})
    aws.advance(A_DRILL)
    rows = drs.describe_recovery_instances(filters={"sourceServerIDs": [server]})["items"]
    return str(rows[0]["recoveryInstanceID"])


def running(aws: Sandbox) -> set[str]:
    """Source servers with a recovery instance."""
    return {row["sourceServerID"] for row in aws.client("drs").describe_recovery_instances()["items"]}


def terminate_calls(aws: Sandbox) -> int:
    return len(aws.calls("drs", "TerminateRecoveryInstances"))


def later(monkeypatch: pytest.MonkeyPatch, hours: float) -> None:
    """Let the clock of housekeeping's decisions show a later time."""
    monkeypatch.setattr(
        "drs_recovery.termination.sweep.time", SimpleNamespace(time=lambda: time.time() + hours * 3600)
    )


def test_a_due_drill_is_terminated_over_two_passes_without_waiting(aws: Sandbox, due: Steps) -> None:
    first = terminate_due()
    assert first["under_way"].keys() == {due.execution_id}
    aws.advance(A_TERMINATION)
    second = terminate_due()
    third = terminate_due()

    assert second["terminated"] == [due.execution_id]
    assert third == {"terminated": [], "under_way": {}, "failed": {}}
    assert running(aws) == set()
    assert due.document["instancesTerminated"] is True
    assert due.events.count("TERMINATION_REQUESTED") == 1
    asked = next(e for e in due.store.get_events(due.execution_id) if e["event"] == "TERMINATION_REQUESTED")
    assert asked["actor"] == "housekeeping"


def test_drills_that_are_not_due_or_are_to_be_kept_stay(aws: Sandbox, steps_of: StepsOf) -> None:
    complete(aws, steps_of(plan(database(), id="in-two-hours")))
    complete(aws, steps_of(plan(application(), id="kept", **NOW)), keep_instances=True)

    assert terminate_due() == {"terminated": [], "under_way": {}, "failed": {}}
    assert running(aws) == {DB_1, DB_2, APP_1, APP_2}


def test_a_refusal_is_told_to_people_and_holds_up_no_other_drill(
    aws: Sandbox, due: Steps, steps_of: StepsOf
) -> None:
    other = complete(aws, steps_of(plan(application(), id="other", **NOW)))
    aws.add_fault("failback", server=DB_1)

    terminate_due_fails = pytest.raises(AirflowFailException, match=r"crm-db-01.*in failback")
    with terminate_due_fails:
        terminate_due()
    aws.advance(A_TERMINATION)
    with terminate_due_fails:
        terminate_due()

    assert running(aws) == {DB_1}
    assert other.document["instancesTerminated"] is True
    assert due.events.count("TERMINATION_FAILED") == 1


def test_an_aws_that_does_not_answer_holds_up_no_other_place(
    aws: Sandbox, due: Steps, steps_of: StepsOf
) -> None:
    abroad = {"database": {"servers": [BILLING_DB_1], "region": WEST}}
    other = complete(aws, steps_of(plan(database(), id="other", groups=abroad, **NOW)))
    aws.add_fault("reset", service="drs", region="us-east-1")

    assert terminate_due()["under_way"].keys() == {due.execution_id, other.execution_id}
    aws.advance(A_TERMINATION)
    assert terminate_due()["terminated"] == [other.execution_id]

    aws.clear_faults()
    terminate_due()
    aws.advance(A_TERMINATION)
    assert terminate_due()["terminated"] == [due.execution_id]


def test_a_connection_that_cannot_be_used_holds_up_no_other_drill_and_no_other_place(
    aws: Sandbox, steps_of: StepsOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = complete(aws, steps_of(plan(database(), id="broken", connection="other", **NOW)))
    other = complete(aws, steps_of(plan(application(), id="other", **NOW)))
    monkeypatch.setenv("AIRFLOW_CONN_OTHER", '{"conn_type": "aws", "extra": {"profile_name": "nobody"}}')

    with pytest.raises(AirflowFailException, match=broken.execution_id):
        terminate_due()
    aws.advance(A_TERMINATION)
    with pytest.raises(AirflowFailException, match="nobody"):
        terminate_due()

    assert other.document["instancesTerminated"] is True
    swept = sweep(other, Target("other", "us-east-1"), Target("other", WEST), EAST)
    assert len(swept.failed) == 2


def test_a_live_recovery_of_the_plan_is_not_held_up_by_a_clean_up(
    aws: Sandbox, due: Steps, steps_of: StepsOf
) -> None:
    recovery = steps_of(plan(database(), **NOW), run_id="manual__2")
    recovery.open(execution_type="RECOVERY")

    assert recovery.execution_id in terminate_due()["under_way"][due.execution_id]
    assert terminate_calls(aws) == 0


def test_a_drill_that_is_recorded_as_due_without_being_so_is_forgotten(
    aws: Sandbox, due: Steps, steps_of: StepsOf
) -> None:
    """A retry opened it again, or somebody deleted its record."""
    table = due.store.table
    table.client.update_item(
        TableName=table.table_name,
        Key={"executionId": {"S": due.execution_id}, "recordKey": {"S": "EXECUTION"}},
        UpdateExpression="REMOVE terminateAfter",
    )

    assert terminate_due() == {"terminated": [], "under_way": {}, "failed": {}}
    assert due.store.terminations.due() == []
    assert terminate_calls(aws) == 0


def test_an_instance_that_came_up_after_the_end_of_its_drill_is_swept(aws: Sandbox, due: Steps) -> None:
    late = drill_by_hand(aws, APP_1, tags={"dr:executionId": due.execution_id})

    result = sweep(due)

    assert result.terminated == [f"{late} in us-east-1"]
    aws.advance(A_TERMINATION)
    # Those on record are cleaned up by the record.
    assert running(aws) == {DB_1, DB_2}
    event = due.store.get_events(due.execution_id)[-1]
    assert (event["event"], event["detail"]["instances"]) == ("INSTANCES_SWEPT", [late])


def test_what_is_swept_under_way_is_no_failure(aws: Sandbox, due: Steps) -> None:
    drill_by_hand(aws, APP_1, tags={"dr:executionId": due.execution_id})
    sweep(due)
    assert sweep(due) == Sweep()


def test_an_instance_of_a_real_recovery_that_came_up_after_the_end_is_put_on_record_and_kept(
    aws: Sandbox, steps_of: StepsOf
) -> None:
    aws.add_fault("launch_failed", server=DB_1, times=1)
    steps = steps_of(plan(database(), approval={"recovery": False}))
    steps.open(execution_type="RECOVERY")
    steps.start()
    aws.advance(A_DRILL)
    with pytest.raises(AirflowFailException):
        steps.wait()
    with pytest.raises(AirflowFailException):
        steps.finalize()
    late = drill_by_hand(aws, DB_1, isDrill=False, tags={"dr:executionId": steps.execution_id})

    first, second = sweep(steps), sweep(steps)

    assert first == Sweep(recorded=[f"{late} in us-east-1"])
    assert second == Sweep()
    assert running(aws) == {DB_1, DB_2}
    (server,) = [s for s in steps.document["waves"][0]["serverStatuses"] if s["sourceServerId"] == DB_1]
    assert [one["instanceId"] for one in server["previousInstances"]] == [late]
    assert server["phase"] == "FAILED"
    event = steps.store.get_events(steps.execution_id)[-1]
    assert (event["event"], event["detail"]["instanceId"]) == ("INSTANCE_FOUND_LATE", late)


def test_an_instance_of_a_real_recovery_that_is_not_ours_is_neither_recorded_nor_told(
    aws: Sandbox, due: Steps
) -> None:
    drill_by_hand(aws, APP_1, isDrill=False)
    assert sweep(due) == Sweep()
    assert APP_1 in running(aws)


def test_nothing_is_swept_of_an_execution_that_was_opened_again_during_the_sweep(
    aws: Sandbox, steps_of: StepsOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    aws.add_fault("launch_failed", server=DB_1, times=1)
    aws.add_fault("launch_failed", server=DB_2, times=1)
    steps = steps_of(plan(database(), **NOW))
    steps.open()
    steps.start()
    aws.advance(A_DRILL)
    with pytest.raises(AirflowFailException):
        steps.wait()
    with pytest.raises(AirflowFailException):
        steps.finalize()
    sweeper = Sweeper(steps.store)
    ended = sweeper._documents.get(steps.execution_id)
    assert ended is not None
    steps.clear()
    steps.start()
    aws.advance(A_DRILL)

    assert sweeper.sweep([EAST]).terminated == []

    assert terminate_calls(aws) == 0
    assert running(aws) == {DB_1, DB_2}


def test_instances_of_ours_that_may_stay_are_left_alone(
    aws: Sandbox, steps_of: StepsOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = complete(aws, steps_of(plan(database(), id="kept", **NOW)), keep_instances=True)
    not_due = complete(aws, steps_of(plan(web(), id="not-due")))
    live = steps_of(plan(application(), id="live", **NOW))
    live.open()
    live.start()
    aws.advance(A_DRILL)
    drill_by_hand(aws, WEB_1, tags={"dr:executionId": not_due.execution_id})
    before = running(aws)

    assert sweep(kept) == Sweep()
    assert terminate_calls(aws) == 0
    assert running(aws) == before
    later(monkeypatch, hours=3)
    assert len(sweep(kept).terminated) == 1


def test_drill_instances_that_are_not_ours_are_told_and_never_touched(aws: Sandbox, due: Steps) -> None:
    untagged = drill_by_hand(aws, APP_1)
    elsewhere = drill_by_hand(aws, APP_2, tags={"dr:executionId": "of-another-store"})

    result = sweep(due)

    assert result.terminated == []
    assert "carries no tags" in result.foreign[f"{untagged} in us-east-1"]
    assert "of-another-store is not in this store" in result.foreign[f"{elsewhere} in us-east-1"]
    assert terminate_calls(aws) == 0


def test_instances_of_a_real_recovery_are_never_swept(aws: Sandbox, due: Steps) -> None:
    drill_by_hand(aws, APP_1, isDrill=False, tags={"dr:executionId": due.execution_id})

    assert sweep(due) == Sweep()
    assert terminate_calls(aws) == 0


def test_every_place_is_swept_whatever_happens_at_the_others(aws: Sandbox, due: Steps) -> None:
    late = drill_by_hand(aws, APP_1, tags={"dr:executionId": due.execution_id})
    aws.add_fault("reset", service="drs", region=WEST)

    result = sweep(due, Target("aws_default", WEST), Target("nowhere", WEST), EAST)

    assert result.terminated == [f"{late} in us-east-1"]
    assert [text.split(":")[0] for text in result.unreachable] == ["us-west-2 (connection aws_default)"]
    assert result.failed == ["us-west-2 (connection nowhere): there is no such connection"]


def test_a_place_without_rights_fails_the_sweep(aws: Sandbox, due: Steps) -> None:
    aws.add_fault("error", operation="DescribeRecoveryInstances", status=403, code="AccessDeniedException")
    with pytest.raises(AirflowFailException, match="AccessDeniedException"):
        SweepOperator(task_id="sweep").execute({})


def test_places_are_those_of_the_plans_and_of_recent_executions(
    aws: Sandbox, due: Steps, tmp_path: Any
) -> None:
    (tmp_path / "abroad.yaml").write_text(
        "{schema_version: 1, region: eu-west-1, connection: dr, waves: [{name: One, groups: [g]}],"
        f" protection_groups: {{g: {{servers: [{BILLING_DB_1}]}}}}}}"
    )
    (tmp_path / "broken.yaml").write_text("waves: nothing")
    assert record_plans() == ["abroad", "broken"]
    # The next step may run on another worker, which has no plan files.
    (tmp_path / "abroad.yaml").unlink()

    assert known_targets(due.store) == {EAST, Target("dr", "eu-west-1")}


def test_a_run_that_airflow_does_not_know_counts_as_gone(
    aws: Sandbox, steps_of: StepsOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = steps_of(plan(database()))
    steps.open()
    monkeypatch.setattr("drs_recovery.closing.reconciler.GRACE_SECONDS", -60.0)
    monkeypatch.setattr("drs_recovery.closing.reconciler.reconcile.__kwdefaults__", {"grace": -60.0})

    def get_dagrun_state(dag_id: str, run_id: str) -> str:
        detail = {"status_code": status, "message": "told by the API"}
        raise AirflowRuntimeError(ErrorResponse(error=ErrorType.API_SERVER_ERROR, detail=detail))

    context: Any = {"ti": SimpleNamespace(get_dagrun_state=get_dagrun_state)}
    status = 500
    assert steps.execution_id in ReconcileOperator(task_id="reconcile").execute(context)["failed"]
    status = 404
    assert ReconcileOperator(task_id="reconcile").execute(context)["closed"] == [steps.execution_id]
