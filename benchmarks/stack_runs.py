"""Run made plans on a whole local stack, as real Airflow processes do."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.made_plans import MadePlan, add_servers, write_plans
from devstack.airflow_api import AirflowApi
from devstack.layout import StackSettings
from devstack.records import open_store, shortcomings
from devstack.stack import Stack
from drs_recovery.store import ExecutionDocument, execution_id
from sandbox.testing import Sandbox

_LOOK_SECONDS = 1.0
_PARSING_SECONDS = 180.0
_RUN_ENDS = ("success", "failed")


@dataclass(frozen=True)
class Ended:
    """
    An execution that ended well.

    :param triggered: epoch seconds before it was asked for.
    :param jobs: DRS's jobs, oldest first.
    """

    plan: MadePlan
    triggered: float
    document: ExecutionDocument
    tasks: list[dict[str, Any]]
    jobs: list[dict[str, Any]]

    @property
    def seconds(self) -> float:
        """From the trigger to the end of the record."""
        return float(self.document["endTime"]) - self.triggered


class StackRuns:
    """Executions on one stack."""

    def __init__(self, stack: Stack, api: AirflowApi) -> None:
        self._api = api
        self.sandbox = Sandbox(stack.state.sandbox_url)
        self.store = open_store(stack.state.sandbox_url)

    def run(self, plans: Sequence[MadePlan], seconds: float) -> list[Ended]:
        """
        Trigger plans at once, and wait until all have ended.

        :raises RuntimeError: an execution is no full success, or does not end in time.
        """
        for plan in plans:
            _until(partial(self._is_known, plan), plan.dag_id, _PARSING_SECONDS)
            self._api.unpause(plan.dag_id)
        triggered = time.time()
        runs = {plan: self._api.trigger(plan.dag_id, {}) for plan in plans}
        for plan, run_id in runs.items():
            _until(partial(self._has_ended, plan, run_id), run_id, seconds)
        return [self._ended(plan, run_id, triggered) for plan, run_id in runs.items()]

    def _is_known(self, plan: MadePlan) -> bool:
        return self._api.dag(plan.dag_id) is not None

    def _has_ended(self, plan: MadePlan, run_id: str) -> bool:
        return self._api.run(plan.dag_id, run_id)["state"] in _RUN_ENDS

    def _ended(self, plan: MadePlan, run_id: str, triggered: float) -> Ended:
        execution = execution_id(plan.dag_id, run_id)
        document = self.store.get_document(execution)
        if found := shortcomings(document):
            raise RuntimeError(f"{plan.dag_id} is no success: {'; '.join(found)}")
        tasks = self._api.task_instances(plan.dag_id, run_id)
        return Ended(plan, triggered, document, tasks, self._jobs(plan.region, execution))

    def _jobs(self, region: str, execution: str) -> list[dict[str, Any]]:
        pages = self.sandbox.client("drs", region).get_paginator("describe_jobs").paginate(filters={})
        jobs = [
            job for page in pages for job in page["items"] if job["tags"].get("dr:executionId") == execution
        ]
        return sorted(jobs, key=lambda job: str(job["creationDateTime"]))


def _until(happened: Callable[[], bool], what: str, seconds: float) -> None:
    until = time.monotonic() + seconds
    while not happened():
        if time.monotonic() > until:
            raise RuntimeError(f"not within {seconds:.0f} s: {what}")
        time.sleep(_LOOK_SECONDS)


@contextmanager
def stack_with(plans: Sequence[MadePlan], settings: Mapping[str, Any]) -> Iterator[StackRuns]:
    """
    Start a stack that has plans and their servers, and end it with the block.

    :param settings: of :class:`~devstack.layout.StackSettings`, but for the folders.
    """
    with TemporaryDirectory() as name:
        home = Path(name)
        write_plans(home / "plans", plans)
        stack = Stack(
            StackSettings(home=home / "stack", plans_dir=home / "plans", **settings), say=lambda _: None
        )
        try:
            state = stack.up()
            add_servers(Sandbox(state.sandbox_url), plans)
            with closing(AirflowApi(state.airflow_url, "admin", stack.passwords["admin"])) as api:
                yield StackRuns(stack, api)
        finally:
            stack.down()


def epoch(text: str) -> float:
    """
    Epoch seconds of a time as AWS, Airflow and the sandbox's log of calls write it.

    :param text: ISO-8601 with a zone.
    """
    return datetime.fromisoformat(text).timestamp()
