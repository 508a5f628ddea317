"""One DAG in Airflow for each recovery plan, and for each execution that outlives its plan's file."""

from __future__ import annotations

from drs_recovery.dag_builder import plan_dags

globals().update(plan_dags(__file__))
