"""A standby takes over: each execution once, and it goes on where it was."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

from drs_recovery.cli import takeover as command
from drs_recovery.closing import reconcile
from drs_recovery.configured_store import execution_store
from drs_recovery.exceptions import AirflowApiError
from drs_recovery.installation import installation
from drs_recovery.operators.housekeeping import TerminateDueOperator
from drs_recovery.standby import Takeover, wanted_of
from drs_recovery.standby.takeover import options_of
from drs_recovery.statuses import GateDecision
from drs_recovery.store import WaveRef
from drs_recovery.store.expressions import Condition, Key, Update, encode
from drs_recovery.store.keys import execution_key, live_key, server_prefix, wave_key
from sandbox.testing import Sandbox
from tests.iam_policies import preparing_dynamodb
from tests.plan_documents import DB_1, DB_2, application, database, plan
from tests.unit.conftest import HERE
from tests.unit.steps import A_LAUNCH, Steps, complete

StepsOf = Callable[..., Steps]

THERE = "graz"
NOW = {"drill": {"terminate_after": "now"}}
EXISTS = Condition("attribute_exists(recordKey)")


@dataclass
class FakeAirflow:
    """The standby's REST API. :ivar states: of its DAG runs. :ivar is_down: from the second question on."""

    states: dict[str, str] = field(default_factory=dict)
    triggered: list[tuple[str, str, Mapping[str, Any]]] = field(default_factory=list)
    started_over: list[str] = field(default_factory=list)
    is_paused: bool = False
    is_down: bool = False

    def has_dag(self, dag_id: str) -> bool:
        if self.is_down:
            raise AirflowApiError("GET /dags", "ConnectError: refused")
        return True

    def unpause(self, dag_id: str) -> bool:
        was, self.is_paused = self.is_paused, False
        return was

    def run_state(self, dag_id: str, run_id: str) -> str | None:
        return self.states.get(run_id)

    def trigger(self, dag_id: str, run_id: str, options: Mapping[str, Any]) -> None:
        self.triggered.append((dag_id, run_id, options))
        self.states[run_id] = "queued"

    def start_over(self, dag_id: str, run_id: str) -> None:
        self.started_over.append(run_id)
        self.states[run_id] = "queued"


