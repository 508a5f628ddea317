"""The sample plans, run through their DAGs."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.testing import Sandbox
from tests.integration.evidence import assert_ready_as_in_ec2, jobs_of
from tests.integration.people import approve
from tests.integration.runs import Runner

pytestmark = pytest.mark.integration

SAMPLES = Path(__file__).resolve().parents[2] / "include" / "plans"


def test_the_three_tier_drill_completes_with_every_server_as_ec2_has_it(
    runner: Runner, sandbox: Sandbox
) -> None:
    ended = runner.run(
        SAMPLES / "three-tier-crm.yaml",
        {"ticket": "CHG-1", "reason": "monthly drill"},
        people={"wave_02_application": approve("dba-lead", "rows counted")},
    )

    assert (ended.state, ended.document["status"]) == ("success", "COMPLETED")
    assert len(ended.servers) == 6
    assert_ready_as_in_ec2(sandbox, ended)
    assert ended.document["progress"]["ready"] == ended.document["progress"]["totalServers"] == 6
    assert (ended.document["ticket"], ended.document["reason"]) == ("CHG-1", "monthly drill")
    assert ended.document["measured"]["rto"] <= ended.document["duration"]


def test_the_small_drill_completes_in_its_own_region(runner: Runner, sandbox: Sandbox) -> None:
    ended = runner.run(SAMPLES / "billing-database.yaml")

    assert (ended.state, ended.document["status"]) == ("success", "COMPLETED")
    assert sorted(ended.servers) == ["billing-db-01", "billing-db-02"]
    assert_ready_as_in_ec2(sandbox, ended)
    assert len(jobs_of(sandbox, ended, "us-west-2")) == 1
    assert jobs_of(sandbox, ended, "us-east-1") == []


def test_the_two_region_drill_starts_one_job_a_region_in_its_last_wave(
    runner: Runner, sandbox: Sandbox
) -> None:
    ended = runner.run(SAMPLES / "two-region-web.yaml")

    assert (ended.state, ended.document["status"]) == ("success", "COMPLETED")
    assert len(ended.servers) == 8
    assert_ready_as_in_ec2(sandbox, ended)
    last = ended.document["waves"][2]
    assert sorted(job["region"] for job in last["jobs"]) == ["us-east-1", "us-west-2"]
    assert len(jobs_of(sandbox, ended, "us-east-1")) == len(jobs_of(sandbox, ended, "us-west-2")) == 2
