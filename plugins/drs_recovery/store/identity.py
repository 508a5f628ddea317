"""The one rule by which an execution gets its id."""

from __future__ import annotations

import uuid

TERMINATING_DAG = "terminate_recovery_instances"
"""Terminates instances of executions of any plan."""


def execution_id(dag_id: str, run_id: str) -> str:
    """
    Id of the execution that a DAG run stands for: the same on every retry and in every process.

    :param dag_id: Airflow's DAG id.
    :param run_id: Airflow's DAG run id.
    :return: a UUIDv5 as text.
    """
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"airflow:{dag_id}/{run_id}"))
