"""People edit, break and delete plan files while executions run; these keep their tasks and their plan."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from devstack.stack import Stack
from drs_recovery.plan.model import plan_from_snapshot
from drs_recovery.plan.task_ids import FINALIZE, OPEN, wave_task_ids
from tests.e2e.drills import Drills, Ended, Running, drills_of, until
from tests.e2e.edited_plans import AT_GATE, BESIDE, LAUNCHING
from tests.e2e.made_plans import MadePlan
from tests.e2e.proofs import falsehoods

# By signal: the thread would end the whole process, and leave that of the stack behind.
pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900, method="signal")]

_PATIENCE = 400.0

# Of the sandbox, so slow that every launch outlasts the edits.
_STANDSTILL = 0.01


def _break(file: Path) -> None:
    file.write_text("waves: [")


def _remove_a_wave(file: Path) -> None:
    """The wave behind it gets its number."""
    document = yaml.safe_load(file.read_text())
    removed = document["waves"].pop(1)
    del document["protection_groups"][removed["groups"][0]]
    file.write_text(yaml.safe_dump(document))


def _rename_a_wave(file: Path) -> None:
    document = yaml.safe_load(file.read_text())
    document["waves"][1]["name"] = "Another name"
    file.write_text(yaml.safe_dump(document))


_EDITS: Mapping[str, Callable[[Path], None]] = {
    "broken": _break,
    "removed": _remove_a_wave,
    "renamed": _rename_a_wave,
    "deleted": Path.unlink,
}


@dataclass(frozen=True)
class Edited:
    """Executions whose plan files were edited while they ran, all of them at an end."""

    runs: list[Running]
    ended: list[Ended]
    of_broken_plan: Ended


@pytest.fixture(scope="module")
def edited(stack: Stack) -> Iterator[Edited]:
    """Edit each plan file during a launch, or at a gate, and let Airflow know; then all goes on."""
    with drills_of(stack) as drills:
        at_gate = _in_status(drills, AT_GATE, "PAUSED")
        launching = [drills.run(plan.id) for plan in LAUNCHING.values()]
        drills.sandbox.set_speed(_STANDSTILL)
        try:
            _await_status(launching, "POLLING")
            runs = [*launching, *at_gate]
            _edit_all(drills, stack.settings.plans_dir, runs)
            refused = drills.run(AT_GATE["broken"].id)
        finally:
            drills.sandbox.set_speed(stack.settings.speed)
        *ended, of_broken_plan = drills.follow_all([*runs, refused], _PATIENCE)
        yield Edited(runs, ended, of_broken_plan)


def test_an_execution_keeps_its_tasks_whatever_becomes_of_its_plans_file(
    drills: Drills, edited: Edited
) -> None:
    plans = (*LAUNCHING.values(), *AT_GATE.values())
    for plan, run, one in zip(plans, edited.runs, edited.ended, strict=True):
        assert falsehoods(drills, one, plan.region) == []
        assert (plan.id, one.document["status"], one.run_state) == (plan.id, "COMPLETED", "success")
        assert [wave["waveName"] for wave in one.document["waves"]] == ["Wave 1", "Wave 2", "Wave 3"]
        _demand_all_tasks(run, "success")
    _demand_refusal(edited.of_broken_plan, f"{AT_GATE['broken'].id}.yaml: line")


def test_a_real_recovery_of_the_edited_plan_starts_beside_a_drill_of_the_old_one(
    drills: Drills, stack: Stack
) -> None:
    (drill,) = _in_status(drills, {"drill": BESIDE}, "PAUSED")
    file = stack.state.settings.plans_dir / f"{BESIDE.id}.yaml"
    document = yaml.safe_load(file.read_text())
    # The first wave is shared and comes last now; the second one has another name and no gate.
    document["waves"][0]["depends_on"] = ["Another name"]
    document["waves"][1] = {
        "name": "Another name",
        "groups": document["waves"][1]["groups"],
        "depends_on": [],
    }
    file.write_text(yaml.safe_dump(document))
    drills.have_plans_parsed()

    recovery = drills.run(BESIDE.id, execution_type="RECOVERY")
    (of_recovery,) = drills.follow_all([recovery], _PATIENCE, approve=False)
    # Cancelled by the recovery, it still waits for an answer, as its run goes on until housekeeping comes.
    assert "cancel" in drill.look()
    drills.fail_run(drill.dag_id, drill.run_id)
    (of_drill,) = drills.follow_all([drill], _PATIENCE, approve=False)

    assert falsehoods(drills, of_recovery, BESIDE.region) == []
    assert (of_recovery.document["status"], of_recovery.run_state) == ("COMPLETED", "success")
    first, second = of_recovery.document["waves"]
    assert (first["waveName"], second["waveName"]) == ("Wave 1", "Another name")
    assert second["endTime"] <= first["startTime"]
    assert (of_drill.document["status"], of_drill.run_state) == ("PARTIAL_SUCCESS", "failed")
    assert [wave["waveName"] for wave in of_drill.document["waves"]] == ["Wave 1", "Wave 2"]


def test_the_dag_of_a_deleted_plan_goes_when_its_executions_have_ended(
    drills: Drills, edited: Edited
) -> None:
    # Its plan is kept for a moment, and the first pass without it is not believed.
    for run in edited.runs:
        if "deleted" in run.dag_id:
            until(lambda run=run: _is_gone(drills, run), f"{run.dag_id} goes", 240)


def _in_status(drills: Drills, plans: Mapping[str, MadePlan], status: str) -> list[Running]:
    """Start executions, and wait until each has a status."""
    runs = [drills.run(plan.id) for plan in plans.values()]
    _await_status(runs, status)
    return runs


def _await_status(runs: Iterable[Running], status: str) -> None:
    for run in runs:
        until(lambda run=run: run.look().get("status") == status, f"{run.dag_id} is {status}", 180)


def _edit_all(drills: Drills, folder: Path, runs: Iterable[Running]) -> None:
    """Make every edit, and wait until Airflow knows; meanwhile the executions stay where they are."""
    for edit, change in _EDITS.items():
        for plans in (LAUNCHING, AT_GATE):
            change(folder / f"{plans[edit].id}.yaml")
    drills.have_plans_parsed()
    for run in runs:
        until(
            lambda run=run: _knows_of_the_edit(drills, run), f"Airflow knows of the edit: {run.dag_id}", 180
        )
        _demand_all_tasks(run)
    assert {run.look()["status"] for run in runs} == {"POLLING", "PAUSED"}


def _knows_of_the_edit(drills: Drills, run: Running) -> bool:
    """The page is of the DAG as Airflow's scheduler has it."""
    run.look()
    dag = drills.api.dag(run.dag_id)
    return dag is not None and "another version" in (dag["doc_md"] or "")


def _demand_all_tasks(run: Running, state: str | None = None) -> None:
    plan = plan_from_snapshot(run.look()["planSnapshot"])
    wanted = {OPEN, *wave_task_ids(plan, range(1, len(plan.waves) + 1)), FINALIZE}
    tasks = {task["task_id"]: task["state"] for task in run.drills.api.task_instances(run.dag_id, run.run_id)}
    assert wanted <= set(tasks)
    wrong = {
        name: tasks[name] for name in wanted if tasks[name] == "removed" or state not in (None, tasks[name])
    }
    assert wrong == {}


def _demand_refusal(ended: Ended, problem: str) -> None:
    assert (ended.document["status"], ended.run_state) == ("FAILED", "failed")
    assert problem in ended.document["error"]
    assert all(not wave["jobs"] for wave in ended.document["waves"])


def _is_gone(drills: Drills, run: Running) -> bool:
    dag = drills.api.dag(run.dag_id)
    return dag is None or bool(dag["is_stale"])
