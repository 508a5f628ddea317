"""Which task ``dag.test()`` runs at the moment."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from airflow.sdk.definitions import dag as dag_module


class AtWork:
    """
    The task that ``dag.test()`` runs; None while it runs none.

    It writes a task's state once more when the process of the task has ended. By then a question of that
    task is open already, and what people make of it would be overwritten: they must wait until then.
    """

    def __init__(self) -> None:
        self.task_id: str | None = None

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Keep ``task_id`` up to date as long as a run goes on."""
        run_task = dag_module._run_task

        def watched_run(*, ti: Any, **kwargs: Any) -> Any:
            self.task_id = ti.task_id
            try:
                return run_task(ti=ti, **kwargs)
            finally:
                self.task_id = None

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(dag_module, "_run_task", watched_run)
            yield
