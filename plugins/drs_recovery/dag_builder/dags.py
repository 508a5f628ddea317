"""Which DAGs the plans of a folder, and the executions that still run, make up."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from airflow.sdk import get_parsing_context

from drs_recovery.dag_builder.builder import build_broken_dag, build_dag
from drs_recovery.dag_builder.shared_dags import (
    HOUSEKEEPING,
    housekeeping_dag,
    termination_dag,
)
from drs_recovery.dag_builder.wave_tasks import add_wave_task
from drs_recovery.exceptions import PlanError, PlanProblem
from drs_recovery.opening import KeptPlan, kept_plans, versions_needed
from drs_recovery.operators import FinalizeExecutionOperator, PublishEndOperator
from drs_recovery.plan import DAG_ID_PREFIX, FINALIZE, PUBLISH, LoadedPlans, load_plans
from drs_recovery.settings import plans_dirs
from drs_recovery.store import TERMINATING_DAG

if TYPE_CHECKING:
    from airflow.sdk import DAG

log = logging.getLogger(__name__)


def recovery_dags(dag_file: str) -> dict[str, DAG]:
    """
    Build every DAG of this package, for a DAG file of an Airflow in which the package is installed.

    :param dag_file: ``__file__`` of that DAG file, see :func:`drs_recovery.settings.plans_dirs`.
    :return: DAGs by id, to update ``globals()`` with. Without a folder of plan files one of them says so, and
        the shared DAGs are there all the same.
    """
    shared: dict[str, Callable[[], DAG]] = {
        HOUSEKEEPING: partial(housekeeping_dag, dag_file),
        TERMINATING_DAG: termination_dag,
    }
    wanted = get_parsing_context().dag_id
    if wanted in shared:
        return {wanted: shared[wanted]()}
    try:
        dags = plan_dags(dag_file)
    except PlanError as error:
        dag = build_broken_dag("plans-folder", error)
        dags = {dag.dag_id: dag}
    return dags if wanted else {**dags, **{dag_id: build() for dag_id, build in shared.items()}}


def plan_dags(dag_file: str) -> dict[str, DAG]:
    """
    Build the DAGs of the plans, and of every execution that lives without its plan's file.

    :param dag_file: as for :func:`recovery_dags`.
    :return: DAGs by id; in a task only the DAG of that task: parsing all plans would only cost time.
    :raises PlanError: the folder of plan files cannot be listed, and no execution lives.
    """
    folders, wanted = plans_dirs(dag_file), get_parsing_context()
    dags = dags_of_task(folders, wanted.dag_id, wanted.task_id) if wanted.dag_id else all_dags(folders)
    return {dag.dag_id: dag for dag in dags}


def all_dags(directories: Sequence[Path]) -> Iterator[DAG]:
    """
    Build the DAG of every plan, and of every execution that lives without its plan's file.

    :raises PlanError: a directory cannot be listed, and no execution lives.
    """
    kept = _kept_by_dag()
    loaded, gone = _load(directories, ignore_trouble=bool(kept))
    for plan in loaded.plans.values():
        yield build_dag(plan, versions_needed(kept.pop(plan.dag_id, ()), plan))
    for plan_id, error in loaded.broken.items():
        versions = versions_needed(kept.pop(f"{DAG_ID_PREFIX}{plan_id}", ()), None)
        yield build_broken_dag(plan_id, error, versions)
    for dag_id, plans in kept.items():
        if versions := versions_needed(plans, None):
            plan_id = dag_id.removeprefix(DAG_ID_PREFIX)
            yield build_broken_dag(plan_id, gone or _no_file(plan_id), versions)


def dags_of_task(directories: Sequence[Path], dag_id: str, task_id: str | None) -> list[DAG]:
    """
    Build the DAG of one task that is about to run; it is found whatever became of the plan's file.

    Asks Airflow nothing: a task knows its execution's plan from the record.
    """
    if not dag_id.startswith(DAG_ID_PREFIX):
        return []
    plan_id = dag_id.removeprefix(DAG_ID_PREFIX)
    try:
        loaded = load_plans(directories, only_id=plan_id)
        error = loaded.broken.get(plan_id) or _no_file(plan_id)
    except PlanError as trouble:
        loaded, error = LoadedPlans(), trouble
    plan = loaded.plans.get(plan_id)
    dag = build_dag(plan) if plan else build_broken_dag(plan_id, error)
    if task_id == FINALIZE and task_id not in dag.task_dict:
        FinalizeExecutionOperator(task_id=task_id, problems=str(error), dag=dag)
    elif task_id == PUBLISH and task_id not in dag.task_dict:
        PublishEndOperator(task_id=task_id, plan_id=plan_id, dag=dag)
    elif task_id is not None and task_id not in dag.task_dict:
        add_wave_task(dag, task_id)
    return [dag]


def _load(directories: Sequence[Path], *, ignore_trouble: bool) -> tuple[LoadedPlans, PlanError | None]:
    try:
        return load_plans(directories), None
    except PlanError as error:
        if not ignore_trouble:
            raise
        log.warning("only the DAGs of executions that run are built: %s", error)
        return LoadedPlans(), error


def _kept_by_dag() -> dict[str, Sequence[KeptPlan]]:
    """What is kept, by DAG id. Without an answer the plan files alone count: no parse depends on it."""
    found: dict[str, list[KeptPlan]] = defaultdict(list)
    try:
        for kept in kept_plans():
            found[kept.dag_id].append(kept)
    except Exception as error:  # whatever Airflow raises
        log.warning("the plans of live executions cannot be read: %s", error)
    return dict(found)


def _no_file(plan_id: str) -> PlanError:
    message = f'no plan file has the id "{plan_id}" any more: it was removed, renamed, or has another id now'
    return PlanError([PlanProblem("", "", message)])
