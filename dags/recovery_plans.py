"""One Airflow DAG for each recovery plan in the plans folder, and for executions that outlive their file."""

from __future__ import annotations

from airflow.sdk import get_parsing_context

from drs_recovery.dag_builder.plan_dags import all_dags, dags_of_task
from drs_recovery.settings import plans_dir

# In a task only the DAG of that task is wanted; parsing all plans there would only cost time.
wanted = get_parsing_context()
dags = dags_of_task(plans_dir(), wanted.dag_id, wanted.task_id) if wanted.dag_id else all_dags(plans_dir())
globals().update({dag.dag_id: dag for dag in dags})
