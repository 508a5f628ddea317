"""Who ends an execution, through real Airflow processes: the record names them, whatever process runs it."""

from __future__ import annotations

import pytest

from devstack.stack import Stack
from tests.e2e.drills import Drills, until

pytestmark = pytest.mark.e2e

PLAN = "billing-database"


def _wave_runs(drills: Drills, dag_id: str, run_id: str) -> None:
    def polled() -> bool:
        document = drills.document(dag_id, run_id)
        return document is not None and document["waves"][0]["status"] == "POLLING"

    until(polled, "the wave runs", 90)


@pytest.mark.parametrize("state", ["failed", "success"])
def test_who_marks_a_running_drill_is_on_record_before_the_run_has_ended(drills: Drills, state: str) -> None:
    dag_id, run_id = drills.start(PLAN)
    _wave_runs(drills, dag_id, run_id)

    drills.api.set_run_state(dag_id, run_id, state)

    document = drills.document(dag_id, run_id)
    assert document is not None
    assert document["status"] == "CANCELLING"
    assert document["cancel"]["actor"] == "admin"
    assert document["cancel"]["reason"] == f"the DAG run was marked as {state}"
    ended = drills.follow(dag_id, run_id)
    assert ended.witness.lies == []
    assert (ended.run_state, ended.document["status"]) == ("failed", "CANCELLED")
    assert all(server["instanceId"] for server in ended.document["waves"][0]["serverStatuses"])
    events = drills.store.get_events(ended.document["executionId"])
    assert [e["actor"] for e in events if e["event"] == "EXECUTION_CANCELLING"] == ["admin"]


def test_a_real_recovery_cancels_the_running_drill_of_its_plan_and_completes(
    drills: Drills, stack: Stack
) -> None:
    drill = drills.start(PLAN)
    _wave_runs(drills, *drill)
    drills.sandbox.set_speed(1)  # the drill lasts for as long as people take to approve the recovery
    started = drills.start(PLAN, execution_type="RECOVERY")

    def preempted_drill() -> bool:
        drills.approve(*started)
        document = drills.document(*drill)
        return document is not None and "cancel" in document

    until(preempted_drill, "the recovery cancels the drill", 90)
    drills.sandbox.set_speed(stack.settings.speed)
    recovery, preempted = drills.follow(*started), drills.follow(*drill)

    assert (recovery.run_state, recovery.document["status"]) == ("success", "COMPLETED")
    assert (preempted.run_state, preempted.document["status"]) == ("failed", "CANCELLED")
    actor = f"recovery {recovery.document['executionId']}"
    assert preempted.document["cancel"]["actor"] == actor
    events = drills.store.get_events(recovery.document["executionId"])
    (event,) = [e for e in events if e["event"] == "DRILL_PREEMPTED"]
    assert event["detail"]["executionId"] == preempted.document["executionId"]
    assert all(s["instanceId"] for s in preempted.document["waves"][0]["serverStatuses"])
    assert recovery.witness.lies == preempted.witness.lies == []
    # Other tests drill these servers, which nobody may while instances of a real recovery are in use.
    for server in recovery.document["waves"][0]["serverStatuses"]:
        ec2 = drills.sandbox.client("ec2", server["region"])
        ec2.terminate_instances(InstanceIds=[server["instanceId"]])
