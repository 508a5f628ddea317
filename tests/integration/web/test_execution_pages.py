"""The page of an execution in each of its states says the decisive things, to whom they matter."""

from __future__ import annotations

import time
from typing import Any

import pytest

from drs_recovery.statuses import ExecutionStatus, ExecutionType, GateDecision, ServerPhase, StepDecision
from drs_recovery.store import WaveRef
from drs_recovery.store.executions import ExecutionStore
from drs_recovery.store.records import NewWave
from drs_recovery.store.refs import StepRef
from drs_recovery.store.step_types import NewStep, StepQuestion, StepSeen
from drs_recovery.web.airflow import AirflowApi
from drs_recovery.web.problems import unavailable
from tests.integration.web.conftest import Console
from tests.integration.web.html_page import HtmlPage, read_page
from tests.integration.web.on_record import begun, opened
from tests.unit.store.conftest import Recovery

ERROR = 'wave 1 "Database" failed: 1 critical server failed'
WHY = "LAUNCH_FAILED: no capacity in us-east-1a"


def failed(store: ExecutionStore, **fields: Any) -> Recovery:
    """One of two servers of the first wave came up, the other did not."""
    recovery = begun(store, **fields).start(1)
    recovery.launch(1, ids=("s-1000",))
    recovery.poll(1, ServerPhase.FAILED, "FAILED", ids=("s-1001",), error=WHY)
    store.waves.fail(WaveRef(recovery.id, 1), ERROR)
    store.ending.finalize(recovery.id, ExecutionStatus.FAILED, error=ERROR)
    return recovery


def completed(store: ExecutionStore, **fields: Any) -> Recovery:
    recovery = begun(store, **fields).complete(1).complete(2)
    store.ending.finalize(recovery.id, ExecutionStatus.COMPLETED)
    return recovery


def page_of(console: Console, recovery: Recovery, role: str = "user", query: str = "") -> HtmlPage:
    return read_page(console, f"/executions/{recovery.id}{query}", role)


def test_before_the_servers_are_found_it_says_that_nothing_is_launched(
    console: Console, store: ExecutionStore, known_dags: None
) -> None:
    found = read_page(console, f"/executions/{begun(store, servers=0).id}")

    assert "DRILL Drill: test instances" in found.text
    assert "Being checked" in found.text
    assert "No instance is on record yet." in found.text
    assert found.opens == ["do-cancel"]


def test_an_execution_whose_plan_another_version_wrote_is_shown_all_the_same(
    console: Console, store: ExecutionStore, known_dags: None
) -> None:
    found = read_page(console, f"/executions/{opened(store, plan_snapshot={'id': 'crm', 'steps': []})}")

    assert "No instance is on record yet." in found.text
    assert "Tasks and logs in Airflow" not in found.text


def test_a_wave_that_runs_says_what_drs_does_and_how_many_servers_it_is_about(
    console: Console, store: ExecutionStore, known_dags: None
) -> None:
    recovery = begun(store).start(1)
    recovery.poll(1, ServerPhase.CONVERSION, "IN_PROGRESS")

    found = page_of(console, recovery)

    assert "DRS is converting snapshots: 2 of 2 servers" in found.text
    assert "Nothing: wait. This page updates automatically." in found.text
    assert 'Starts when wave 1 "Database" has ended well.' in found.text
    assert "drsjob-1-1" in found.text
    # Of servers that DRS was not asked for yet, it has said nothing.
    assert ("DRS: IN_PROGRESS" in found.text, "DRS: PENDING" in found.text) == (True, False)


def test_the_steps_of_a_wave_stand_before_and_behind_its_servers(
    console: Console, store: ExecutionStore, known_dags: None
) -> None:
    steps = (
        NewStep("before", 1, "Fence", "manual", "stop"),
        NewStep("after", 1, "CRM answers", "http_probe", "stop"),
        NewStep("after", 2, "Traffic", "routing_control", "stop", "would be done in a RECOVERY"),
    )
    recovery = begun(store, waves=(NewWave(1, "Database", steps=steps), NewWave(2, "Application", (1,))))
    fence, probe = (StepRef(recovery.id, 1, side, 1) for side in ("before", "after"))
    store.waves.begin(WaveRef(recovery.id, 1))
    store.steps.begin(fence)
    store.steps.ask(fence, StepQuestion("Fence it", ("dba-lead",), time.time() + 600, "wave_01.before_1"))
    store.steps.decide(fence, StepDecision.DONE, "dba-lead", "fenced at noon")
    recovery.start(1).launch(1)
    store.waves.enter_after_steps(WaveRef(recovery.id, 1))
    store.steps.begin(probe)
    failures = [("s-1", "crm-1", "HTTP 503")]
    seen = StepSeen("HTTP 503", '{"db": "down"}', tries=14, servers=2, failures=failures)
    store.steps.observe(probe, 1, seen)

    text = page_of(console, recovery).text

    told = ["Before the launch", "Fence manual ✓ Succeeded", "To be done: Fence ✓ Done", "fenced at noon"]
    told += ["s-1000", "After the launch", "CRM answers http_probe ▶ Running 1 of 2 servers"]
    told += ["HTTP 503, 14 tries", "crm-1 (s-1)", 'Output {"db": "down"}']
    told += ["Traffic routing_control ⊘ Would be done"]
    places = [text.find(one) for one in told]
    assert (min(places) > 0, places) == (True, sorted(places)), text
    assert "Being proven" in text
    assert "Wave 1: Fence is done" in text


