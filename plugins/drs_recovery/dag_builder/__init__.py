"""A DAG for each plan."""

from drs_recovery.dag_builder.dags import plan_dags, recovery_dags
from drs_recovery.dag_builder.shared_dags import housekeeping_dag, termination_dag

__all__ = [
    "housekeeping_dag",
    "plan_dags",
    "recovery_dags",
    "termination_dag",
]
