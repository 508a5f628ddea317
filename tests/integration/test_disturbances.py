"""What DRS, EC2 and the network do on bad days, survived: one wave still ends COMPLETED, with one job."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.testing import Sandbox
from tests.integration.evidence import (
    accepted_starts,
    answers,
    assert_ready_as_in_ec2,
    is_queued,
    jobs_of,
)
from tests.integration.meanwhile import once
from tests.integration.people import approve
from tests.integration.runs import SPEED, Ended, Runner
from tests.plan_documents import DB_1, DB_2, WEB_1, database, plan

pytestmark = pytest.mark.integration

# A drill with such findings is refused before it starts.
RECOVERY = {"execution_type": "RECOVERY"}
APPROVED = {"wave_01_database": approve()}


def _assert_completed_with_one_job(sandbox: Sandbox, ended: Ended) -> None:
    assert (ended.state, ended.document["status"]) == ("success", "COMPLETED"), ended.document.get("error")
    assert_ready_as_in_ec2(sandbox, ended)
    assert len(jobs_of(sandbox, ended)) == 1
    assert accepted_starts(sandbox) == 1


@pytest.mark.parametrize("form", ["500", "reset"])
def test_a_lost_answer_of_start_recovery_leaves_exactly_one_job(
    runner: Runner, sandbox: Sandbox, form: str
) -> None:
    sandbox.add_fault("lost_answer", operation="StartRecovery", times=1, **{"as": form})

    ended = runner.run(plan(database()))

    _assert_completed_with_one_job(sandbox, ended)
    assert "JOB_ADOPTED" in ended.event_names()


def test_a_lost_answer_of_a_job_that_is_not_listed_at_first_leaves_one_job(
    runner: Runner, sandbox: Sandbox
) -> None:
    sandbox.set_speed(1)
    sandbox.add_fault("lost_answer", operation="StartRecovery", times=1)
    sandbox.add_fault("unlisted_job", seconds=300, times=1)

    def list_it() -> None:
        sandbox.advance(301)
        sandbox.set_speed(SPEED)

    with once(lambda: 409 in answers(sandbox, "StartRecovery"), list_it):
        ended = runner.run(plan(database()))

    _assert_completed_with_one_job(sandbox, ended)


def test_throttled_and_reset_describe_jobs_do_not_fail_the_drill(runner: Runner, sandbox: Sandbox) -> None:
    sandbox.add_fault("error", operation="DescribeJobs", status=429, code="ThrottlingException", every=3)
    sandbox.add_fault("reset", operation="DescribeJobs", times=5)

    _assert_completed_with_one_job(sandbox, runner.run(plan(database())))


def test_throttled_start_recovery_is_tried_again_as_late_as_aws_asks(
    runner: Runner, sandbox: Sandbox
) -> None:
    sandbox.add_fault(
        "error", operation="StartRecovery", status=429, code="ThrottlingException", retry_after=1, times=2
    )

    _assert_completed_with_one_job(sandbox, runner.run(plan(database())))
    assert answers(sandbox, "StartRecovery") == [429, 429, 202]


def test_a_token_that_expires_between_two_polls_is_replaced(runner: Runner, sandbox: Sandbox) -> None:
    sandbox.add_fault("expired_token", operation="DescribeJobLogItems", after=1, times=2)

    _assert_completed_with_one_job(sandbox, runner.run(plan(database())))


ODD_ANSWERS: dict[str, list[dict[str, Any]]] = {
    "LAUNCHED without an instance id": [{"kind": "no_recovery_instance_id"}],
    "a lagging list of recovery instances": [{"kind": "lagging_recovery_instances", "polls": 3}],
    "neither id nor list": [
        {"kind": "no_recovery_instance_id"},
        {"kind": "lagging_recovery_instances", "polls": 2},
    ],
    "an instance that EC2 does not know at first": [{"kind": "instance_not_found", "reads": 2}],
    "a job that is not listed at first": [{"kind": "unlisted_job", "seconds": 150}],
    "no participating servers at first": [{"kind": "missing_participating_servers", "seconds": 150}],
    "empty participating servers at first": [
        {"kind": "missing_participating_servers", "form": "empty", "seconds": 150}
    ],
    "an unknown event and status, and extra keys": [
        {"kind": "unknown_event"},
        {"kind": "unknown_launch_status"},
        {"kind": "extra_keys"},
    ],
    "timestamps with an offset, and no end time": [
        {"kind": "offset_timestamps"},
        {"kind": "missing_end_time"},
    ],
    "small and empty pages with a token": [
        {"kind": "page_size", "size": 1},
        {"kind": "empty_page_with_token"},
    ],
    "a launch without conversion": [{"kind": "fast_mode"}],
    "a launch from the previous snapshot": [{"kind": "previous_snapshot"}],
    "one server that is much slower": [{"kind": "slow_launch", "server": DB_2, "seconds": 600}],
}


@pytest.mark.parametrize("faults", ODD_ANSWERS.values(), ids=ODD_ANSWERS)
def test_a_drill_completes_in_spite_of(
    runner: Runner, sandbox: Sandbox, faults: list[dict[str, Any]]
) -> None:
    for fault in faults:
        sandbox.add_fault(**fault)

    _assert_completed_with_one_job(sandbox, runner.run(plan(database())))


def test_a_drill_completes_with_an_instance_that_is_stopped_as_its_launch_settings_ask(
    runner: Runner, sandbox: Sandbox
) -> None:
    sandbox.client("drs").update_launch_configuration(sourceServerID=DB_2, launchDisposition="STOPPED")

    _assert_completed_with_one_job(sandbox, runner.run(plan(database())))


def test_a_conflict_with_another_job_is_waited_for_and_then_one_job_starts(
    runner: Runner, sandbox: Sandbox
) -> None:
    sandbox.set_speed(1)
    sandbox.client("drs").start_recovery(sourceServers=[{"sourceServerID": DB_1}], isDrill=True)

    with once(lambda: is_queued(runner.store), lambda: sandbox.set_speed(SPEED)):
        ended = runner.run(plan(database()), RECOVERY, people=APPROVED)

    assert ended.document["status"] == "COMPLETED", ended.document.get("error")
    (finding,) = ended.document["findings"]
    assert (finding["severity"], finding["serverName"]) == ("WARNING", "crm-db-01")
    assert_ready_as_in_ec2(sandbox, ended)
    assert len(jobs_of(sandbox, ended)) == 1
    assert accepted_starts(sandbox) == 2
    assert answers(sandbox, "StartRecovery") == [202, 202]


@pytest.mark.parametrize(
    ("status", "code"), [(409, "ConflictException"), (402, "ServiceQuotaExceededException")]
)
def test_a_refusal_for_what_others_started_in_the_same_moment_is_waited_out(
    runner: Runner, sandbox: Sandbox, status: int, code: str
) -> None:
    sandbox.add_fault("error", operation="StartRecovery", status=status, code=code, times=2)

    _assert_completed_with_one_job(sandbox, runner.run(plan(database())))
    assert answers(sandbox, "StartRecovery") == [status, status, 202]


def test_a_full_quota_is_waited_for(runner: Runner, sandbox: Sandbox) -> None:
    sandbox.set_speed(1)
    sandbox.control("PUT", "/quotas", {"jobs_in_progress": 1})
    sandbox.client("drs").start_recovery(sourceServers=[{"sourceServerID": WEB_1}], isDrill=True)

    with once(lambda: is_queued(runner.store), lambda: sandbox.set_speed(SPEED)):
        ended = runner.run(plan(database()), RECOVERY, people=APPROVED)

    assert ended.document["status"] == "COMPLETED", ended.document.get("error")
    (finding,) = ended.document["findings"]
    assert (finding["severity"], "L-D88FAC3A" in finding["what"]) == ("WARNING", True)
    assert_ready_as_in_ec2(sandbox, ended)
    assert len(jobs_of(sandbox, ended)) == 1
    assert answers(sandbox, "StartRecovery") == [202, 202]


def test_the_instance_of_an_earlier_drill_is_not_taken_for_the_new_one(
    runner: Runner, sandbox: Sandbox
) -> None:
    first = runner.run(plan(database()))

    second = runner.run(plan(database()))

    assert second.document["status"] == "COMPLETED"
    assert_ready_as_in_ec2(sandbox, second)
    before = {server["instanceId"] for server in first.servers.values()}
    after = {server["instanceId"] for server in second.servers.values()}
    assert len(after) == 2
    assert not before & after
