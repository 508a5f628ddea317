"""What an execution leaves running and costing money."""

from __future__ import annotations

import json
from typing import Any

from drs_recovery.web.executions.costs import InstancesState, running_instances
from drs_recovery.web.shared.formatting import Timestamp
from tests.unit.web.documents import START, document, server, wave

NOW = START + 1000
TWO = wave("COMPLETED", server("a"), server("b", region="eu-west-1", launchedTime=START + 90))
ENDS = "2027-01-15 10:12:00 UTC"


def cleanup(*args: Any, now: float = NOW, **fields: Any) -> str:
    return str(running_instances(document(*args, **fields), now).cleanup)


def test_instances_are_counted_by_region_since_the_first_of_them() -> None:
    found = running_instances(document("COMPLETED", TWO, terminateAfter=START + 7920), NOW)
    assert (found.state, found.count) == (InstancesState.RUNNING, 2)
    assert found.since == Timestamp.at(START + 90)
    assert str(found.sentence) == (
        "2 drill instances run and cost money: 1 in eu-west-1 and 1 in us-east-1, "
        "the first of them since 2027-01-15 08:01:30 UTC; when that was last checked is not known."
    )
    assert str(found.cleanup) == f"They are terminated automatically within ten minutes of {ENDS}."


def test_an_instance_of_a_failed_server_and_of_an_earlier_attempt_costs_money_too() -> None:
    failed = server("a", "FAILED", instanceId="i-1", previousInstances=[{"instanceId": "i-0", "jobId": "j"}])
    found = running_instances(document("FAILED", wave("FAILED", failed)), NOW)
    assert found.count == 2
    assert found.since is None
    assert str(found.sentence) == (
        "2 drill instances are on record and not seen running: 2 in us-east-1; "
        "when that was last checked is not known; what is there costs money."
    )


def test_a_ready_server_of_an_earlier_release_ran_although_its_record_lacks_the_state() -> None:
    old = server("a", instanceState=None)
    del old["instanceState"]
    found = running_instances(document("COMPLETED", wave("COMPLETED", old)), NOW)
    assert str(found.sentence).startswith("1 drill instance runs and costs money")


def test_only_what_was_seen_running_is_said_to_run_and_when_that_was_last_known() -> None:
    seen = server("a", lastPolledTime=START + 500)
    stopped = server("b", instanceState="stopped", lastPolledTime=START + 700)
    found = running_instances(document("COMPLETED", wave("COMPLETED", seen, stopped)), NOW)
    assert found.count == 2
    assert str(found.sentence) == (
        "1 drill instance runs and costs money: 1 in us-east-1, the first of them since "
        "2027-01-15 08:02:00 UTC; last checked 2027-01-15 08:08:20 UTC. "
        "1 more is on record and not seen running."
    )
    compared = document("COMPLETED", wave("COMPLETED", seen, stopped), instancesCheckedTime=START + 900)
    assert "; last checked 2027-01-15 08:15:00 UTC." in str(running_instances(compared, NOW).sentence)


def test_instances_that_are_gone_or_were_replaced_cost_nothing() -> None:
    waves = wave(
        "COMPLETED",
        server("a", replacedBy="e2", previousInstances=[{"instanceId": "i-0"}]),
        server("b", instanceState="terminated"),
        server("c", instanceState="shutting-down"),
    )
    found = running_instances(document("COMPLETED", waves), NOW)
    assert (found.state, found.count, str(found.cleanup)) == (InstancesState.NONE, 0, "")
    assert str(found.sentence) == (
        "Nothing of it is known to run: its instances are gone, or a later launch replaced them."
    )


def test_one_instance_runs_and_costs() -> None:
    found = running_instances(document("COMPLETED", wave("COMPLETED", server())), NOW)
    assert str(found.sentence).startswith("1 drill instance runs and costs money: 1 in us-east-1, the first")


def test_what_was_seen_to_be_gone_costs_nothing() -> None:
    gone = server("a", "TERMINATED", terminatedTime=START + 900)
    half = document("COMPLETED", wave("COMPLETED", gone, server("b")), terminationRequests=[REQUEST])
    assert running_instances(half, NOW).count == 1
    last = running_instances(document("COMPLETED", wave("COMPLETED", gone)), NOW)
    assert (last.state, last.count, str(last.cleanup)) == (InstancesState.NONE, 0, "")
    assert "that nothing is left is being confirmed" in str(last.sentence)


REQUEST = {"actor": "admin", "time": START + 800, "requestId": "r"}


def test_when_everything_is_gone_it_says_since_when() -> None:
    gone = wave("COMPLETED", server("a", "TERMINATED", terminatedTime=START + 900))
    ended = document("COMPLETED", gone, instancesTerminated=True, terminatedTime=START + 960)
    found = running_instances(ended, NOW)
    assert found.state is InstancesState.TERMINATED
    assert str(found.sentence) == (
        "Nothing of it runs any more: its instances are terminated, 2027-01-15 08:16:00 UTC."
    )


