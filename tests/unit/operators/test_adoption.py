"""Adopting a job: only one of which DRS says that it is this part's, whoever named it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from drs_recovery.hooks.clients import Clients
from drs_recovery.jobs.parts import MAX_SERVERS_PER_JOB, parts_of_attempt
from drs_recovery.jobs.starter import JobStarter
from sandbox.testing import Sandbox
from tests.plan_documents import APP_1, DB_1, DB_2, database, plan
from tests.unit.steps import Steps, deferred

StepsOf = Callable[..., Steps]

A_DRILL = 600
MEMORY = "drs_job_1_1"


def open_recovery(steps_of: StepsOf, *waves: dict[str, Any]) -> Steps:
    steps = steps_of(plan(*(waves or (database(),)), approval={"recovery": False}))
    steps.open(execution_type="RECOVERY")
    return steps


def start_by_hand(aws: Sandbox, *servers: str, drill: bool = True, tags: dict[str, str] | None = None) -> str:
    """Start a job past Airflow and let it end; its id."""
    asked = [{"sourceServerID": server} for server in servers]
    job = aws.client("drs").start_recovery(sourceServers=asked, isDrill=drill, tags=tags or {})["job"]
    aws.advance(A_DRILL)
    return str(job["jobID"])


def end_instances(aws: Sandbox) -> None:
    drs = aws.client("drs")
    rows = drs.describe_recovery_instances()["items"]
    drs.terminate_recovery_instances(recoveryInstanceIDs=[row["recoveryInstanceID"] for row in rows])
    aws.advance(A_DRILL)


def tags_of(steps: Steps, **changes: str) -> dict[str, str]:
    own = {"dr:executionId": steps.execution_id, "dr:wave": "1", "dr:part": "1", "dr:attempt": "1"}
    return {**own, **{f"dr:{name}": value for name, value in changes.items()}}


def reasons(steps: Steps) -> list[str]:
    return [
        event["detail"]["reason"]
        for event in steps.store.get_events(steps.execution_id)
        if event["event"] == "JOB_IGNORED"
    ]


@pytest.mark.parametrize(
    ("servers", "drill", "changes", "reason"),
    [
        ((DB_1, DB_2), True, {}, "initiated by START_DRILL"),
        ((DB_1, DB_2), False, {"executionId": "another"}, "dr:executionId is 'another'"),
        ((DB_1, DB_2), False, {"wave": "2"}, "dr:wave is '2'"),
        ((DB_1, DB_2), False, {"part": "2"}, "dr:part is '2'"),
        ((DB_1, DB_2), False, {"attempt": "2"}, "dr:attempt is '2'"),
        ((DB_1, APP_1), False, {}, f"not of this part: {APP_1}"),
    ],
)
def test_a_remembered_job_that_is_not_the_parts_is_ignored_told_and_started_anew(
    aws: Sandbox,
    steps_of: StepsOf,
    servers: tuple[str, ...],
    drill: bool,
    changes: dict[str, str],
    reason: str,
) -> None:
    """As when somebody who may edit tasks puts the job of a drill into the memory of a recovery's task."""
    steps = open_recovery(steps_of)
    foreign = start_by_hand(aws, *servers, drill=drill, tags=tags_of(steps, **changes))
    steps.task_state_stores[1].set(MEMORY, foreign)
    if "executionId" in changes:
        # Instances of another recovery that are in use would keep this one from starting.
        end_instances(aws)

    (started,) = steps.start()

    assert started != foreign
    (told,) = reasons(steps)
    assert reason in told
    assert "JOB_STARTED" in steps.events
    assert "JOB_ADOPTED" not in steps.events
    job = aws.client("drs").describe_jobs(filters={"jobIDs": [started]})["items"][0]
    assert job["initiatedBy"] == "START_RECOVERY"


