"""The DRS hook against the sandbox: whole lists, one request for a start."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as BotoConnectionError

from drs_recovery.hooks.drs import DrsHook
from sandbox.testing import Sandbox
from tests.plan_documents import DB_1, DB_2, WEB_1


@pytest.fixture
def hook(aws: Sandbox) -> DrsHook:
    return DrsHook(aws_conn_id="aws_default", region_name="us-east-1")


def _start(hook: DrsHook, *server_ids: str) -> str:
    return str(hook.start_recovery(server_ids or (DB_1,), is_drill=True, tags={"dr:wave": "1"})["jobID"])


def test_a_start_makes_a_job_with_its_servers_tags_and_kind(hook: DrsHook) -> None:
    job = hook.start_recovery((DB_1, DB_2), is_drill=False, tags={"dr:wave": "1"})

    assert (job["initiatedBy"], job["tags"]) == ("START_RECOVERY", {"dr:wave": "1"})
    assert [server["sourceServerID"] for server in job["participatingServers"]] == [DB_1, DB_2]


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"kind": "error", "status": 500, "code": "InternalServerException"}, ClientError),
        ({"kind": "error", "status": 429, "code": "ThrottlingException"}, ClientError),
        ({"kind": "reset"}, (BotoConnectionError, HTTPClientError)),
    ],
)
def test_a_failed_start_is_sent_once_and_not_repeated_by_botocore(
    aws: Sandbox, hook: DrsHook, fault: dict[str, Any], error: type[Exception]
) -> None:
    aws.add_fault(operation="StartRecovery", **fault)

    with pytest.raises(error):
        _start(hook)

    assert len(aws.calls("drs", "StartRecovery")) == 1


def test_a_read_survives_a_few_throttles_and_resets(aws: Sandbox, hook: DrsHook) -> None:
    aws.add_fault("reset", operation="DescribeSourceServers", times=1)

    assert len(hook.source_servers()) == 6


def test_lists_are_whole_whatever_the_size_of_their_pages(aws: Sandbox, hook: DrsHook) -> None:
    job_ids = [_start(hook, DB_1), _start(hook, DB_2)]
    aws.advance(600)
    aws.add_fault("page_size", size=1)
    aws.add_fault("empty_page_with_token")

    assert sorted(job["jobID"] for job in hook.describe_jobs(job_ids)) == sorted(job_ids)
    assert len(hook.source_servers()) == 6
    assert len(hook.source_servers([DB_1, WEB_1])) == 2
    assert {row["sourceServerID"] for row in hook.recovery_instances([DB_1, DB_2])} == {DB_1, DB_2}
    assert [item["event"] for item in hook.job_log(job_ids[0])][-1] == "JOB_END"


def test_more_ids_than_a_request_may_have_are_asked_for_in_parts(aws: Sandbox, hook: DrsHook) -> None:
    ids = [f"s-{number:017d}" for number in range(401)] + [DB_1]

    assert [server["sourceServerID"] for server in hook.source_servers(ids)] == [DB_1]
    assert len(aws.calls("drs", "DescribeSourceServers")) == 3


def test_a_job_that_drs_does_not_list_is_left_out(aws: Sandbox, hook: DrsHook) -> None:
    aws.add_fault("unlisted_job")

    assert hook.describe_jobs([_start(hook), "drsjob-12345678901234567"]) == []


def test_asking_for_no_job_asks_nothing(aws: Sandbox, hook: DrsHook) -> None:
    assert hook.describe_jobs([]) == []
    assert aws.calls("drs") == []


def test_jobs_since_a_moment_leave_out_older_ones(hook: DrsHook) -> None:
    job_id = _start(hook)
    now = datetime.now(UTC)

    assert [job["jobID"] for job in hook.jobs_since(now - timedelta(hours=1))] == [job_id]
    assert hook.jobs_since(now + timedelta(hours=1)) == []


def test_the_tags_of_a_job_are_asked_for_where_its_description_lacks_them(hook: DrsHook) -> None:
    (job,) = hook.describe_jobs([_start(hook)])
    del job["tags"]

    assert hook.job_tags(job) == {"dr:wave": "1"}
    assert hook.job_tags({"jobID": job["jobID"]}) is None


def test_the_log_is_in_the_order_of_time(aws: Sandbox, hook: DrsHook) -> None:
    job_id = _start(hook)
    aws.advance(600)

    events = [item["event"] for item in hook.job_log(job_id)]

    assert events[0] == "JOB_START"
    assert events.index("SNAPSHOT_END") < events.index("CONVERSION_START") < events.index("LAUNCH_END")