def test_a_gate_says_who_is_asked_what_and_offers_the_answer_to_them_alone(
    console: Console, store: ExecutionStore, known_dags: None
) -> None:
    recovery = begun(store, execution_type=ExecutionType.RECOVERY)
    store.gates.open(WaveRef(recovery.id, 1), "Is the region lost?", ["user"], time.time() + 600)

    theirs, others = page_of(console, recovery), page_of(console, recovery, "op")

    for found in (theirs, others):
        assert "REAL RECOVERY Real recovery: its instances are meant to take over" in found.text
        assert "Waiting for user to approve wave 1" in found.text
        assert "Is the region lost?" in found.text
    assert theirs.opens[:3] == ["do-approve-1", "do-reject-1", "do-cancel"]
    assert set(others.opens) == {"do-cancel"}
    assert others.text.count("Only user may answer.") == 1


def test_an_answer_stays_on_the_page_with_its_name_and_comment(
    console: Console, store: ExecutionStore, known_dags: None
) -> None:
    recovery = begun(store)
    store.gates.open(WaveRef(recovery.id, 1), "Go?", [])
    store.gates.decide(WaveRef(recovery.id, 1), GateDecision.APPROVED, "dba-lead", "checked twice")

    found = page_of(console, recovery)

    assert "Approved by dba-lead" in found.text
    assert "checked twice" in found.text
    assert "do-approve-1" not in found.opens


def test_a_failure_says_where_why_what_still_costs_money_and_what_to_press(
    console: Console, store: ExecutionStore, known_dags: None
) -> None:
    found = page_of(console, failed(store))

    assert "✗ Failed" in found.text
    assert 'What failed and why Wave 1 "Database"' in found.text
    assert WHY in found.text
    assert "1 drill instance runs and costs money: 1 in us-east-1" in found.text
    assert "Fix the cause, then retry wave 1; or terminate the instances" in found.text
    assert found.opens[:2] == ["do-retry-1", "do-terminate"]


def test_a_real_recovery_that_completed_leaves_its_instances_to_people(
    console: Console, store: ExecutionStore, known_dags: None
) -> None:
    found = page_of(console, completed(store, execution_type=ExecutionType.RECOVERY))

    assert "✓ Completed" in found.text
    assert "4 instances of the real recovery run and cost money" in found.text
    assert "Nothing is terminated automatically" in found.text
    assert "Type the plan id crm to confirm" in found.text
    assert "Send users to the recovered servers" in found.text
    assert "Servers as CSV" in found.text
    assert found.text.index("Copy all") < found.text.index("Timeline")


def test_the_servers_come_as_a_file_to_whoever_may_see_the_execution(
    console: Console, store: ExecutionStore, known_dags: None, hidden_plan: str
) -> None:
    recovery = completed(store, execution_type=ExecutionType.RECOVERY)
    answer = console.get(f"/executions/{recovery.id}/servers.csv", "user")
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.text.splitlines()[0].startswith("wave,server,source server,private address")
    assert len(answer.text.splitlines()) == 5
    secret = opened(store, "s", hidden_plan)
    assert console.get(f"/executions/{secret}/servers.csv", "user").status_code == 404


def test_at_a_gate_what_is_decided_stands_beside_the_buttons_and_in_the_dialog(
    console: Console, store: ExecutionStore, known_dags: None
) -> None:
    recovery = begun(store, execution_type=ExecutionType.RECOVERY, ticket="CHG7", objectives={"rto": 3600})
    store.set_findings(recovery.id, [])
    store.gates.open(
        WaveRef(recovery.id, 1), message="Is it a disaster?", approvers=[], deadline=None, two_person=False
    )

    found = page_of(console, recovery, "admin")

    before_the_waves = found.text[: found.text.index("Timeline")]
    dialogs = found.text[found.text.index('Approve wave 1 "Database" of this REAL RECOVERY?') :]
    for part in (before_the_waves, dialogs):
        for words in ("Is it a disaster?", "Started by admin", "CHG7", "none was given", "nothing was found"):
            assert words in part
        assert "Age of the data not known" in part
        assert "RTO outlook" in part
        assert "4 servers in 2 waves; none of them asks again" in part
    assert "Approve the REAL RECOVERY, wave 1" in dialogs


@pytest.mark.parametrize("path", ["/plans", "/plans/crm", "/executions"])
def test_a_live_real_recovery_is_on_every_page(
    console: Console, store: ExecutionStore, known_dags: None, path: str
) -> None:
    completed(store, run_id="old")
    before = read_page(console, path).text
    recovery = begun(store, execution_type=ExecutionType.RECOVERY)
    dry = begun(store, "dry", plan_id="erp", execution_type=ExecutionType.RECOVERY, dry_run=True)

    found = read_page(console, path)

    assert "REAL RECOVERY of CRM runs" not in before
    assert "REAL RECOVERY of CRM runs" in found.text
    assert found.text.count(": open it") == 1
    assert "REAL RECOVERY of CRM runs" in page_of(console, dry, "admin").text
    assert "REAL RECOVERY of CRM runs" not in page_of(console, recovery, "admin").text