@pytest.mark.parametrize("value", ["drsjob-x", "drsjob-11111111111111111", 7, {"jobId": "drsjob-1"}])
def test_a_memory_that_names_no_job_of_drs_starts_one(aws: Sandbox, steps_of: StepsOf, value: object) -> None:
    steps = open_recovery(steps_of)
    steps.task_state_stores[1].set(MEMORY, value)

    (started,) = steps.start()

    assert started != value
    assert len(aws.calls("drs", "StartRecovery")) == 1
    assert "JOB_STARTED" in steps.events


def test_a_termination_job_is_none_of_a_wave(aws: Sandbox, steps_of: StepsOf) -> None:
    start_by_hand(aws, DB_1)
    drs = aws.client("drs")
    instance = drs.describe_recovery_instances()["items"][0]["recoveryInstanceID"]
    job = drs.terminate_recovery_instances(recoveryInstanceIDs=[instance])["job"]
    steps = open_recovery(steps_of)
    drs.tag_resource(resourceArn=job["arn"], tags=tags_of(steps))
    aws.advance(60)
    steps.task_state_stores[1].set(MEMORY, job["jobID"])

    steps.start()

    assert reasons(steps) == ["it is a TERMINATE job, which launches nothing"]


def test_tags_alone_do_not_make_a_drills_job_the_one_of_a_recovery(aws: Sandbox, steps_of: StepsOf) -> None:
    steps = open_recovery(steps_of)
    forged = start_by_hand(aws, DB_1, DB_2, drill=True, tags=tags_of(steps))

    (started,) = steps.start()

    assert started != forged
    (told,) = reasons(steps)
    assert "initiated by START_DRILL" in told


def test_a_job_that_is_not_adopted_is_told_once_however_often_the_step_runs(
    aws: Sandbox, steps_of: StepsOf
) -> None:
    steps = open_recovery(steps_of)
    foreign = start_by_hand(aws, APP_1)
    steps.task_state_stores[1].set(MEMORY, foreign)
    aws.add_fault(
        "error", operation="StartRecovery", times=2, status=409, code="ConflictException", message="busy"
    )

    deferred(steps.start)
    steps.task_state_stores[1].set(MEMORY, foreign)
    deferred(steps.start)
    steps.start()

    assert len(reasons(steps)) == 1


def test_a_remembered_job_that_drs_does_not_list_yet_is_not_started_twice(
    aws: Sandbox, steps_of: StepsOf
) -> None:
    steps = open_recovery(steps_of)
    aws.add_fault("unlisted_job", server=DB_1, times=1, seconds=100)
    # The store refuses the transaction that follows WAVE_REQUESTED and the reservation of room in DRS.
    aws.add_fault(
        "error", operation="TransactWriteItems", after=2, times=1, status=400, code="AccessDeniedException"
    )
    with pytest.raises(ClientError, match="AccessDenied"):
        steps.start()
    remembered = steps.task_state_stores[1][MEMORY]

    deferred(steps.start)
    aws.advance(200)

    assert steps.start() == [remembered]
    assert "JOB_ADOPTED" in steps.events
    assert reasons(steps) == []


def test_the_job_of_another_part_is_not_adopted_while_drs_does_not_name_its_servers(
    aws: Sandbox, steps_of: StepsOf
) -> None:
    """Just after its start a job may be listed without servers: only its tags tell whose it is."""
    servers = [f"s-{number:017x}" for number in range(0xA000, 0xA000 + MAX_SERVERS_PER_JOB + 1)]
    aws.add_servers(*({"id": one, "name": one, "region": "us-east-1"} for one in servers))
    group = {"database": {"servers": servers}}
    steps = steps_of(plan(database(), groups=group))
    steps.open()
    aws.add_fault("missing_participating_servers", form="missing", seconds=1000)
    jobs = steps.start()
    document = steps.document
    (wave,) = document["waves"]
    first, second = parts_of_attempt(wave, wave["serverStatuses"])

    starter = JobStarter(Clients(), document, wave)
    found = [starter.find(part) for part in (first, second)]

    assert [one and one.job.job_id for one in found] == jobs
    assert jobs[0] != jobs[1]
