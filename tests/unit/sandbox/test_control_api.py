from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from sandbox.testing import ControlError, Sandbox, mocked_sandbox, running_sandbox
from tests.unit.sandbox.known import DB_1

NEW = "s-0000000000000000n"


@pytest.fixture
def slow() -> Iterator[Sandbox]:
    scenario = {
        "quotas": {"jobs_in_progress": 7},
        "source_servers": [{"id": NEW, "name": "new", "region": "eu-west-1"}],
        "faults": [{"kind": "launch_failed", "server": NEW}],
    }
    with running_sandbox(speed=1, scenario=scenario) as sandbox:
        yield sandbox


def test_health_tells_speed_and_quotas(slow: Sandbox) -> None:
    health = slow.control("GET", "/health")
    assert health["status"] == "ok"
    assert health["speed"] == 1
    assert health["quotas"] == {"jobs_in_progress": 7, "servers_per_job": 100, "servers_in_jobs": 500}


def test_a_scenario_brings_servers_and_faults(slow: Sandbox) -> None:
    assert slow.client("drs", "eu-west-1").describe_source_servers()["items"][0]["sourceServerID"] == NEW
    (fault,) = slow.control("GET", "/faults")["faults"]
    assert (fault["kind"], fault["server"], fault["struck"]) == ("launch_failed", NEW, 0)


def test_the_speed_can_be_changed_while_a_job_runs(slow: Sandbox) -> None:
    drs = slow.client("drs")
    drs.start_recovery(sourceServers=[{"sourceServerID": DB_1}])
    assert drs.describe_jobs()["items"][0]["status"] != "COMPLETED"
    slow.set_speed(10_000_000)
    assert drs.describe_jobs()["items"][0]["status"] == "COMPLETED"


def test_time_can_be_jumped_over(slow: Sandbox) -> None:
    drs = slow.client("drs")
    drs.start_recovery(sourceServers=[{"sourceServerID": DB_1}])
    slow.advance(600)
    assert drs.describe_jobs()["items"][0]["status"] == "COMPLETED"


def test_the_clock_of_drs_can_be_ahead_of_all_others(slow: Sandbox) -> None:
    drs = slow.client("drs")
    drs.start_recovery(sourceServers=[{"sourceServerID": DB_1}])

    def started() -> datetime:
        return datetime.fromisoformat(drs.describe_jobs()["items"][0]["creationDateTime"])

    before = started()
    slow.set_skew(300)
    assert started() - before == timedelta(minutes=5)
    slow.reset()
    drs.start_recovery(sourceServers=[{"sourceServerID": DB_1}])
    assert started() - before < timedelta(minutes=5)


def test_a_reset_starts_over_without_faults(slow: Sandbox) -> None:
    drs = slow.client("drs")
    drs.start_recovery(sourceServers=[{"sourceServerID": DB_1}])
    slow.client("s3").create_bucket(Bucket="mine")
    slow.control("PUT", "/quotas", {"servers_per_job": 1})
    slow.reset()
    assert slow.control("GET", "/faults") == {"faults": []}
    assert slow.calls() == []
    assert drs.describe_jobs()["items"] == []
    assert len(drs.describe_source_servers()["items"]) == 6
    assert slow.client("s3").list_buckets()["Buckets"] == []
    assert slow.control("GET", "/health")["quotas"]["servers_per_job"] == 100
    assert slow.control("GET", "/health")["quotas"]["jobs_in_progress"] == 7


def test_calls_are_recorded_counted_and_forgotten(slow: Sandbox) -> None:
    slow.client("drs").describe_jobs()
    slow.client("drs", "us-west-2").describe_source_servers()
    slow.client("ec2").describe_vpcs()
    report = slow.control("GET", "/calls?service=drs")
    assert report["counts"] == {"drs.DescribeJobs": 1, "drs.DescribeSourceServers": 1, "ec2.DescribeVpcs": 1}
    assert [(call["operation"], call["region"], call["status"]) for call in report["calls"]] == [
        ("DescribeJobs", "us-east-1", 200),
        ("DescribeSourceServers", "us-west-2", 200),
    ]
    assert len(slow.calls(operation="DescribeVpcs")) == 1
    assert slow.control("DELETE", "/calls") == {"counts": {}, "calls": []}


def test_one_fault_can_be_switched_off(slow: Sandbox) -> None:
    fault_id = slow.add_fault("delay", seconds=0)
    assert fault_id in {fault["id"] for fault in slow.control("GET", "/faults")["faults"]}
    assert len(slow.control("DELETE", f"/faults?id={fault_id}")["faults"]) == 1
    with pytest.raises(ControlError, match="there is no fault"):
        slow.control("DELETE", f"/faults?id={fault_id}")


