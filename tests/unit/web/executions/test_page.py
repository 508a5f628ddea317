"""The whole page of an execution: of every state that a record can be in, it tells and never lies."""

from __future__ import annotations

import dataclasses
import itertools
import random
from collections.abc import Iterator
from typing import Any

import pytest

from drs_recovery.statuses import ExecutionStatus, ServerPhase, StepStatus
from drs_recovery.store.executions import ExecutionStore
from drs_recovery.web.airflow import AirflowRun
from drs_recovery.web.allowed_actions import Rights
from drs_recovery.web.executions.list import execution_row
from drs_recovery.web.executions.page import ExecutionView, ServersWanted, execution_view
from drs_recovery.web.shared.instances import instances_by_region
from tests.history import FINAL
from tests.unit.store.conftest import Clock, Recovery
from tests.unit.store.test_random_histories import ACTORS, Actor
from tests.unit.web.documents import START, document, event, gate, server, step, wave

LEAD = Rights("dr-lead", "Dora Lead", may_act=True, may_terminate=True)
VIEWER = Rights("viewer", "viewer", may_act=False, may_terminate=False)
LIVE = [status for status in ExecutionStatus if not status.is_final]
# Words by which a sentence would claim an end.
ENDS = ("finished", "partly successful", "left no instance", "the execution has ended", "was cancelled by")


def page(state: dict[str, Any], rights: Rights = LEAD, later: float = 1000, **options: Any) -> ExecutionView:
    return execution_view(state, options.pop("events", []), rights, START + later, **options)


def texts(view: object) -> Iterator[str]:
    """Every text of a view, however deep."""
    if isinstance(view, str):
        yield view
    elif dataclasses.is_dataclass(view) and not isinstance(view, type):
        for one in dataclasses.fields(view):
            yield from texts(getattr(view, one.name))
    elif isinstance(view, tuple):
        for part in view:
            yield from texts(part)


ASKING = step(status="WAITING", gate=gate(attempt=1))
WAVES = {
    "not started": wave("NOT_STARTED", server(phase="PENDING")),
    "starting": wave("PENDING", server(phase="PENDING")),
    "running": wave("POLLING", *(server(phase, phase) for phase in ServerPhase)),
    "completed": wave("COMPLETED", server()),
    "failed": wave("FAILED", server(phase="FAILED"), statusReason="why"),
    "cancelled": wave("CANCELLED", server()),
    "skipped": wave("SKIPPED", skipCause="DEPENDENCY", statusReason="why"),
    "gated": wave("NOT_STARTED", gate=gate()),
    "asked about": wave("FAILED", failureGate=gate(attempt=1)),
    "empty": wave("POLLING"),
    "at its steps": wave("POLLING", stage="AFTER_STEPS", steps=tuple(step(one, one) for one in StepStatus)),
    "asked by a step": wave(
        "PENDING", stage="BEFORE_STEPS", steps=(step(status="WAITING", gate=gate(attempt=1)),)
    ),
}


@pytest.mark.parametrize("status", ExecutionStatus)
@pytest.mark.parametrize("recovery", [False, True], ids=["drill", "recovery"])
def test_every_status_with_every_kind_of_wave_has_a_page(status: str, recovery: bool) -> None:
    for one, rights in itertools.product(WAVES.values(), (LEAD, VIEWER)):
        view = page(document(status, one, WAVES["completed"], recovery=recovery), rights)
        assert view.headline.status.code == status
        assert view.headline.badge.word == ("REAL RECOVERY" if recovery else "DRILL")
        assert view.headline.now
        assert view.headline.next_step.sentence


def test_whose_instances_a_recovery_may_end_is_told() -> None:
    facts = dict(page(document("POLLING", WAVES["running"], recovery=True, replaceExecution="e-7")).facts)
    assert str(facts["May end"]) == "the instances in use of execution e-7"


@pytest.mark.parametrize("status", ExecutionStatus)
def test_a_record_with_nothing_but_what_it_begins_with_has_a_page(status: str) -> None:
    view = page(document(status))
    assert (view.waves, view.preflight, view.failures.total, view.instances.count) == ((), None, 0, 0)


def test_an_execution_that_failed_in_the_preflight_says_so_everywhere() -> None:
    finding = {"severity": "ERROR", "what": "replication is STALLED", "remedy": "fix it"}
    error = "the execution may not start:\n- replication is STALLED: fix it"
    # Waves that were not started for this reason tell it, too: it is said once more at the top.
    unstarted = wave("CANCELLED", startTime=None, statusReason=f"not started: {error}")
    view = page(document("FAILED", unstarted, findings=[finding], error=error))
    assert str(view.headline.now) == (
        "Failed before anything was launched: the execution may not start: replication is STALLED: fix it."
    )
    assert view.failures.shown[0].text == error
    assert view.preflight is not None
    assert (view.preflight.summary, view.preflight.has_errors) == ("1 error", True)
    assert str(view.instances.sentence) == "It left no instance."