def test_nobody_hears_of_a_real_recovery_of_a_plan_that_they_may_not_see(
    console: Console, store: ExecutionStore, hidden_plan: str
) -> None:
    opened(store, "s", hidden_plan, execution_type=ExecutionType.RECOVERY)
    assert ": open it" in read_page(console, "/plans", "admin").text
    assert ": open it" not in read_page(console, "/plans", "user").text


def test_an_execution_that_ends_says_that_nothing_more_starts(
    console: Console, store: ExecutionStore, known_dags: None
) -> None:
    recovery = begun(store).start(1)
    store.ending.request_cancel(recovery.id, "dr-lead", "wrong plan")

    found = page_of(console, recovery)

    assert "Ending" in found.text
    assert "by dr-lead" in found.text
    assert "wrong plan" in found.text
    assert "do-cancel" not in found.opens


@pytest.mark.parametrize("story", [completed, failed])
def test_who_may_only_look_has_no_button_and_no_dialog(
    console: Console, store: ExecutionStore, known_dags: None, story: Any
) -> None:
    answer = console.get(f"/executions/{story(store).id}", "viewer", html=True)

    assert "data-dialog" not in answer.text
    assert "<dialog" not in answer.text
    assert "You may view this plan, but not act on it" in answer.text


def test_servers_are_found_by_name_id_and_address(
    console: Console, store: ExecutionStore, known_dags: None
) -> None:
    recovery = completed(store)

    found = page_of(console, recovery, query="?q=host-1001")

    assert "1 of 2 servers found" in found.text
    assert ("host-1001" in found.text, "host-2000" in found.text) == (True, False)
    assert found.fields["q"] == "host-1001"


def test_links_lead_to_the_run_its_tasks_and_aws(
    console: Console, store: ExecutionStore, known_dags: None
) -> None:
    found = page_of(console, completed(store))

    assert "/dags/recover_crm/runs/CHG1" in found.links
    assert "/dags/recover_crm/runs/CHG1/tasks/group/wave_01_database" in found.links
    assert any("console.aws.amazon.com/ec2" in link for link in found.links)
    assert any(link.endswith("/launchHistory/drsjob-1-1") for link in found.links)


def test_the_tab_of_a_run_shows_its_execution_or_says_why_there_is_none(
    console: Console, store: ExecutionStore, known_dags: None
) -> None:
    completed(store)

    assert "✓ Completed" in read_page(console, "/runs/recover_crm/CHG1").text
    assert "There is no record of this run yet" in read_page(console, "/runs/recover_crm/CHG2").text
    assert "This run is not a recovery" in read_page(console, "/runs/housekeeping/CHG1", "admin").text


def test_a_record_that_is_open_although_its_run_is_gone_is_told(
    console: Console, store: ExecutionStore, known_dags: None
) -> None:
    assert "The DAG run was deleted, and the record is not closed yet" in page_of(console, begun(store)).text


def test_without_airflow_the_record_alone_is_shown_and_that_is_said(
    console: Console, store: ExecutionStore, known_dags: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def call(self: AirflowApi, method: str, path: str, **request: Any) -> Any:
        raise unavailable("Airflow cannot answer now")

    monkeypatch.setattr(AirflowApi, "call", call)

    found = page_of(console, begun(store))

    assert "Airflow could not be asked about the DAG run: what you see is the record alone." in found.text
    assert "Being checked" in found.text


def test_without_the_table_the_page_says_so_and_tries_again(
    console: Console, known_dags: None, unreachable_table: None
) -> None:
    found = read_page(console, "/executions/6f1c1c5e-8d3f-5d8e-b1a9-3f4d0d8f0f10", status=503)

    assert "the table of executions cannot be read" in found.text
    assert "This page tries again automatically." in found.text


def test_a_page_that_did_not_change_is_not_sent_again(
    console: Console, store: ExecutionStore, known_dags: None
) -> None:
    path = f"/executions/{completed(store).id}"
    tag = console.get(path, "viewer", html=True).headers["ETag"]

    again = console.get(path, "viewer", html=True, headers={"If-None-Match": tag})

    assert (again.status_code, again.content) == (304, b"")


def test_what_does_not_exist_is_told_in_the_words_of_what_one_may_not_see(
    console: Console, store: ExecutionStore, hidden_plan: str
) -> None:
    hidden = opened(store, plan_id=hidden_plan)
    missing = "6f1c1c5e-8d3f-5d8e-b1a9-3f4d0d8f0f10"

    pages = [read_page(console, f"/executions/{one}", "viewer", status=404).text for one in (hidden, missing)]

    assert pages[0].replace(hidden, "ID") == pages[1].replace(missing, "ID")