def test_without_any_instance_it_says_why() -> None:
    states = {
        "No instance is on record yet.": document("POLLING", wave("POLLING", server(phase="LAUNCH"))),
        "It left no instance.": document("FAILED", wave("FAILED", server(phase="FAILED"))),
        "A dry run launches nothing.": document("COMPLETED", wave("SKIPPED"), dryRun=True),
    }
    assert {str(running_instances(state, NOW).sentence) for state in states.values()} == set(states)
    assert [running_instances(state, NOW).state for state in states.values()] == [InstancesState.NONE] * 3


def test_jobs_that_run_may_launch_more() -> None:
    job = {"jobId": "drsjob-1", "region": "us-east-1", "status": "STARTED"}
    runs = document("CANCELLING", wave("POLLING", server("a"), jobs=[job]))
    ended = document("CANCELLING", wave("POLLING", server("a"), jobs=[{**job, "status": "COMPLETED"}]))
    assert running_instances(runs, NOW).may_grow
    assert not running_instances(ended, NOW).may_grow


def test_a_drill_that_lives_tells_when_its_instances_will_go() -> None:
    running = ("POLLING", wave("POLLING", server()))
    assert cleanup(*running) == "It is terminated automatically 2 h after the drill's end."
    at_once = {"id": "crm", "drill": {"terminate_after": "now"}}
    assert cleanup(*running, planSnapshot=json.dumps(at_once)).endswith("as soon as the drill has ended.")
    never = {"id": "crm", "drill": {"terminate_after": "never"}}
    assert cleanup(*running, planSnapshot=json.dumps(never)) == (
        "Nothing is terminated automatically: the plan keeps the instances of its drills."
    )


def test_a_clean_up_whose_time_has_come_is_due() -> None:
    told = cleanup("COMPLETED", TWO, terminateAfter=START + 7920, now=START + 7920)
    assert told == f"Cleanup has been due since {ENDS}: housekeeping runs every ten minutes."


def test_instances_that_nobody_terminates_are_said_to_stay() -> None:
    assert cleanup("COMPLETED", TWO) == (
        "Nothing is terminated automatically: the plan keeps the instances of its drills."
    )
    assert "keep_instances" in cleanup("COMPLETED", TWO, keepInstances=True)
    assert cleanup("COMPLETED", TWO, recovery=True) == (
        "Nothing is terminated automatically: what becomes of it is yours to decide."
    )


def test_a_real_recovery_is_called_so() -> None:
    found = running_instances(document("COMPLETED", TWO, recovery=True), NOW)
    assert str(found.sentence).startswith("2 instances of the real recovery run and cost money")


def test_a_termination_names_who_asked_for_it_and_its_jobs() -> None:
    job = {"jobId": "drsjob-9", "region": "us-east-1", "status": "STARTED", "startTime": START + 810}
    state = document("COMPLETED", TWO, terminationRequests=[REQUEST], terminateJobs=[job])
    found = running_instances(state, NOW)
    assert found.state is InstancesState.TERMINATING
    assert str(found.cleanup) == ("They are being terminated: requested by admin, 2027-01-15 08:13:20 UTC.")
    assert [(row.job.text, row.mark.word) for row in found.jobs] == [("drsjob-9", "Running")]


def test_a_termination_of_some_waves_says_nothing_of_the_others() -> None:
    asked = [{**REQUEST, "waves": [2]}]
    both = (wave("COMPLETED", server("a")), wave("COMPLETED", server("b")))
    half = (both[0], wave("COMPLETED", server("b", "TERMINATED", terminatedTime=START + 900)))
    told = cleanup("COMPLETED", *both, terminationRequests=asked)
    assert told == "Those of wave 2 are being terminated: requested by admin, 2027-01-15 08:13:20 UTC."
    left = running_instances(document("COMPLETED", *half, terminationRequests=asked, recovery=True), NOW)
    assert (left.state, left.count) == (InstancesState.RUNNING, 1)
    assert str(left.cleanup).startswith("Nothing is terminated automatically")


def test_an_instance_that_came_up_after_the_termination_is_not_being_terminated() -> None:
    done = {**REQUEST, "endTime": START + 900}
    late = document("FAILED", wave("FAILED", server("a")), recovery=True, terminationRequests=[done])
    assert running_instances(late, NOW).state is InstancesState.RUNNING


def test_a_job_that_outlived_the_record_may_have_launched_something() -> None:
    job = {"jobId": "drsjob-1", "region": "us-east-1", "status": "STARTED"}
    unknown = " DRS jobs had not ended when they were last seen: they may have launched more since."
    none = document("FAILED", wave("FAILED", server(phase="FAILED"), jobs=[job]))
    assert str(running_instances(none, NOW).sentence) == f"No instance of it is on record.{unknown}"
    one = document("FAILED", wave("FAILED", server("a"), jobs=[job]))
    assert str(running_instances(one, NOW).sentence).endswith(f"known.{unknown}")


def test_a_termination_that_failed_says_why() -> None:
    state = document("COMPLETED", TWO, terminationRequests=[REQUEST], terminationError="i-a: in failback")
    found = running_instances(state, NOW)
    assert (found.state, found.problem) == (InstancesState.TERMINATION_FAILED, "i-a: in failback")
    assert str(found.cleanup) == "They were to be terminated, and not every one could be."