@pytest.fixture
def move_to(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> Callable[[str], None]:
    monkeypatch.setenv("AIRFLOW__DRS_RECOVERY__PLANS_DIR", str(tmp_path))
    # Variables cannot be written without Airflow's database.
    monkeypatch.setattr("drs_recovery.standby.takeover.keep_plan", lambda record: None)

    def move(name: str) -> None:
        monkeypatch.setenv("AIRFLOW_VAR_DRS_RECOVERY_INSTALLATION", name)
        monkeypatch.setenv("AIRFLOW_VAR_DRS_RECOVERY_INSTALLATION_CLAIM", f"claim of {name}")

    move(HERE)
    return move


@pytest.fixture
def airflow() -> FakeAirflow:
    return FakeAirflow()


@pytest.fixture
def take_over(move_to: Callable[[str], None], airflow: FakeAirflow) -> Callable[..., list[Any]]:
    """Take everything over on the standby, which the next steps run in."""

    def taken(actor: str = "ann") -> list[Any]:
        move_to(THERE)
        store = execution_store()
        takeover = Takeover(store, airflow, installation(store), actor)
        wanted = wanted_of(store, HERE, THERE)
        return [*map(takeover.take_live, wanted.live), *map(takeover.take_ended, wanted.ended)]

    return taken


def two_waves(**more: Any) -> dict[str, Any]:
    return plan(database(), application(), **more)


def run_first_wave(aws: Sandbox, steps: Steps) -> None:
    steps.start(1)
    aws.advance(A_LAUNCH)
    steps.wait(1)
    steps.enrich(1)


def jobs_of(aws: Sandbox, steps: Steps) -> list[str]:
    return [
        job["jobID"]
        for job in aws.client("drs").describe_jobs(filters={})["items"]
        if job["tags"].get("dr:executionId") == steps.execution_id
    ]


def delete(steps: Steps, *keys: Key) -> None:
    """Take records away: the engine itself may not."""
    client = preparing_dynamodb()
    for key in keys:
        client.delete_item(TableName=steps.store.table.table_name, Key=encode(key.attributes))


def server_key(steps: Steps, number: int, server_id: str) -> Key:
    return Key(steps.execution_id, server_prefix(number) + server_id)


def force(steps: Steps, key: Any, **changes: Any) -> None:
    steps.store.table.transact([Update(key, EXISTS, changes)])


def finish(aws: Sandbox, again: Steps) -> str:
    """What the run does on the standby, from its first task."""
    again.open()
    for number in (1, 2):
        again.start(number)
        aws.advance(A_LAUNCH)
        again.wait(number)
        again.enrich(number)
    return again.finalize()


def test_a_live_execution_goes_on_where_it_was(
    aws: Sandbox, steps_of: StepsOf, take_over: Any, airflow: FakeAirflow
) -> None:
    steps = steps_of(two_waves(), run_id="CHG1")
    steps.open(ticket="CHG1")
    run_first_wave(aws, steps)
    steps.start(2)

    (outcome,) = take_over()

    assert (outcome.what, outcome.is_done) == ("its DAG run goes on here", True)
    assert airflow.triggered == [(steps.plan.dag_id, "CHG1", {"execution_type": "DRILL", "ticket": "CHG1"})]
    taken = steps.document["takeovers"]
    assert [(t["previous"], t["controller"], t["actor"]) for t in taken] == [(HERE, THERE, "ann")]
    assert finish(aws, steps_of(two_waves(), run_id="CHG1")) == "COMPLETED"
    assert len(jobs_of(aws, steps)) == 2
    assert steps.events.count("EXECUTION_TAKEN_OVER") == 1
    assert "EXECUTION_MENDED" not in steps.events


def test_the_run_of_the_installation_that_lost_it_ends_with_the_reason(
    aws: Sandbox, steps_of: StepsOf, take_over: Any, move_to: Any
) -> None:
    steps = steps_of(two_waves())
    steps.open()
    steps.start(1)
    take_over()
    before = steps.document, steps.events

    move_to(HERE)

    aws.advance(A_LAUNCH)
    for step in (steps.start, steps.wait, steps.enrich, steps.finalize):
        with pytest.raises(
            AirflowFailException, match=rf"taken over by .* {THERE} \(by ann, .*goes on there"
        ):
            step()
    assert reconcile(steps.store, lambda *_: "failed", grace=-60).closed == []
    assert (steps.document, steps.events) == before


def test_of_two_takeovers_at_the_same_time_one_gets_each_execution(
    aws: Sandbox, steps_of: StepsOf, move_to: Any
) -> None:
    steps = steps_of(plan(database()))
    steps.open()
    steps.start()
    (execution,) = wanted_of(steps.store, HERE, THERE).live
    outcomes: dict[str, Any] = {}
    together = threading.Barrier(2)

    def take(name: str) -> None:
        store = execution_store()
        store.act_for(name)
        together.wait()
        outcomes[name] = Takeover(store, FakeAirflow(), name, "ann").take_live(execution)

    rivals = [threading.Thread(target=take, args=[name]) for name in (THERE, "linz")]
    for rival in rivals:
        rival.start()
    for rival in rivals:
        rival.join()

    winner = steps.document["controller"]
    assert {name: outcome.is_done for name, outcome in outcomes.items()} == {
        name: name == winner for name in (THERE, "linz")
    }
    assert steps.events.count("EXECUTION_TAKEN_OVER") == 1


def test_a_takeover_that_was_cut_off_is_not_closed_and_goes_on_when_given_again(
    aws: Sandbox, steps_of: StepsOf, take_over: Any, airflow: FakeAirflow
) -> None:
    steps = steps_of(plan(database()))
    steps.open()
    airflow.is_down = True
    (outcome,) = take_over()
    assert (outcome.is_done, steps.document["controller"]) == (False, THERE)

    left = reconcile(steps.store, lambda *_: None, grace=-60)

    assert (left.closed, "give the command takeover again" in left.waiting[steps.execution_id]) == ([], True)
    airflow.is_down = False
    (again,) = take_over()
    assert (again.is_done, len(airflow.triggered)) == (True, 1)
    assert [one.what for one in take_over()] == ["its DAG run is queued already"]
    assert steps.events.count("EXECUTION_TAKEN_OVER") == 1


def test_a_run_of_the_same_id_that_was_skipped_here_is_started_over(
    aws: Sandbox, steps_of: StepsOf, take_over: Any, airflow: FakeAirflow
) -> None:
    steps_of(plan(database()), run_id="scheduled__2026").open()
    airflow.states["scheduled__2026"] = "success"
    airflow.is_paused = True

    (outcome,) = take_over()

    assert outcome.what.startswith("its DAG run is started over here; recover_")
    assert (airflow.started_over, airflow.triggered) == (["scheduled__2026"], [])


def test_a_scheduled_drill_is_closed_and_its_instances_are_cleaned_up(
    aws: Sandbox, steps_of: StepsOf, take_over: Any, airflow: FakeAirflow
) -> None:
    steps = steps_of(two_waves(**NOW), run_id="scheduled__2026-11-30")
    steps.open()
    run_first_wave(aws, steps)
    steps.start(2)

    (outcome,) = take_over()

    assert outcome.what.startswith("it is being closed, by housekeeping from now on: DRS jobs of wave 2")
    assert (steps.document["status"], airflow.triggered) == ("CANCELLING", [])
    aws.advance(A_LAUNCH)
    assert reconcile(steps.store, lambda *_: None, grace=-60).closed == [steps.execution_id]
    assert steps.document["status"] == "PARTIAL_SUCCESS"
    assert "cannot be triggered" in steps.document["error"]
    due = TerminateDueOperator(task_id="due").execute({})
    assert due["under_way"].keys() == {steps.execution_id}


def test_ended_executions_with_instances_are_cleaned_up_by_the_standby(
    aws: Sandbox, steps_of: StepsOf, take_over: Any
) -> None:
    steps = complete(aws, steps_of(plan(database(), **NOW)))

    (outcome,) = take_over()

    assert outcome.what == "its instances are cleaned up from here"
    due = TerminateDueOperator(task_id="due").execute({})
    assert due["under_way"].keys() == {steps.execution_id}


def test_records_without_controller_are_left_to_whoever_has_their_run(
    aws: Sandbox, steps_of: StepsOf, take_over: Any
) -> None:
    steps = steps_of(plan(database()))
    steps.open()
    force(steps, execution_key(steps.execution_id), controller=None)

    assert take_over() == []
    wanted = wanted_of(steps.store, HERE, THERE)
    assert [one["executionId"] for one in wanted.unnamed] == [steps.execution_id]


def test_a_failed_wave_is_not_tried_again_by_itself_but_when_people_ask(
    aws: Sandbox, steps_of: StepsOf, take_over: Any
) -> None:
    steps = steps_of(plan(database()))
    steps.open()
    steps.start()
    steps.store.waves.fail(WaveRef(steps.execution_id, 1), "its network is gone")
    steps.clear()
    steps.store.retries.request(WaveRef(steps.execution_id, 1), "bob", steps.max_tries)
    take_over()
    again = steps_of(plan(database()))
    again.open()

    with pytest.raises(AirflowFailException, match="its network is gone"):
        again.start()

    assert again.document["waves"][0]["status"] == "FAILED"
    again.clear()
    again.start()
    assert again.document["waves"][0]["attempt"] == 2


def test_a_counter_that_did_not_come_along_is_counted_anew(
    aws: Sandbox, steps_of: StepsOf, take_over: Any
) -> None:
    steps = steps_of(two_waves())
    steps.open()
    run_first_wave(aws, steps)
    none = dict.fromkeys(steps.document["progress"], 0)
    force(steps, execution_key(steps.execution_id), completedWaves=0, activeWaves=[1], progress=none)
    delete(steps, live_key(steps.execution_id))

    (outcome,) = take_over()

    assert "completedWaves was 0 and is 1" in outcome.what
    assert (steps.document["completedWaves"], steps.document["activeWaves"]) == (1, [])
    assert steps.document["progress"]["ready"] == 2
    assert finish(aws, steps_of(two_waves())) == "COMPLETED"
    assert len(jobs_of(aws, steps)) == 2


def test_a_wave_whose_end_alone_came_along_is_judged_again(
    aws: Sandbox, steps_of: StepsOf, take_over: Any
) -> None:
    steps = steps_of(two_waves())
    steps.open()
    run_first_wave(aws, steps)
    for server in (DB_1, DB_2):
        old = {"phase": "SNAPSHOT", "launchStatus": "IN_PROGRESS", "instanceId": None, "privateIp": None}
        force(steps, server_key(steps, 1, server), **old)

    (outcome,) = take_over()

    assert "wave 1 was COMPLETED and is POLLING" in outcome.what
    assert steps.document["completedWaves"] == 0
    assert finish(aws, steps_of(two_waves())) == "COMPLETED"
    assert len(jobs_of(aws, steps)) == 2


def test_a_wave_that_only_drs_knows_of_is_put_on_record(
    aws: Sandbox, steps_of: StepsOf, take_over: Any
) -> None:
    steps = steps_of(two_waves())
    steps.open()
    run_first_wave(aws, steps)
    steps.store.gates.open(WaveRef(steps.execution_id, 2), "go?", [])
    gated = steps.store.table.get(wave_key(WaveRef(steps.execution_id, 2)))
    steps.store.gates.decide(WaveRef(steps.execution_id, 2), GateDecision.APPROVED, "bob")
    steps.start(2)
    assert gated is not None
    # The replica has the wave as it waited for an answer, and none of its servers.
    lost = {"jobs": [], "startTime": None, "askedBy": None, "gate": gated["gate"]}
    force(
        steps,
        wave_key(WaveRef(steps.execution_id, 2)),
        status="NOT_STARTED",
        version=gated["version"],
        **lost,
    )
    servers = steps.store.get_servers(WaveRef(steps.execution_id, 2))
    delete(steps, *(server_key(steps, 2, server["sourceServerId"]) for server in servers))

    (outcome,) = take_over()

    wave = steps.document["waves"][1]
    assert (wave["status"], wave["gate"]["decision"]) == ("POLLING", "APPROVED")
    assert "who approved it is not in this copy" in wave["gate"]["comment"]
    assert len(wave["serverStatuses"]) == len(servers) == wave["progress"]["totalServers"]
    assert "was not in this copy of the table" in outcome.what
    assert finish(aws, steps_of(two_waves())) == "COMPLETED"
    assert len(jobs_of(aws, steps)) == 2


def test_the_run_is_triggered_with_the_options_of_the_record(
    aws: Sandbox, steps_of: StepsOf, move_to: Any
) -> None:
    steps = steps_of(two_waves())
    chosen = {"execution_type": "DRILL", "reason": "test", "waves": [2], "keep_instances": True}
    steps.open(**chosen)

    assert options_of(steps.document) == chosen


OPTIONS = SimpleNamespace(installation=HERE, yes=False, include_unnamed=False)


def test_the_command_asks_and_takes_nothing_without_a_yes(
    aws: Sandbox, steps_of: StepsOf, move_to: Any, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    steps = steps_of(plan(database()))
    steps.open()
    monkeypatch.setattr("drs_recovery.standby.open_airflow", FakeAirflow)
    move_to(THERE)

    assert command.take_over(OPTIONS, lambda _: "no") == 1
    assert steps.document["controller"] == HERE
    assert command.take_over(OPTIONS, lambda _: "yes") == 0
    shown = capsys.readouterr().out
    assert f"{THERE} takes over from {HERE}: 1 live, 0 ended with instances" in shown
    assert "1 of 1 taken over in" in shown


@pytest.mark.parametrize(
    ("name", "why"), [(THERE, "is this installation"), ("nobody", "no Airflow installation named")]
)
def test_the_command_refuses_what_makes_no_sense(
    aws: Sandbox, move_to: Any, capsys: Any, name: str, why: str
) -> None:
    move_to(THERE)

    assert command.take_over(SimpleNamespace(**{**vars(OPTIONS), "installation": name}), lambda _: "yes") == 1
    assert why in capsys.readouterr().err
