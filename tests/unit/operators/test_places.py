"""A wave over two Regions: each stands for itself, whatever AWS refuses in the other one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

from drs_recovery.hooks.clients import Target
from drs_recovery.triggers.recovery_job import RecoveryJobTrigger
from sandbox.testing import Sandbox
from tests.plan_documents import DB_1, WEST, plan
from tests.unit.steps import Steps, deferred

StepsOf = Callable[..., Steps]

FAR = "s-8888888888888888a"
EAST = "us-east-1"
DENIED = {"status": 403, "code": "AccessDeniedException", "message": "not in the west", "region": WEST}
# Its job is the first one that is asked for.
NOT_IN_THE_EAST = {**DENIED, "region": EAST, "message": "not in the east"}
THROTTLED = {"status": 429, "code": "ThrottlingException", "message": "slow down", "region": WEST}


@pytest.fixture
def started(aws: Sandbox, steps_of: StepsOf) -> Steps:
    """A server in each Region; the far one is asked first."""
    aws.add_servers({"id": FAR, "name": "far-01", "region": WEST})
    groups = {"far": {"servers": [FAR], "region": WEST}, "near": {"servers": [DB_1]}}
    steps = steps_of(plan({"groups": ["far", "near"]}, groups=groups))
    steps.open()
    steps.start()
    return steps


@pytest.fixture
def launched(aws: Sandbox, started: Steps) -> Steps:
    aws.advance(600)
    started.wait()
    return started


def wave_of(steps: Steps) -> dict[str, Any]:
    return dict(steps.document["waves"][0])


def trouble_of(steps: Steps) -> str:
    return str(wave_of(steps)["lastPollError"]["message"])


def test_the_name_of_a_place_tells_region_and_connection() -> None:
    assert str(Target("crm", WEST)) == "us-west-2 (connection crm)"


@pytest.mark.parametrize("refusal", [DENIED, THROTTLED])
@pytest.mark.parametrize(
    ("service", "operation", "subject"),
    [("ec2", "DescribeInstances", "EC2"), ("drs", "DescribeRecoveryInstances", "DRS")],
)
def test_a_server_is_ready_whatever_is_refused_in_another_region(
    aws: Sandbox, launched: Steps, service: str, operation: str, subject: str, refusal: dict[str, Any]
) -> None:
    aws.add_fault("error", service=service, operation=operation, **refusal)

    deferred(launched.enrich)

    near = launched.server("crm-db-01")
    assert (near["phase"], bool(near["privateIp"])) == ("READY", True)
    far = launched.server("far-01")
    assert far["phase"] == "LAUNCHED"
    # Whatever is denied: what the other call, or the job, told of the instance is on record.
    assert far["instanceId"].startswith("i-")
    assert f"{subject} in us-west-2 (connection aws_default): {refusal['code']}" in trouble_of(launched)
    aws.clear_faults()
    assert set(launched.enrich()) == {DB_1, FAR}
    assert wave_of(launched)["status"] == "COMPLETED"
    assert "lastPollError" not in wave_of(launched)


def test_a_definite_refusal_fails_its_servers_alone_when_patience_ends(
    aws: Sandbox, launched: Steps, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__DRS_RECOVERY__DETAILS_TIMEOUT", "0")
    aws.add_fault("error", service="ec2", operation="DescribeInstances", **DENIED)

    with pytest.raises(AirflowFailException, match="far-01"):
        launched.enrich()

    assert launched.server("crm-db-01")["phase"] == "READY"
    error = launched.server("far-01")["error"]
    assert "cannot be read: EC2 in us-west-2 (connection aws_default): AccessDeniedException" in error
    assert "not in the west" in wave_of(launched)["statusReason"]


def test_an_instance_that_ec2_shows_is_ready_though_drs_does_not_tell_of_it(
    aws: Sandbox, launched: Steps, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__DRS_RECOVERY__DETAILS_TIMEOUT", "0")
    aws.add_fault("error", operation="DescribeRecoveryInstances", **DENIED)

    launched.enrich()

    far = launched.server("far-01")
    assert (far["phase"], far["instanceState"]) == ("READY", "running")
    assert "point in time of its data is not known: DRS in us-west-2" in far["warning"]


def test_throttling_is_waited_for_longer_than_a_refusal(
    aws: Sandbox, launched: Steps, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__DRS_RECOVERY__DETAILS_TIMEOUT", "0")
    aws.add_fault("error", service="ec2", operation="DescribeInstances", **THROTTLED)

    deferred(launched.enrich)

    assert launched.server("far-01")["phase"] == "LAUNCHED"


def test_a_look_records_the_jobs_of_the_region_that_answers(aws: Sandbox, started: Steps) -> None:
    aws.advance(600)
    aws.add_fault("error", operation="DescribeJobs", **DENIED)

    deferred(started.wait)

    assert started.server("crm-db-01")["phase"] == "LAUNCHED"
    assert {job["region"]: job["status"] for job in wave_of(started)["jobs"]} == {
        WEST: "PENDING",
        "us-east-1": "COMPLETED",
    }
    assert (
        trouble_of(started)
        == "DRS in us-west-2 (connection aws_default): AccessDeniedException: not in the west"
    )


def test_the_trigger_keeps_the_trouble_of_one_region_beside_the_news_of_the_other(
    aws: Sandbox, started: Steps
) -> None:
    aws.advance(600)
    aws.add_fault("error", operation="DescribeJobs", **DENIED)
    trigger = RecoveryJobTrigger(
        execution_id=started.execution_id, wave_numbers=[1], deadline=time.time() + 2, poll_interval=0.2
    )

    def is_known() -> bool:
        return "lastPollError" in wave_of(started) and started.server("crm-db-01")["phase"] == "LAUNCHED"

    async def story() -> dict[str, Any]:
        event = asyncio.ensure_future(anext(trigger.run()))
        while not await asyncio.to_thread(is_known):
            await asyncio.sleep(0.05)
        # From here on, good answers of the near Region come as often as the refusals of the far one.
        for _ in range(10):
            assert "not in the west" in await asyncio.to_thread(trouble_of, started)
            await asyncio.sleep(0.05)
        return dict((await event).payload)

    event = asyncio.run(story())
    assert event["status"] == "timeout"
    assert event["problem"].startswith("DRS in us-west-2 (connection aws_default)")


@pytest.fixture
def two_targets(aws: Sandbox, steps_of: StepsOf) -> Callable[..., Steps]:
    """Opens a wave with a server in each Region."""
    aws.add_servers({"id": FAR, "name": "far-01", "region": WEST})

    def opened(*, near_is_critical: bool = True) -> Steps:
        near = {"servers": [{"id": DB_1, "critical": near_is_critical}]}
        groups = {"far": {"servers": [FAR], "region": WEST}, "near": near}
        steps = steps_of(plan({"groups": ["far", "near"]}, groups=groups))
        steps.open()
        return steps

    return opened


def starts(aws: Sandbox) -> list[tuple[str, int]]:
    return [(call["region"], call["status"]) for call in aws.calls("drs", "StartRecovery")]


@pytest.mark.parametrize(("near_is_critical", "status"), [(True, "FAILED"), (False, "COMPLETED")])
def test_a_start_that_one_region_refuses_for_good_fails_its_servers_alone(
    aws: Sandbox, two_targets: Callable[..., Steps], near_is_critical: bool, status: str
) -> None:
    steps = two_targets(near_is_critical=near_is_critical)
    aws.add_fault("error", operation="StartRecovery", **NOT_IN_THE_EAST)

    steps.start()
    # Also a try of the step that comes later asks no second time.
    steps.start()

    assert starts(aws) == [(EAST, 403), (WEST, 202)]
    near = steps.server("crm-db-01")
    assert near["phase"] == "FAILED"
    assert "StartRecovery in us-east-1 (connection aws_default)" in near["error"]
    assert "AccessDeniedException: not in the east" in near["error"]
    assert wave_of(steps)["status"] == "POLLING"
    aws.advance(600)
    _to_the_end(steps)

    assert wave_of(steps)["status"] == status
    assert steps.server("far-01")["phase"] == "READY"
    assert steps.document["status"] == ("FAILED" if near_is_critical else "PARTIAL_SUCCESS")
    assert len(starts(aws)) == 2
    # Nothing could turn up any more: nobody had to end the execution before its time.
    assert "cancellingTime" not in steps.document


def test_a_region_whose_jobs_may_not_be_listed_keeps_no_other_from_starting(
    aws: Sandbox, two_targets: Callable[..., Steps]
) -> None:
    steps = two_targets()
    aws.add_fault("error", operation="DescribeJobs", **NOT_IN_THE_EAST)

    steps.start()

    assert starts(aws) == [(WEST, 202)]
    assert steps.server("crm-db-01")["phase"] == "FAILED"
    assert wave_of(steps)["status"] == "POLLING"


def test_a_region_that_refuses_is_not_asked_again_while_another_one_is_waited_for(
    aws: Sandbox, two_targets: Callable[..., Steps]
) -> None:
    steps = two_targets()
    aws.add_fault("error", operation="StartRecovery", **DENIED)
    throttled = aws.add_fault("error", operation="StartRecovery", **{**THROTTLED, "region": EAST})

    deferred(steps.start)
    deferred(steps.start)
    assert wave_of(steps)["status"] == "PENDING"
    aws.control("DELETE", f"/faults?id={throttled}")
    steps.start()

    assert [region for region, status in starts(aws) if status == 403] == [WEST]
    assert [region for region, status in starts(aws) if status == 202] == [EAST]


def test_a_wave_that_every_region_refuses_fails_at_once_with_the_words_of_each(
    aws: Sandbox, two_targets: Callable[..., Steps]
) -> None:
    steps = two_targets()
    aws.add_fault("error", operation="StartRecovery", **DENIED)
    aws.add_fault("error", operation="StartRecovery", **NOT_IN_THE_EAST)

    with pytest.raises(AirflowFailException, match="not in the west"):
        steps.start()

    assert wave_of(steps)["status"] == "FAILED"
    assert "not in the west" in wave_of(steps)["statusReason"]
    assert "not in the east" in wave_of(steps)["statusReason"]


def test_a_retry_starts_what_one_region_had_refused_and_nothing_else(
    aws: Sandbox, two_targets: Callable[..., Steps]
) -> None:
    steps = two_targets()
    aws.add_fault("error", operation="StartRecovery", **NOT_IN_THE_EAST)
    steps.start()
    aws.advance(600)
    _to_the_end(steps)
    aws.clear_faults()

    steps.clear()
    steps.start()

    assert starts(aws) == [(EAST, 403), (WEST, 202), (EAST, 202)]


def test_a_job_of_a_region_that_refuses_later_is_found_before_the_end(
    aws: Sandbox, two_targets: Callable[..., Steps]
) -> None:
    steps = two_targets()
    aws.add_fault("lost_answer", operation="StartRecovery", region=WEST, times=1)
    deferred(steps.start)
    aws.add_fault("error", operation="DescribeJobs", **DENIED)
    steps.start()
    assert steps.server("far-01")["phase"] == "FAILED"
    aws.clear_faults()
    aws.advance(600)

    _to_the_end(steps)

    assert steps.server("far-01")["instanceId"].startswith("i-")


def _to_the_end(steps: Steps) -> None:
    """The steps behind the start, as far as they get."""
    for step in (steps.wait, steps.enrich, steps.finalize):
        try:
            step()
        except AirflowFailException:
            continue


def test_closing_brings_in_what_the_healthy_region_has(aws: Sandbox, launched: Steps) -> None:
    launched.store.ending.request_cancel(launched.execution_id, "alice", "wrong plan")
    aws.add_fault("error", service="ec2", operation="DescribeInstances", **DENIED)

    deferred(launched.finalize)

    assert launched.server("crm-db-01")["instanceState"] == "running"
    assert launched.server("far-01")["instanceId"].startswith("i-")


def test_a_late_job_is_found_though_another_region_does_not_tell(aws: Sandbox, steps_of: StepsOf) -> None:
    aws.add_servers({"id": FAR, "name": "far-01", "region": WEST})
    groups = {"far": {"servers": [FAR], "region": WEST}, "near": {"servers": [DB_1]}}
    steps = steps_of(plan({"groups": ["far", "near"]}, groups=groups))
    steps.open()
    aws.add_fault("lost_answer", operation="StartRecovery")
    deferred(steps.start)
    assert wave_of(steps)["jobs"] == []
    steps.store.ending.request_cancel(steps.execution_id, "alice", "wrong plan")
    aws.add_fault("error", operation="DescribeJobs", **THROTTLED)

    deferred(steps.finalize)

    assert [job["region"] for job in wave_of(steps)["jobs"]] == ["us-east-1"]
