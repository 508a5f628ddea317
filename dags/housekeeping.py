"""The DAG in Airflow that cleans up after drills and closes records that their own runs left open."""

from __future__ import annotations

from drs_recovery.dag_builder import housekeeping_dag

dag = housekeeping_dag(__file__)