def test_states_that_drs_does_not_document_are_shown_as_they_are() -> None:
    job = {"jobId": "drsjob-1", "region": "us-east-1", "status": "REBALANCING"}
    odd = wave("POLLING", server("a", "LAUNCH", launchStatus="WARMING_UP"), jobs=[job])
    (shown,) = page(document("POLLING", odd)).waves
    assert shown.jobs[0].mark.word == "Rebalancing"
    assert shown.servers.rows[0].launch_status == "WARMING_UP"


HOSTILE = "<script>alert('x')</script>\"&{{7*7}}\u202e"


def test_hostile_texts_pass_through_as_they_are() -> None:
    servers = server(HOSTILE, "FAILED", error=HOSTILE, warning=HOSTILE, hostname=HOSTILE)
    finding = {"severity": "ERROR", "what": HOSTILE, "remedy": HOSTILE, "serverName": HOSTILE}
    question = gate("REJECTED", message=HOSTILE, approvers=[HOSTILE], actor=HOSTILE, comment=HOSTILE)
    proof = step(HOSTILE, "FAILED", error=HOSTILE, output=HOSTILE, gate=question, kind=HOSTILE)
    state = document(
        "CANCELLING",
        wave("FAILED", servers, waveName=HOSTILE, statusReason=HOSTILE, gate=question, steps=(proof,)),
        planName=HOSTILE,
        ticket=HOSTILE,
        reason=HOSTILE,
        error=HOSTILE,
        findings=[finding],
        cancel={"actor": HOSTILE, "reason": HOSTILE, "time": START},
    )
    events = [event("SOMETHING_NEW", 1, HOSTILE, wave=1, text=HOSTILE)]
    shown = list(texts(page(state, events=events)))
    assert sum(HOSTILE in text for text in shown) > 15
    assert not any("&lt;" in text or "49" in text for text in shown)


def test_the_page_of_an_unchanged_record_stays_the_same_for_some_seconds() -> None:
    state = document("POLLING", WAVES["running"], WAVES["not started"], expectedDuration=1800)
    events = [event("WAVE_REQUESTED", 60, wave=1)]
    moments = [page(state, later=later, events=events) for later in (1000, 1003.5, 1009.9, 1010)]
    assert moments[0] == moments[1] == moments[2]
    assert moments[2].timeline != moments[3].timeline


def test_the_page_of_an_ended_execution_changes_only_when_its_clean_up_is_due() -> None:
    state = document("COMPLETED", WAVES["completed"], terminateAfter=START + 5000)
    assert page(state, later=1000) == page(state, later=4999)
    due = page(state, later=5000)
    assert "has been due since" in str(due.instances.cleanup)
    assert due.timeline == page(state).timeline


def test_a_pause_of_days_is_drawn_in_coarser_steps() -> None:
    state = document("PAUSED", WAVES["completed"], WAVES["gated"])
    day = 86_400
    assert page(state, later=day) == page(state, later=day + 599)
    assert page(state, later=day) != page(state, later=day + 600)


def test_no_page_is_older_than_its_record() -> None:
    state = document("POLLING", WAVES["running"], lastUpdatedTime=START + 1004)
    assert page(state, later=1005).times.elapsed.text == "15 min 44 s"


def test_what_airflow_says_of_the_run_is_only_a_notice() -> None:
    state = document("POLLING", WAVES["running"], lastUpdatedTime=START + 1000)
    healthy, failed = page(state, airflow=AirflowRun("running")), page(state, airflow=AirflowRun("failed"))
    assert len(failed.notices) == len(healthy.notices) + 1
    assert dataclasses.replace(failed, notices=healthy.notices) == healthy


def test_a_page_of_500_servers_shows_few_and_counts_all() -> None:
    fleet = wave("POLLING", *(server(f"srv-{n}", "FAILED" if n % 9 == 0 else "READY") for n in range(500)))
    view = page(document("POLLING", fleet), events=[event("JOB_STARTED", n, wave=1) for n in range(300)])
    assert [(count.mark.word, count.count) for count in view.counts] == [("Ready", 444), ("Failed", 56)]
    assert len(view.waves[0].servers.rows) == 40
    assert {row.phase.word for row in view.waves[0].servers.rows} == {"Failed"}
    assert (len(view.events.rows), view.events.note) == (60, "the newest 60 of 300 events")
    found = page(document("POLLING", fleet), wanted=ServersWanted(query="srv-77"))
    assert [row.name for row in found.waves[0].servers.rows] == ["srv-77"]


def test_a_live_execution_and_one_whose_clean_up_is_to_come_are_followed() -> None:
    followed = [
        document("POLLING", WAVES["running"]),
        document("COMPLETED", WAVES["completed"], terminateAfter=START + 5000),
        document("COMPLETED", WAVES["completed"], terminationRequests=[{"actor": "a", "time": START}]),
        document(
            "COMPLETED", WAVES["completed"], terminationRequests=[{"actor": "a", "time": START, "waves": [1]}]
        ),
    ]
    settled = [
        document("COMPLETED", WAVES["completed"]),
        document("COMPLETED", WAVES["completed"], terminateAfter=START, instancesTerminated=True),
        document(
            "COMPLETED", WAVES["completed"], terminationRequests=[{"actor": "a", "time": START, "waves": [2]}]
        ),
    ]
    assert [page(state).headline.is_live for state in (*followed, *settled)] == [True] * 4 + [False] * 3


