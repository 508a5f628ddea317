"""Waves that do not fit into one DRS job."""

from __future__ import annotations

import pytest

from sandbox.testing import Sandbox
from tests.integration.evidence import assert_ready_as_in_ec2, jobs_of
from tests.integration.runs import Runner
from tests.plan_documents import (
    BILLING_DB_1,
    BILLING_DB_2,
    DB_1,
    DB_2,
    WEST,
    plan,
)

pytestmark = pytest.mark.integration


def test_a_group_of_120_servers_becomes_several_jobs_of_one_wave(runner: Runner, sandbox: Sandbox) -> None:
    fleet = [f"s-{number:017d}" for number in range(120)]
    sandbox.add_servers(
        *(
            {"id": id_, "name": f"farm-{id_[-3:]}", "region": "us-east-1", "tags": {"farm": "1"}}
            for id_ in fleet
        )
    )

    ended = runner.run(plan({"groups": ["farm"]}, groups={"farm": {"tags": {"farm": "1"}}}))

    assert (ended.state, ended.document["status"]) == ("success", "COMPLETED"), ended.document.get("error")
    jobs = jobs_of(sandbox, ended)
    assert len(jobs) == len(ended.document["waves"][0]["jobs"]) == 2
    taking_part = [s["sourceServerID"] for job in jobs for s in job["participatingServers"]]
    assert sorted(taking_part) == fleet
    assert max(len(job["participatingServers"]) for job in jobs) <= 100
    assert ended.document["progress"]["ready"] == 120
    assert_ready_as_in_ec2(sandbox, ended, "farm-000", "farm-060", "farm-119")


def test_one_region_of_a_wave_that_fails_fails_the_wave_and_keeps_the_other(
    runner: Runner, sandbox: Sandbox
) -> None:
    sandbox.add_fault("launch_failed", server=BILLING_DB_1)
    groups = {
        "east": {"servers": [DB_1, DB_2]},
        "west": {"servers": [BILLING_DB_1, BILLING_DB_2], "region": WEST},
    }

    ended = runner.run(plan({"groups": ["east", "west"]}, groups=groups))

    assert (ended.state, ended.document["status"]) == ("failed", "FAILED")
    assert len(jobs_of(sandbox, ended)) == len(jobs_of(sandbox, ended, WEST)) == 1
    assert "billing-db-01" in ended.document["error"]
    assert_ready_as_in_ec2(sandbox, ended, "crm-db-01", "crm-db-02", "billing-db-02")