def test_several_faults_are_switched_on_all_or_none(slow: Sandbox) -> None:
    slow.clear_faults()
    with pytest.raises(ControlError):
        slow.control("POST", "/faults", [{"kind": "reset"}, {"kind": "unheard_of"}])
    assert slow.control("GET", "/faults") == {"faults": []}
    assert len(slow.control("POST", "/faults", [{"kind": "reset"}, {"kind": "skipped"}])["faults"]) == 2


def test_servers_can_be_added(slow: Sandbox) -> None:
    slow.add_servers(
        {
            "id": "s-0000000000000000x",
            "name": "x",
            "region": "ap-south-1",
            "lag": None,
            "replication_state": "RESCAN",
        }
    )
    (row,) = slow.client("drs", "ap-south-1").describe_source_servers()["items"]
    assert row["tags"] == {"Name": "x"}
    assert row["dataReplicationInfo"]["dataReplicationState"] == "RESCAN"
    assert "lagDuration" not in row["dataReplicationInfo"]


@pytest.mark.parametrize(
    ("method", "path", "body", "text"),
    [
        (
            "POST",
            "/faults",
            {"kind": "launch_fail"},
            "did you mean launch_failed? Known: application_",
        ),
        (
            "POST",
            "/faults",
            {"kind": "reset", "operatoin": "x"},
            "unknown key 'operatoin', did you mean operation?",
        ),
        (
            "POST",
            "/faults",
            {"kind": "error", "status": 200},
            "status is 200: expected an HTTP status from 400 to 599",
        ),
        ("POST", "/faults", {"kind": "error", "status": 500}, "code is missing"),
        ("POST", "/faults", {"kind": "delay", "seconds": -1}, "seconds is -1: expected a number of seconds"),
        ("POST", "/faults", {"kind": "replication", "state": "GONE"}, "expected one of STOPPED, INITIATING"),
        ("POST", "/faults", "launch_failed", "a fault is an object with a kind"),
        ("PUT", "/speed", {"speed": 0}, "above 0"),
        ("PUT", "/speed", {"spede": 1}, 'expected {\\"speed\\": number}'),
        ("POST", "/advance", {"seconds": -1}, "cannot go back"),
        ("PUT", "/quotas", {"jobs": 1}, "expected whole numbers for some of jobs_in_progress"),
        ("POST", "/source-servers", {"id": "s-1"}, "expected s- and 17 letters or digits"),
        ("POST", "/source-servers", {"id": NEW}, "name is missing: expected a text; region is missing"),
        ("POST", "/source-servers", {"id": NEW, "colour": 1}, "unknown key 'colour'"),
        (
            "POST",
            "/source-servers",
            {"id": NEW, "name": "n", "region": "us-east-1", "os": "vms"},
            "expected one of linux, windows",
        ),
        ("POST", "/source-servers", {"id": NEW, "region": "moon-1"}, "expected a Region that has DRS"),
        ("POST", "/source-servers", {"id": NEW, "tags": {"a": 1}}, "expected an object of texts"),
        (
            "POST",
            "/source-servers",
            {"id": NEW, "lag": "an hour"},
            "a duration such as PT42M, or null",
        ),
        (
            "POST",
            "/source-servers",
            {"id": NEW, "actions": ["x"]},
            "objects, each with a name",
        ),
        ("POST", "/source-servers", {"id": NEW, "account": 123456789012}, "expected 12 digits, in quotes"),
        ("POST", "/source-servers", 7, "a source server is an object, not 7"),
        ("GET", "/nonsense", None, "no such call under /sandbox-api. Known: GET /health"),
    ],
)
def test_what_does_not_fit_is_refused_with_what_is_known(
    slow: Sandbox, method: str, path: str, body: Any, text: str
) -> None:
    with pytest.raises(ControlError) as error:
        slow.control(method, path, body)
    assert text in str(error.value)


def test_the_kinds_of_faults_can_be_asked_for(slow: Sandbox) -> None:
    kinds = slow.control("GET", "/fault-kinds")
    assert kinds["launch_failed"]["family"] == "start"
    assert kinds["error"]["fields"]["status"] == "an HTTP status from 400 to 599"


def test_a_process_has_one_sandbox(slow: Sandbox) -> None:
    with pytest.raises(RuntimeError, match="has a sandbox already"), mocked_sandbox():
        pass


def test_a_sandbox_can_be_empty() -> None:
    with running_sandbox(seed=False) as sandbox:
        drs = sandbox.client("drs")
        with pytest.raises(drs.exceptions.UninitializedAccountException):
            drs.describe_source_servers()
