"""Drills on a cluster: many at once, a process of each kind killed, two answers, a worker with old files."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager

import pytest
import yaml

from devstack.airflow_api import AirflowApi, Question
from devstack.errors import AirflowApiError
from devstack.processes import members
from devstack.stack import Stack
from tests.cluster.cluster_plans import EDITED, GATED, VICTIMS
from tests.e2e.drills import Drills, Running, until
from tests.e2e.herd_plans import HERD, HERD_REGION
from tests.e2e.made_plans import MadePlan
from tests.e2e.proofs import demand_completed, demand_side_by_side, falsehoods

# By signal: the thread would end the whole process, and leave that of the cluster behind.
pytestmark = [pytest.mark.cluster, pytest.mark.timeout(1200, method="signal")]

_PATIENCE = 600.0
# Seconds for which AWS keeps the call waiting during which a process dies.
_WINDOW = 6.0
_STANDSTILL = 0.01


def test_a_drill_runs_to_its_end(drills: Drills) -> None:
    run = drills.run(HERD[0].id)

    demand_completed(drills, HERD[0], *drills.follow_all([run], _PATIENCE))


def test_ten_executions_at_once_run_to_their_ends(drills: Drills) -> None:
    runs = [drills.run(plan.id) for plan in HERD]

    ended = drills.follow_all(runs, _PATIENCE)

    assert len(ended) == 10
    demand_side_by_side(drills, ended, HERD_REGION)


@pytest.mark.parametrize("role", VICTIMS)
def test_any_process_may_die_in_any_step_of_a_wave(drills: Drills, stack: Stack, role: str) -> None:
    plan = VICTIMS[role]
    run = drills.run(plan.id)
    with slow(drills, plan, "StartRecovery"):
        until(lambda: is_running(drills, run, 1, "start_recovery"), "the first wave starts", _PATIENCE)
        until(lambda: bool(started_jobs(drills, run, plan)), "AWS has started the job", _PATIENCE)
        victims = [kill(drills, stack, run, role, "start_recovery")]
    until(lambda: run.wave_is(2, "POLLING"), "the second wave waits", _PATIENCE)
    revive(drills, stack, victims)
    victims = [kill(drills, stack, run, role, "wait_for_launch")]
    until(lambda: run.wave_is(3, "POLLING"), "the third wave waits", _PATIENCE)
    with slow(drills, plan, "DescribeInstances"):
        revive(drills, stack, victims)
        until(lambda: is_running(drills, run, 3, "enrich_instances"), "the third wave ends", _PATIENCE)
        victims = [kill(drills, stack, run, role, "enrich_instances")]
    (ended,) = drills.follow_all([run], _PATIENCE)
    revive(drills, stack, victims)

    demand_completed(drills, plan, ended)


def test_of_two_answers_by_two_servers_one_counts(drills: Drills, stack: Stack) -> None:
    """Airflow may take both: the record has one of them, with its person, and what follows fits it."""
    run = drills.run(GATED.id)
    until(lambda: bool(drills.api.open_questions(run.dag_id, run.run_id)), "the gate asks", _PATIENCE)
    until(lambda: run.look().get("status") == "PAUSED", "the gate is on record", _PATIENCE)
    (question,) = drills.api.open_questions(run.dag_id, run.run_id)

    people = (("admin", "Approve"), ("dr-lead", "Reject"))
    with ThreadPoolExecutor() as pool:
        answers = zip(people, stack.state.server_ports, strict=True)
        taken = list(pool.map(lambda one: answer(stack, question, *one), answers))

    assert any(taken)
    (ended,) = drills.follow_all([run], _PATIENCE, approve=False)
    assert falsehoods(drills, ended, GATED.region) == []
    gate, jobs = ended.document["waves"][1]["gate"], drills.jobs_of(ended.document, GATED.region)
    assert (gate["actor"], gate["decision"], len(jobs)) in {
        ("admin", "APPROVED", 2),
        ("dr-lead", "REJECTED", 1),
    }


def test_a_worker_with_old_plan_files_tells_nothing_untrue(drills: Drills, stack: Stack) -> None:
    """Its files know one wave; the plans have two by now."""
    edited = [MadePlan(plan.id, plan.region, ({}, {}), servers=1) for plan in EDITED]
    for plan in edited:
        until(lambda plan=plan: drills.api.dag(f"recover_{plan.id}") is not None, "the DAG appears", 120)
    drills.sandbox.add_servers(*(server for plan in edited for server in plan.descriptions()))
    for plan in edited:
        (stack.settings.plans_dir / f"{plan.id}.yaml").write_text(yaml.safe_dump(plan.document()))
    drills.have_plans_parsed()
    for plan in edited:
        until(lambda plan=plan: has_two_waves(drills, plan), f"the DAG of {plan.id} has both waves", 120)

    runs = [drills.run(plan.id) for plan in edited]
    ended = drills.follow_all(runs, _PATIENCE)

    assert [falsehoods(drills, one, EDITED[0].region) for one in ended] == [[]] * len(ended)
    assert [(one.document["status"], len(one.document["waves"])) for one in ended] == [
        ("COMPLETED", 2)
    ] * len(ended)


def has_two_waves(drills: Drills, plan: MadePlan) -> bool:
    return "Wave 2" in str((drills.api.dag(f"recover_{plan.id}") or {}).get("doc_md"))


@contextmanager
def slow(drills: Drills, plan: MadePlan, operation: str) -> Iterator[None]:
    """Let AWS carry out a call at once, and answer late."""
    service = "drs" if operation == "StartRecovery" else "ec2"
    drills.sandbox.add_fault(
        "late_answer", service=service, operation=operation, region=plan.region, seconds=_WINDOW
    )
    yield
    drills.sandbox.clear_faults()


def is_running(drills: Drills, run: Running, wave: int, step: str) -> bool:
    run.look()
    tasks = drills.api.task_instances(run.dag_id, run.run_id)
    mine = [task for task in tasks if task["task_id"].rsplit(".", 1)[-1] == step]
    running = [task for task in mine if task["state"] == "running" and task["pid"]]
    return bool(running) and sum(task["state"] == "success" for task in mine) == wave - 1


def started_jobs(drills: Drills, run: Running, plan: MadePlan) -> list[object]:
    document = run.look()
    return list(drills.jobs_of(document, plan.region)) if document else []


def kill(drills: Drills, stack: Stack, run: Running, role: str, step: str) -> str:
    """Kill the process of a role, and of two workers the one that runs the step."""
    name = worker_of(drills, stack, run, step) if role == "worker" else role
    stack.kill(name)
    return name


def worker_of(drills: Drills, stack: Stack, run: Running, step: str) -> str:
    """Name the worker with the running task of a step; if it has ended by now, any."""
    tasks = drills.api.task_instances(run.dag_id, run.run_id)
    pids = {task["pid"] for task in tasks if task["state"] == "running" and task["task_id"].endswith(step)}
    for name in ("worker", "worker-2"):
        record = stack.state.process(name)
        if pids & {process.pid for process in members(record, stack.settings.home)}:
            return name
    return "worker"


def revive(drills: Drills, stack: Stack, names: list[str]) -> None:
    """Start processes again, while nothing goes on in AWS."""
    drills.sandbox.set_speed(_STANDSTILL)
    stack.start_again(*names)
    drills.sandbox.set_speed(stack.settings.speed)


def answer(stack: Stack, question: Question, person: tuple[str, str], port: int) -> bool:
    """Answer as a person at one of the servers; whether Airflow took it."""
    user, option = person
    with closing(AirflowApi(f"http://127.0.0.1:{port}", user, stack.passwords[user])) as api:
        try:
            api.answer(question, option)
        except AirflowApiError as error:
            if error.status == 409:
                return False
            raise
        return True
