"""One Airflow DAG for each recovery plan in the plans folder."""

from __future__ import annotations

from airflow.sdk import get_parsing_context

from drs_recovery.dag_builder import build_broken_dag, build_dag
from drs_recovery.plan_cache import load_plans
from drs_recovery.settings import plans_dir

# In a task only the DAG of that task is wanted; parsing all plans there would only cost time.
wanted_dag_id = get_parsing_context().dag_id
loaded = load_plans(plans_dir(), only_id=wanted_dag_id and wanted_dag_id.removeprefix("recover_"))

for plan in loaded.plans.values():
    globals()[plan.dag_id] = build_dag(plan)

for plan_id, error in loaded.broken.items():
    globals()[f"recover_{plan_id}"] = build_broken_dag(plan_id, error)
