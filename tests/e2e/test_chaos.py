"""Real processes are killed while recoveries run; the record stays true all the same."""

from __future__ import annotations

import contextlib

import psutil
import pytest

from devstack.components import AIRFLOW_COMPONENTS
from devstack.stack import Stack
from tests.e2e.chaos_plans import CHAIN, GATED, SINGLES
from tests.e2e.drills import Drills, Running, until
from tests.e2e.proofs import demand_completed

# By signal: the thread would end the whole process, and leave that of the stack behind.
pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600, method="signal")]

# Under load a step takes several times as long as on an idle machine.
_PATIENCE = 300.0

_STEPS = ("open_execution", "start_recovery", "wait_for_launch", "enrich_instances", "finalize_execution")


def test_a_killed_task_of_any_step_is_taken_up_where_it_was(drills: Drills, stack: Stack) -> None:
    runs = {step: drills.run(plan.id) for step, plan in zip(_STEPS, SINGLES, strict=True)}
    waiting = dict(runs)

    def all_are_killed() -> bool:
        for step, run in list(waiting.items()):
            if _kill_task(drills, stack, run, step):
                del waiting[step]
        return not waiting

    until(all_are_killed, f"a task of each step is killed, but for {list(waiting)}", _PATIENCE)
    for plan, ended in zip(SINGLES, drills.follow_all(list(runs.values()), _PATIENCE), strict=True):
        demand_completed(drills, plan, ended)


def test_any_process_of_airflow_may_die_during_a_wave(drills: Drills, stack: Stack) -> None:
    """A chain of waves: in each another process dies, and stays away until DRS has done its part."""
    chain, others = drills.run(CHAIN.id), []
    for number, name in enumerate(AIRFLOW_COMPONENTS, start=1):
        until(lambda number=number: chain.wave_is(number, "POLLING"), f"wave {number} runs", _PATIENCE)
        others.append(drills.run(SINGLES[number].id))
        stack.kill(name)
        until(lambda number=number: _jobs_ended(drills, chain, number), f"the job of wave {number} ends", 60)
        stack.start_again(name)
    ended_chain, *ended_others = drills.follow_all([chain, *others], _PATIENCE)
    demand_completed(drills, CHAIN, ended_chain)
    for plan, ended in zip(SINGLES[1:], ended_others, strict=True):
        demand_completed(drills, plan, ended)


def test_a_pause_and_a_wave_survive_the_restart_of_everything(drills: Drills, stack: Stack) -> None:
    gated = drills.run(GATED.id)
    until(lambda: gated.look().get("status") == "PAUSED", "the gate opens", _PATIENCE)
    single = drills.run(SINGLES[0].id)
    until(lambda: single.wave_is(1, "POLLING"), "the wave of another runs", _PATIENCE)
    for name in AIRFLOW_COMPONENTS:
        stack.kill(name)
    stack.start_again(*AIRFLOW_COMPONENTS)

    ended_gated, ended_single = drills.follow_all([gated, single], _PATIENCE)

    demand_completed(drills, GATED, ended_gated)
    demand_completed(drills, SINGLES[0], ended_single)
    gate = ended_gated.document["waves"][1]["gate"]
    assert (gate["decision"], gate["actor"]) == ("APPROVED", "admin")


def _kill_task(drills: Drills, stack: Stack, run: Running, step: str) -> bool:
    """SIGKILL the process of a step if it runs now."""
    run.look()
    for task in drills.api.task_instances(run.dag_id, run.run_id):
        is_step = task["task_id"].rsplit(".", 1)[-1] == step
        if is_step and task["state"] == "running" and task["pid"]:
            with contextlib.suppress(psutil.NoSuchProcess):
                process = psutil.Process(task["pid"])
                if process.cwd() == str(stack.settings.home):
                    process.kill()
                    return True
    return False


def _jobs_ended(drills: Drills, run: Running, wave: int) -> bool:
    jobs = drills.jobs_of(run.look(), CHAIN.region)
    mine = [job for job in jobs if job["tags"]["dr:wave"] == str(wave)]
    return bool(mine) and all(job["status"] == "COMPLETED" for job in mine)
