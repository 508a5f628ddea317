"""The DAG in Airflow that terminates the instances of an execution on request."""

from __future__ import annotations

from drs_recovery.dag_builder import termination_dag

dag = termination_dag()
