"""What a person chooses when triggering a plan, and what is refused before anything is launched."""

from __future__ import annotations

from typing import Any

import pytest

from drs_recovery.statuses import ExecutionType
from drs_recovery.store.records import NewExecution, NewWave
from sandbox.testing import Sandbox
from tests.integration.evidence import accepted_starts, assert_ready_as_in_ec2, jobs_of
from tests.integration.people import approve
from tests.integration.runs import Runner
from tests.plan_documents import DB_1, DB_2, WEST, application, database, plan, web

pytestmark = pytest.mark.integration

THREE_WAVES = plan(database(), application(pause_before=True), web())


@pytest.mark.parametrize("chosen", [[1, 3], ["Database", "Web"], [3, "Database"]])
def test_only_the_chosen_waves_run_and_a_gate_of_another_is_not_asked(
    runner: Runner, sandbox: Sandbox, chosen: list[Any]
) -> None:
    ended = runner.run(THREE_WAVES, {"waves": chosen})

    assert (ended.state, ended.document["status"]) == ("success", "COMPLETED")
    assert ended.waves == ["COMPLETED", "SKIPPED", "COMPLETED"]
    assert_ready_as_in_ec2(sandbox, ended, "crm-db-01", "crm-db-02", "crm-web-01", "crm-web-02")
    assert accepted_starts(sandbox) == 2


def test_a_dry_run_checks_everything_and_launches_nothing(runner: Runner, sandbox: Sandbox) -> None:
    ended = runner.run(THREE_WAVES, {"dry_run": True})

    assert (ended.state, ended.document["status"]) == ("success", "COMPLETED")
    assert ended.waves == ["SKIPPED"] * 3
    assert ended.document["dryRun"] is True
    assert accepted_starts(sandbox) == 0
    assert sandbox.calls("drs", "StartRecovery") == []


def test_a_dry_run_with_errors_completes_and_has_them_in_its_record(runner: Runner, sandbox: Sandbox) -> None:
    gone = {"database": {"servers": [DB_1, "s-99999999999999999"]}}
    sandbox.add_fault("replication", server=DB_1, state="STALLED")

    ended = runner.run(plan(database(), groups=gone), {"dry_run": True})

    assert (ended.state, ended.document["status"]) == ("success", "COMPLETED")
    assert [finding["severity"] for finding in ended.document["findings"]] == ["ERROR", "ERROR"]
    assert "s-99999999999999999 does not exist" in ended.document["findings"][0]["what"]
    assert "STALLED" in ended.document["findings"][1]["what"]
    assert sandbox.calls("drs", "StartRecovery") == []


def test_a_drill_of_a_server_that_does_not_replicate_is_blocked_with_what_to_do(
    runner: Runner, sandbox: Sandbox
) -> None:
    sandbox.add_fault("replication", server=DB_2, state="STALLED", lag="PT3H12M")

    ended = runner.run(plan(database(), web()))

    assert (ended.state, ended.document["status"]) == ("failed", "FAILED")
    assert "crm-db-02 (s-1111111111111111b): replication is STALLED" in ended.document["error"]
    assert "3 h 12 min old: fix the problem that the DRS console shows" in ended.document["error"]
    assert ended.document["findings"][0]["serverName"] == "crm-db-02"
    assert "PREFLIGHT" in ended.event_names()
    assert accepted_starts(sandbox) == 0


def test_a_real_recovery_goes_on_in_spite_of_what_blocks_a_drill(runner: Runner, sandbox: Sandbox) -> None:
    sandbox.add_fault("replication", server=DB_2, state="DISCONNECTED", lag="PT20M")

    ended = runner.run(
        plan(database()), {"execution_type": "RECOVERY"}, people={"wave_01_database": approve()}
    )

    assert ended.document["status"] == "COMPLETED", ended.document.get("error")
    (finding,) = ended.document["findings"]
    assert (finding["severity"], finding["serverName"]) == ("WARNING", "crm-db-02")
    assert_ready_as_in_ec2(sandbox, ended)


@pytest.mark.parametrize(
    ("conf", "told"),
    [
        ({"dryrun": True}, "dryrun"),
        ({"waves": ["Datenbank"]}, "Datenbank"),
        ({"waves": [7]}, "7"),
        ({"point_in_time": "yesterday"}, "point_in_time"),
    ],
)
def test_an_option_that_cannot_be_followed_refuses_the_execution_and_leaves_a_record(
    runner: Runner, sandbox: Sandbox, conf: dict[str, Any], told: str
) -> None:
    ended = runner.run(THREE_WAVES, {"ticket": "CHG-7", **conf})

    assert (ended.state, ended.document["status"]) == ("failed", "FAILED")
    assert told in ended.document["error"]
    assert ended.document["ticket"] == "CHG-7"
    assert accepted_starts(sandbox) == 0


