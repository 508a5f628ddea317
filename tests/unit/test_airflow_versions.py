"""What differs between versions of Airflow is known in one place, which is right about this one."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from airflow.sdk import TaskInstanceState
from airflow.sdk.exceptions import TaskDeferred
from airflow.sdk.observability import stats

from drs_recovery import airflow_versions
from drs_recovery.airflow_versions import ASKING_STATE, asking_again, asking_signal, metrics, task_memory

PROJECT = Path(__file__).resolve().parents[2]
DIFFERS = re.compile(
    r"task_state_store\b|TaskAwaitingInput|awaiting_input|AWAITING_INPUT|sdk\.observability|airflow\.stats"
    r"|airflow import __version__|airflow\.version\b"
)


def test_no_other_module_names_what_not_every_version_has() -> None:
    sources = [
        path for folder in ("plugins", "devstack", "dags") for path in (PROJECT / folder).rglob("*.py")
    ]

    found = {path.name for path in sources if DIFFERS.search(path.read_text(encoding="utf-8"))}

    assert found == {"airflow_versions.py"}


def test_the_names_are_those_of_the_airflow_that_is_installed() -> None:
    assert TaskInstanceState(ASKING_STATE) == ASKING_STATE
    assert isinstance(asking_again("execute_complete", timedelta(hours=1)), asking_signal())
    assert callable(metrics().incr)
    assert callable(metrics().timing)


def test_a_task_of_airflow_3_2_has_no_memory() -> None:
    memory = task_memory(cast("Any", {}))
    memory.set("asked", "x")

    assert memory.get("asked") is None


def test_metrics_of_airflow_3_2_have_their_class(monkeypatch: pytest.MonkeyPatch) -> None:
    old = SimpleNamespace(incr=print, timing=print)
    monkeypatch.delattr(stats, "incr")
    monkeypatch.setattr(stats, "Stats", old)

    assert metrics() is old


def test_a_question_of_airflow_3_2_is_a_deferral(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(airflow_versions, "PARKS_QUESTIONS", False)

    assert asking_signal() is TaskDeferred