@pytest.mark.parametrize("seed", range(1, 3))
def test_of_every_state_that_a_history_reaches_the_page_tells_the_truth(
    store: ExecutionStore, clock: Clock, seed: int
) -> None:
    rng = random.Random(seed)
    Recovery(store).open(waves=4, servers=2)
    actors = [Actor(store, role, role, rng) for role in ACTORS]
    reached = set()
    for _ in range(40):
        actor = rng.choice(actors)
        (action,) = rng.choices(actor._choices, actor._weights)
        actor._tried(action, rng.randint(1, 4))
        clock.advance(rng.choice((1, 60, 600)))
        state = store.get_document("e1")
        reached.add(state["status"])
        _check(state, page_now(store, state, clock))
    assert len(reached) > 1


def page_now(store: ExecutionStore, state: dict[str, Any], clock: Clock) -> ExecutionView:
    return execution_view(state, store.get_events("e1"), LEAD, clock.now)


def _check(state: dict[str, Any], view: ExecutionView) -> None:
    head, status = view.headline, ExecutionStatus(state["status"])
    story = f"{status}: {head.now} / {head.next_step.sentence} / {view.instances.sentence}"
    spoken = f"{head.now} {head.next_step.sentence} {view.instances.sentence}".lower()
    if not status.is_final:
        assert head.is_live, story
        assert not any(word in spoken for word in ENDS), story
    if status is not ExecutionStatus.COMPLETED:
        assert "finished" not in spoken, story
    assert sum(count.count for count in view.counts) == state["progress"]["totalServers"], story
    assert sum(instances_by_region(state).values()) == view.instances.count, story
    assert (view.timeline.now_x is None) is status.is_final, story
    for row in view.timeline.rows:
        assert all(bar.x >= 0 and bar.x + bar.width <= 98.01 for bar in row.bars), row
        ended = [bar for bar in row.bars if " after " in bar.label or " for " in bar.label]
        assert not status.is_final or ended == list(row.bars), row
    kinds = {str(action.kind) for action in view.actions.offered}
    assert not (status.value in FINAL and kinds & {"approve", "reject", "decide", "cancel"}), story
    assert not (status.value not in FINAL and "terminate" in kinds), story


@pytest.mark.parametrize("status", ExecutionStatus)
def test_every_status_has_a_row_in_the_list(status: str) -> None:
    row = execution_row(document(status, WAVES["completed"], ticket="INC-7"), START + 1000)
    assert (row.run.status.code, row.is_live, row.run.ticket) == (status, status in LIVE, "INC-7")
    assert (row.waves, row.servers) == ("1 of 1 wave", "1 of 1 server ready")
    assert row.clock.is_running == (status in LIVE)


@pytest.mark.parametrize(
    ("status", "phase", "fields", "run"),
    [
        ("COMPLETED", "READY", {}, True),
        ("FAILED", "LAUNCHED", {}, True),
        ("COMPLETED", "READY", {"instancesTerminated": True}, False),
        ("FAILED", "FAILED", {}, False),
        ("POLLING", "READY", {}, False),
    ],
)
def test_a_row_of_the_list_says_whether_what_ended_still_costs_money(
    status: str, phase: str, fields: dict[str, Any], run: bool
) -> None:
    state = document(status, wave("COMPLETED", server(phase=phase)), **fields)
    assert bool(execution_row(state, START + 1000).run.instances_run) is run


def test_before_the_servers_are_found_a_row_does_not_count_them() -> None:
    assert execution_row(document("PENDING", wave("NOT_STARTED")), START).servers == ""


def test_a_row_of_the_list_says_what_needs_attention() -> None:
    paused = {"wave": 2, "since": START, "message": "?", "approvers": ["dba-lead"]}
    # As an earlier release wrote it.
    cancel = {"actor": "admin", "reason": "the DAG run was marked as failed: wrong plan", "time": START}
    told = f"cancelled by admin: {cancel['reason']}"
    notes = [
        execution_row(document("PAUSED", paused=paused), START).note,
        execution_row(document("COMPLETED", terminationError="rights"), START).note,
        execution_row(document("FAILED", error="wave 1 failed\nmore"), START).note,
        execution_row(document("FAILED", error="it may not start:\n- it is live\n- more"), START).note,
        execution_row(document("COMPLETED", error="old"), START).note,
        execution_row(document("PARTIAL_SUCCESS", error=told, cancel=cancel), START).note,
        execution_row(document("FAILED", error=f"1 failed\n{told}", cancel=cancel), START).note,
        execution_row(document("CANCELLING", cancel=cancel), START).note,
        execution_row(document("COMPLETED", cancel=cancel), START).note,
    ]
    assert notes == [
        "Waiting for dba-lead: wave 2",
        "Not every instance could be terminated",
        "wave 1 failed",
        "it may not start: it is live",
        None,
        "Cancelled by admin: wrong plan.",
        "Cancelled by admin: wrong plan.",
        "Being cancelled by admin: wrong plan.",
        None,
    ]