def test_every_unknown_server_and_empty_group_is_told_at_once(runner: Runner, sandbox: Sandbox) -> None:
    groups = {
        "database": {"servers": ["s-99999999999999999"]},
        "application": {"tags": {"dr:tier": "nothing"}},
        "web": {"tags": {"dr:tier": "database"}, "region": WEST},
    }

    ended = runner.run(plan(database(), application(), web(), groups=groups))

    assert (ended.state, ended.document["status"]) == ("failed", "FAILED")
    assert "s-99999999999999999 does not exist in us-east-1" in ended.document["error"]
    assert "no source server in us-east-1 has the tags dr:tier=nothing" in ended.document["error"]
    assert "group web" not in ended.document["error"]
    assert "EXECUTION_ERROR" in ended.event_names()
    assert accepted_starts(sandbox) == 0


def test_a_server_that_tags_put_into_two_waves_is_refused(runner: Runner, sandbox: Sandbox) -> None:
    groups = {
        "database": {"tags": {"dr:application": "crm", "dr:tier": "database"}},
        "web": {"tags": {"dr:tier": "database"}},
    }

    ended = runner.run(plan(database(), web(), groups=groups))

    assert (ended.state, ended.document["status"]) == ("failed", "FAILED")
    assert "crm-db-01" in ended.document["error"]
    assert "only once" in ended.document["error"]
    assert accepted_starts(sandbox) == 0


def test_a_drill_is_refused_while_another_execution_of_its_plan_is_live(
    runner: Runner, sandbox: Sandbox
) -> None:
    other = _live_execution("crm")
    runner.store.create_execution(other)
    runner.store.locks.hold_plan(other.execution_id)

    ended = runner.run(plan(database()))

    assert (ended.state, ended.document["status"]) == ("failed", "FAILED")
    assert other.execution_id in ended.document["error"]
    assert accepted_starts(sandbox) == 0


def test_a_real_recovery_is_not_queued_behind_a_drill_but_cancels_it(
    runner: Runner, sandbox: Sandbox
) -> None:
    drill = _live_execution("crm")
    runner.store.create_execution(drill)
    runner.store.locks.hold_plan(drill.execution_id)

    ended = runner.run(
        plan(database()), {"execution_type": "RECOVERY"}, people={"wave_01_database": approve()}
    )

    assert ended.document["status"] == "COMPLETED"
    assert "DRILL_PREEMPTED" in ended.event_names()
    cancelled = runner.store.get_execution(drill.execution_id)
    assert cancelled["cancel"]["actor"] == f"recovery {ended.document['executionId']}"


def test_the_run_of_a_scheduled_drill_beside_instances_in_use_is_green_and_starts_and_asks_nothing(
    runner: Runner, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = {"approval": {"recovery": False}}
    recovery = runner.run(plan(database(), id="payroll", **free), {"execution_type": "RECOVERY"})
    started = accepted_starts(sandbox)
    monkeypatch.setattr("drs_recovery.opening.options.SCHEDULED", "manual")

    ended = runner.run(plan(database(pause_before=True, on_failure="ask"), application()))

    assert (ended.state, ended.document["status"]) == ("success", "SKIPPED")
    assert ended.waves == ["SKIPPED", "SKIPPED"]
    assert recovery.document["executionId"] in ended.document["error"]
    assert ended.event_names()[-1] == "EXECUTION_SKIPPED"
    assert accepted_starts(sandbox) == started
    assert (ended.tasks["open_execution"], ended.tasks["finalize_execution"]) == ("skipped", "success")
    assert "failed" not in ended.tasks.values()


def test_a_live_execution_of_another_plan_does_not_matter(runner: Runner) -> None:
    runner.store.create_execution(_live_execution("billing"))

    assert runner.run(plan(database())).document["status"] == "COMPLETED"


def test_the_ticket_is_on_the_job_in_the_letters_that_tags_may_have(runner: Runner, sandbox: Sandbox) -> None:
    ended = runner.run(plan(database()), {"ticket": "CHG#77 (night)"})

    (job,) = jobs_of(sandbox, ended)
    assert ended.document["ticket"] == "CHG#77 (night)"
    assert job["tags"]["dr:ticket"] == "CHG_77 _night_"
    assert (job["tags"]["dr:planId"], job["tags"]["dr:wave"]) == ("crm", "1")


def _live_execution(plan_id: str) -> NewExecution:
    return NewExecution(
        execution_id=f"live-{plan_id}",
        plan_id=plan_id,
        plan_name=plan_id,
        plan_hash="0",
        plan_snapshot={},
        dag_id=f"recover_{plan_id}",
        dag_run_id="manual__before",
        execution_type=ExecutionType.DRILL,
        initiated_by="somebody",
        waves=(NewWave(1, "Database"),),
    )
