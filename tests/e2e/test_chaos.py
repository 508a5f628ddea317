"""Real processes are killed and AWS is disturbed while recoveries run; the record stays true all the same."""

from __future__ import annotations

import contextlib

import psutil
import pytest

from devstack.components import AIRFLOW_COMPONENTS
from devstack.stack import Stack
from tests.e2e.chaos_plans import CHAIN, GATED, SINGLES, SKEWED, STUCK
from tests.e2e.drills import Drills, Ended, Running, until
from tests.e2e.made_plans import MadePlan
from tests.e2e.proofs import falsehoods

# By signal: the thread would end the whole process, and leave that of the stack behind.
pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600, method="signal")]

# Under load a step takes several times as long as on an idle machine.
_PATIENCE = 300.0

# Longer than botocore and the hooks try a single call of DRS.
_TROUBLE_SECONDS = 20.0

_STEPS = ("open_execution", "start_recovery", "wait_for_launch", "enrich_instances", "finalize_execution")


def _demand_completed(drills: Drills, plan: MadePlan, ended: Ended) -> None:
    """The disturbance left no trace in the outcome."""
    assert falsehoods(drills, ended, plan.region) == []
    assert (ended.document["status"], ended.run_state) == ("COMPLETED", "success")


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
        _demand_completed(drills, plan, ended)


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
    _demand_completed(drills, CHAIN, ended_chain)
    for plan, ended in zip(SINGLES[1:], ended_others, strict=True):
        _demand_completed(drills, plan, ended)


def test_a_pause_and_a_wave_survive_the_restart_of_everything(drills: Drills, stack: Stack) -> None:
    gated = drills.run(GATED.id)
    until(lambda: gated.look().get("status") == "PAUSED", "the gate opens", _PATIENCE)
    single = drills.run(SINGLES[0].id)
    until(lambda: single.wave_is(1, "POLLING"), "the wave of another runs", _PATIENCE)
    for name in AIRFLOW_COMPONENTS:
        stack.kill(name)
    stack.start_again(*AIRFLOW_COMPONENTS)

    ended_gated, ended_single = drills.follow_all([gated, single], _PATIENCE)

    _demand_completed(drills, GATED, ended_gated)
    _demand_completed(drills, SINGLES[0], ended_single)
    gate = ended_gated.document["waves"][1]["gate"]
    assert (gate["decision"], gate["actor"]) == ("APPROVED", "admin")


def test_a_time_of_throttling_errors_resets_and_expired_credentials_is_survived(drills: Drills) -> None:
    troubles = (
        {"kind": "error", "status": 429, "code": "ThrottlingException", "retry_after": 1},
        {"kind": "error", "status": 500, "code": "InternalServerException"},
        {"kind": "reset"},
        {"kind": "expired_token"},
        {"kind": "lost_answer", "operation": "StartRecovery", "times": 3},
    )
    for plan, trouble in zip(SINGLES, troubles, strict=True):
        fault = {"service": "drs", "region": plan.region, "for_seconds": _TROUBLE_SECONDS, **trouble}
        drills.sandbox.control("POST", "/faults", fault)
    runs = [drills.run(plan.id) for plan in SINGLES]

    for plan, ended in zip(SINGLES, drills.follow_all(runs, _PATIENCE), strict=True):
        _demand_completed(drills, plan, ended)


def test_a_store_that_refuses_writes_for_a_while_loses_nothing(drills: Drills) -> None:
    """Recoveries meet the refusal in three places: before their opening, at a start, during a wave."""
    polled = drills.run(SINGLES[0].id)
    until(lambda: polled.wave_is(1, "POLLING"), "a wave runs", _PATIENCE)
    started = drills.run(SINGLES[1].id)
    until(lambda: bool(started.look()), "another opens", _PATIENCE)
    opened = drills.run(SINGLES[2].id)
    refusals = (
        {"status": 500, "code": "InternalServerError", "every": 2},
        {"status": 400, "code": "AccessDeniedException"},
    )
    for refusal in refusals:
        fault = {"service": "dynamodb", "operation": "TransactWriteItems", "for_seconds": _TROUBLE_SECONDS}
        drills.sandbox.add_fault("error", **fault, **refusal)

    runs = [polled, started, opened]
    for plan, ended in zip(SINGLES, drills.follow_all(runs, _PATIENCE), strict=False):
        _demand_completed(drills, plan, ended)


def test_a_job_that_never_ends_fails_its_wave_at_the_time_out_and_the_run_goes_on(drills: Drills) -> None:
    drills.sandbox.add_fault("stuck_job", server=STUCK.server_ids(1)[0])

    (ended,) = drills.follow_all([drills.run(STUCK.id)], _PATIENCE)

    assert falsehoods(drills, ended, STUCK.region) == []
    stuck, behind = ended.document["waves"]
    assert (ended.document["status"], ended.run_state) == ("PARTIAL_SUCCESS", "failed")
    assert stuck["status"] == "FAILED"
    assert "not settled within its time-out" in stuck["statusReason"]
    assert behind["status"] == "COMPLETED"


def test_clocks_that_disagree_by_minutes_change_nothing(drills: Drills) -> None:
    """DRS's clock is five minutes ahead of the workers' in the first wave, and behind in the second."""
    drills.sandbox.set_skew(300)
    run = drills.run(SKEWED.id)
    until(lambda: run.wave_is(1, "COMPLETED"), "the first wave ends", _PATIENCE)
    drills.sandbox.set_skew(-300)

    (ended,) = drills.follow_all([run], _PATIENCE)

    _demand_completed(drills, SKEWED, ended)
    assert all(wave["duration"] >= 0 for wave in ended.document["waves"])


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
