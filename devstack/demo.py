"""The demo: a whole drill over Airflow's public REST API, watched from the terminal."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import Any

from botocore.exceptions import BotoCoreError
from rich.console import Console

from devstack.airflow_api import AirflowApi
from devstack.errors import DemoFailedError, UnreachableError
from devstack.gatekeeper import Gatekeeper
from devstack.live import View, open_view
from devstack.records import open_store, shortcomings
from devstack.stack import Stack, access
from drs_recovery.exceptions import ExecutionNotFoundError
from drs_recovery.store import ExecutionDocument, execution_id

_LOOK_INTERVAL = 0.5
_LIVE_RUN_STATES = ("queued", "running")
# A new plan is on show after about 10 s; a slow machine may take several times that.
_PLAN_TIMEOUT = 90.0
_TICKET_PREFIX = "DEMO-"
_BROKEN_PLAN_TAG = "broken-plan"


@dataclass(frozen=True)
class DemoOptions:
    """
    What to run.

    :param timeout: seconds that all drills of one demo may take together, without the start of the stack.
    """

    plan_id: str
    timeout: float


def run_demo(stack: Stack, options: DemoOptions) -> None:
    """
    Start the stack unless it runs, run a drill and show it.

    :param stack: where to run; it is left running.
    :raises DevstackError: the stack did not start, or the drill did not end as a full success.
    """
    state = stack.up()
    console = Console()
    with closing(AirflowApi(state.airflow_url, "admin", stack.passwords["admin"])) as api:
        demo = Demo(stack, api, console, options, partial(_print_record, stack))
        try:
            demo.run()
        finally:
            console.print(access(stack), markup=False, highlight=False)


def _print_record(stack: Stack, execution: str) -> None:
    """Print the final document as the project's own command shows it."""
    command = (sys.executable, "-m", "drs_recovery", "show", execution)
    # Airflow would tell where it found the credentials, above the record.
    environment = stack.environment() | {"AIRFLOW__LOGGING__LOGGING_LEVEL": "WARNING"}
    if subprocess.run(command, env=environment, check=False).returncode != 0:
        raise DemoFailedError(f"the record of execution {execution} cannot be shown")


class Demo:
    """One drill of one plan, after any that is still live."""

    def __init__(
        self,
        stack: Stack,
        api: AirflowApi,
        console: Console,
        options: DemoOptions,
        print_record: Callable[[str], None],
    ) -> None:
        self._stack = stack
        self._api = api
        self._console = console
        self._print_record = print_record
        self._dag_id = f"recover_{options.plan_id}"
        self._store = open_store(stack.state.sandbox_url)
        self._deadline = time.monotonic() + options.timeout

    def run(self) -> None:
        """
        Run the drill.

        :raises DemoFailedError: it did not end as a full success.
        """
        self._await_plan()
        for run in self._live_runs():
            self._follow(run["dag_run_id"], run.get("conf") or {})
        conf = self._conf()
        run_id = self._api.trigger(self._dag_id, conf)
        self._say(f"triggered {self._dag_id} for ticket {conf['ticket']}: {run_id}")
        self._report(run_id, self._follow(run_id, conf))

    def _say(self, line: str) -> None:
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)

    def _conf(self) -> dict[str, str]:
        number = len(self._api.runs(self._dag_id)) + 1
        return {"execution_type": "DRILL", "ticket": f"{_TICKET_PREFIX}{number}", "reason": "make demo"}

    def _await_plan(self) -> None:
        """Wait until Airflow has read the plan, and let it run."""
        until = min(time.monotonic() + _PLAN_TIMEOUT, self._deadline)
        while (dag := self._api.dag(self._dag_id)) is None:
            if errors := self._api.import_errors():
                raise DemoFailedError("Airflow cannot load its DAG files:\n" + "\n".join(errors.values()))
            if time.monotonic() > until:
                raise DemoFailedError(f"Airflow does not know {self._dag_id} after {_PLAN_TIMEOUT:.0f} s")
            time.sleep(_LOOK_INTERVAL)
        if any(tag["name"] == _BROKEN_PLAN_TAG for tag in dag["tags"]):
            raise DemoFailedError(f"the plan of {self._dag_id} is broken:\n{dag['doc_md']}")
        self._api.unpause(self._dag_id)

    def _live_runs(self) -> list[dict[str, Any]]:
        runs = [run for run in self._api.runs(self._dag_id) if run["state"] in _LIVE_RUN_STATES]
        for run in runs:
            self._say(f"a drill of this plan is still live, waiting for it first: {run['dag_run_id']}")
        return runs

    def _follow(self, run_id: str, conf: Mapping[str, Any]) -> ExecutionDocument | None:
        """Show a run until it ends; approve its gates if a demo started it."""
        with open_view(self._console, self._stack.settings.speed) as view:
            gatekeeper = Gatekeeper(self._stack.state.airflow_url, self._stack.passwords, view.note)
            told = len(self._stack.state.restarts)
            is_demo = str(conf.get("ticket", "")).startswith(_TICKET_PREFIX)
            while self._api.run(self._dag_id, run_id)["state"] in _LIVE_RUN_STATES:
                self._show(run_id, view)
                told = self._tell_restarts(view, told)
                if is_demo:
                    gatekeeper.approve_due(self._api.open_questions(self._dag_id, run_id))
                if time.monotonic() > self._deadline:
                    raise DemoFailedError(f"{run_id} has not ended in time; {self._where_to_look(run_id)}")
                time.sleep(_LOOK_INTERVAL)
            return self._show(run_id, view)

    def _tell_restarts(self, view: View, told: int) -> int:
        restarts = self._stack.state.restarts
        for line in restarts[told:]:
            view.note(line)
        return len(restarts)

    def _show(self, run_id: str, view: View) -> ExecutionDocument | None:
        try:
            document = self._store.get_document(execution_id(self._dag_id, run_id))
        except ExecutionNotFoundError:
            return None
        except BotoCoreError as error:
            raise UnreachableError("the sandbox", error) from error
        view.update(document)
        return document

    def _report(self, run_id: str, document: Mapping[str, Any] | None) -> None:
        if document is None:
            raise DemoFailedError(f"{run_id} ended without a record; {self._where_to_look(run_id)}")
        self._print_record(document["executionId"])
        if found := shortcomings(document):
            reasons = "\n".join(f"- {sentence}" for sentence in found)
            raise DemoFailedError(f"the drill is no success:\n{reasons}\n{self._where_to_look(run_id)}")

    def _where_to_look(self, run_id: str) -> str:
        tasks = self._api.task_instances(self._dag_id, run_id)
        failed = ", ".join(task["task_id"] for task in tasks if task["state"] == "failed") or "none"
        logs = self._stack.layout.task_logs / f"dag_id={self._dag_id}" / f"run_id={run_id}"
        return f"failed tasks: {failed}; task logs: {logs}; process logs: {self._stack.layout.process_logs}"
