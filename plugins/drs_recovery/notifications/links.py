"""Addresses of Airflow's pages, as messages show them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from drs_recovery.notifications.events import Asked


def run_link(base_url: str | None, document: Mapping[str, Any]) -> str | None:
    """
    Address of the DAG run that an execution stands for; None where nobody knows Airflow's address.

    :param base_url: where people reach Airflow; may have a path.
    :param document: the execution document.
    """
    if not base_url:
        return None
    dag_id, run_id = quote(document["dagId"], safe=""), quote(document["dagRunId"], safe="")
    return f"{base_url.rstrip('/')}/dags/{dag_id}/runs/{run_id}"


def answer_link(run: str | None, asked: Asked | None) -> str | None:
    """
    Address of the page on which a question is answered.

    Airflow's ``generate_link_to_ui_from_context`` makes it too, but drops the path of a base address and does
    not quote a run id, which a ticketing tool may choose freely.

    :param run: of the DAG run.
    :param asked: the question.
    """
    if run is None or asked is None:
        return None
    return f"{run}/tasks/{quote(asked.task_id, safe='')}/required_actions?map_index=-1"
