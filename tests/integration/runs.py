"""Run a plan through its real DAG, with people around it and a reader who believes nothing."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from airflow.dag_processing.dagbag import DagBag
from airflow.models.dagrun import DagRun
from airflow.sdk import DAG, timezone
from airflow.utils.session import create_session
from airflow.utils.types import DagRunType

from drs_recovery.store.executions import ExecutionStore
from drs_recovery.store.keys import execution_id
from drs_recovery.store.table import ExecutionsTable
from sandbox.testing import Sandbox
from tests.integration.at_work import AtWork
from tests.integration.core_api import CoreApi
from tests.integration.people import Deeds, People
from tests.integration.sampling import Sampler

DAGS = Path(__file__).resolve().parents[2] / "dags"
TABLE = "dr-executions"

# Simulated seconds a second: a drill of two Linux servers takes about a second.
SPEED = 500.0

# A run that hangs must fail its test, not stop the suite.
LONGEST_RUN = 240.0


@dataclass(frozen=True)
class Ended:
    """
    A run that ended.

    :param state: of the DAG run.
    :param document: the execution document.
    :param events: of the execution, oldest first.
    :param tasks: state by task id.
    :param statuses: the statuses of the execution that its readers saw, in order.
    """

    state: str
    document: dict[str, Any]
    events: list[dict[str, Any]]
    tasks: dict[str, str]
    statuses: list[str]

    @property
    def waves(self) -> list[str]:
        """Status of each wave."""
        return [wave["status"] for wave in self.document["waves"]]

    @property
    def servers(self) -> dict[str, dict[str, Any]]:
        """Every server of the document by its name."""
        return {s["serverName"]: s for wave in self.document["waves"] for s in wave["serverStatuses"]}

    def event_names(self) -> list[str]:
        """What happened, in order."""
        return [event["event"] for event in self.events]


class Runner:
    """
    Runs plans of one folder.

    :param plans: the folder that ``[drs_recovery] plans_dir`` names.
    """

    def __init__(self, sandbox: Sandbox, api: CoreApi, plans: Path) -> None:
        self._api, self.plans = api, plans
        self.store = ExecutionStore(ExecutionsTable(sandbox.client("dynamodb"), TABLE))

    def write(self, plan: Mapping[str, Any] | str | Path) -> str:
        """Put a plan into the folder: a document, a file's text, or a copy of a file; its DAG's id."""
        text = plan.read_text() if isinstance(plan, Path) else plan
        document = yaml.safe_load(text) if isinstance(text, str) else dict(text)
        plan_id = document.get("id") or (plan.stem if isinstance(plan, Path) else "plan")
        content = text if isinstance(text, str) else yaml.safe_dump(document, sort_keys=False)
        (self.plans / f"{plan_id}.yaml").write_text(content)
        return f"recover_{plan_id}"

    def dag(self, dag_id: str) -> DAG:
        """The DAG as Airflow finds it in the DAGs folder."""
        bag = DagBag(str(DAGS), bundle_name="dags-folder")
        assert bag.import_errors == {}
        return bag.dags[dag_id]

    def run(
        self,
        plan: Mapping[str, Any] | str | Path,
        conf: Mapping[str, Any] | None = None,
        *,
        people: Mapping[str, Deeds] | None = None,
    ) -> Ended:
        """
        Run a plan to its end.

        :param plan: as for :meth:`write`.
        :param conf: of the DAG run.
        :param people: what is done about each gate, by task group: one deed for each time that it asks.
            A gate without a deed is left alone.
        """
        dag = self.dag(self.write(plan))
        moment = timezone.utcnow()
        run_id = DagRun.generate_run_id(run_type=DagRunType.MANUAL, logical_date=moment, run_after=moment)
        execution = execution_id(dag.dag_id, run_id)
        sampler, at_work = Sampler(self.store, execution), AtWork()
        crowd = People(self._api, at_work, dag.dag_id, run_id, people or {})
        sampler.start()
        crowd.start()
        try:
            with at_work.watched():
                state = _test(dag, moment, conf)
        finally:
            crowd.leave()
            sampler.stop()
        assert sampler.witness.lies == []
        assert sampler.witness.readings > 1
        return Ended(
            state=state,
            document=self.store.get_document(execution),
            events=self.store.get_events(execution),
            tasks=_task_states(dag.dag_id, run_id),
            statuses=sampler.statuses,
        )

    def trigger(self, dag_id: str, conf: Mapping[str, Any] | None = None) -> tuple[str, dict[str, str]]:
        """
        Run a DAG that is no plan's.

        :param dag_id: as in the DAGs folder.
        :param conf: of the DAG run.
        :return: state of the run, and of each task.
        """
        dag, moment = self.dag(dag_id), timezone.utcnow()
        run_id = DagRun.generate_run_id(run_type=DagRunType.MANUAL, logical_date=moment, run_after=moment)
        return _test(dag, moment, conf), _task_states(dag_id, run_id)


def _test(dag: DAG, moment: Any, conf: Mapping[str, Any] | None) -> str:
    """``dag.test()``, which needs the main thread, with an end: it waits for ever for what does not come."""
    with _given_up_after(LONGEST_RUN, dag.dag_id):
        return str(dag.test(run_after=moment, logical_date=moment, run_conf=dict(conf or {})).state)


@contextmanager
def _given_up_after(seconds: float, what: str) -> Iterator[None]:
    """Fail what hangs, by a signal of our own: SIGALRM and its timer are Airflow's, for its own time-outs."""
    over = threading.Event()

    def give_up(*_: object) -> None:
        pytest.fail(f"{what} did not end within {seconds:.0f} s")

    def watch() -> None:
        pause = seconds
        while not over.wait(pause):
            signal.pthread_kill(threading.main_thread().ident, signal.SIGUSR1)
            # Again each second, since a task that it hits takes it for its own failure.
            pause = 1.0

    previous = signal.signal(signal.SIGUSR1, give_up)
    watcher = threading.Thread(target=watch, name="run-watch", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()
        signal.signal(signal.SIGUSR1, previous)


def _task_states(dag_id: str, run_id: str) -> dict[str, str]:
    with create_session() as session:
        found = DagRun.find(dag_id=dag_id, run_id=run_id, session=session)[0]
        return {task.task_id: str(task.state) for task in found.get_task_instances(session=session)}
