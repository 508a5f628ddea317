"""
What differs between the versions of Airflow that this package runs on, 3.2 to 3.4. Nothing else knows.

Airflow is imported when it is needed: the local stack asks for the name of a state, and imports no Airflow.
"""

from __future__ import annotations

from importlib import metadata
from typing import TYPE_CHECKING, Any, Protocol, cast

if TYPE_CHECKING:
    from datetime import timedelta

    from airflow.sdk.definitions.context import Context


def _airflow() -> tuple[int, int]:
    major, minor = metadata.version("apache-airflow-core").split(".")[:2]
    return int(major), int(minor)


# In 3.2 a question waits in the triggerer, which asks for the answer every 5 seconds.
PARKS_QUESTIONS = _airflow() >= (3, 3)

# The state of a task that has put its question and waits for the answer.
ASKING_STATE = "awaiting_input" if PARKS_QUESTIONS else "deferred"


class TaskMemory(Protocol):
    """What a task keeps for its later tries."""

    def get(self, key: str) -> Any:
        """The value, or None."""

    def set(self, key: str, value: Any) -> None:
        """Keep a value."""


class _NoMemory:
    """The memory of Airflow 3.2. It bridges the moments until the record or DRS's tags say it."""

    def get(self, _key: str) -> None:
        return None

    def set(self, _key: str, _value: Any) -> None:
        return None


def task_memory(context: Context) -> TaskMemory:
    """The memory of a task, which outlives its tries and clears."""
    return cast("TaskMemory", context["task_state_store"]) if "task_state_store" in context else _NoMemory()


def asking_signal() -> type[BaseException]:
    """What Airflow's operator raises when it has put a question."""
    if PARKS_QUESTIONS:
        from airflow.sdk.exceptions import TaskAwaitingInput

        return TaskAwaitingInput
    from airflow.sdk.exceptions import TaskDeferred

    return TaskDeferred


def asking_again(method_name: str, timeout: timedelta) -> BaseException:
    """What to raise to wait for the answer to a question that was put before; not for 3.2, see its memory."""
    from airflow.sdk.exceptions import TaskAwaitingInput

    return TaskAwaitingInput(method_name=method_name, timeout=timeout)


def metrics() -> Any:
    """Where Airflow's own metrics go: ``incr`` and ``timing``."""
    from airflow.sdk.observability import stats

    return stats if hasattr(stats, "incr") else stats.Stats
