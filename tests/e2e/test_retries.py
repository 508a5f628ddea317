"""A failed wave is tried again by clearing its tasks, through real Airflow processes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from devstack.stack import Stack
from sandbox.testing import Sandbox
from tests.e2e.drills import Drills, drills_of, until
from tests.plan_documents import DB_1, DB_2

pytestmark = pytest.mark.e2e

START = "wave_01_database.start_recovery"


@pytest.fixture
def drills(stack: Stack) -> Iterator[Drills]:
    with drills_of(stack) as found:
        yield found
        Sandbox(found.url).clear_faults()


def _servers(job: dict[str, Any]) -> list[str]:
    return sorted(server["sourceServerID"] for server in job["participatingServers"])


def test_clearing_a_failed_wave_after_the_run_has_ended_recovers_what_failed_and_what_is_behind_it(
    drills: Drills,
) -> None:
    Sandbox(drills.url).add_fault("launch_failed", server=DB_2, raw_error="no capacity", times=1)
    dag_id, run_id = drills.start("three-tier-crm")
    failed = drills.follow(dag_id, run_id)
    assert (failed.run_state, failed.document["status"]) == ("failed", "FAILED")
    assert [wave["status"] for wave in failed.document["waves"]] == ["FAILED", "SKIPPED", "SKIPPED"]
    kept = failed.document["waves"][0]["serverStatuses"][0]

    drills.api.clear(dag_id, run_id, START)
    ended = drills.follow(dag_id, run_id, seconds=300)

    assert ended.witness.lies == []
    assert (ended.run_state, ended.document["status"]) == ("success", "COMPLETED")
    assert [wave["status"] for wave in ended.document["waves"]] == ["COMPLETED"] * 3
    assert ended.document["waves"][0]["serverStatuses"][0] == kept
    jobs = sorted(drills.jobs_of(ended.document, "us-east-1"), key=lambda job: job["creationDateTime"])
    assert [_servers(job) for job in jobs[:2]] == [[DB_1, DB_2], [DB_2]]
    assert len(jobs) == 4

    drills.api.clear(dag_id, run_id, START)
    until(lambda: drills.api.run(dag_id, run_id)["state"] != "success", "the cleared run goes on", 60)
    again = drills.follow(dag_id, run_id)

    assert again.run_state == "success"
    assert again.document["waves"] == ended.document["waves"]
    assert len(drills.jobs_of(ended.document, "us-east-1")) == 4
