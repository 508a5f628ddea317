"""Start and follow drills on a running stack, the way ticketing tools and people do."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import Any

import boto3

from devstack.airflow_api import AirflowApi
from devstack.gatekeeper import Gatekeeper
from devstack.records import open_store
from devstack.stack import Stack
from drs_recovery.exceptions import ExecutionNotFoundError
from drs_recovery.store.keys import execution_id
from sandbox.testing import Sandbox
from tests.witness import Witness

_LOOK_INTERVAL = 0.5
# Known from the first moment: it has the file of all plans.
_SAMPLE_DAG = "recover_three-tier-crm"


@dataclass(frozen=True)
class Ended:
    """An execution that ended: its document, the state of its DAG run, and what the witness saw."""

    document: dict[str, Any]
    run_state: str
    witness: Witness


@dataclass(frozen=True, eq=False)
class Running:
    """A triggered DAG run, whose execution is looked at by a witness."""

    drills: Drills
    dag_id: str
    run_id: str
    witness: Witness = field(default_factory=Witness)

    def look(self) -> dict[str, Any]:
        """Show the witness the execution document as it is now; empty before there is one."""
        document = self.drills.document(self.dag_id, self.run_id)
        if document is None:
            return {}
        self.witness.look(document)
        return document

    def wave_is(self, number: int, status: str) -> bool:
        """Look once, and say whether a wave has a status."""
        document = self.look()
        return bool(document) and bool(document["waves"][number - 1]["status"] == status)


class Drills:
    """
    Drills of one stack.

    :param stack: a running stack.
    :param api: its Airflow, as an administrator.
    """

    def __init__(self, stack: Stack, api: AirflowApi) -> None:
        self.api = api
        self.url = stack.state.sandbox_url
        self.sandbox = Sandbox(self.url)
        self.store = open_store(self.url)
        self._gatekeeper = Gatekeeper(stack.state.airflow_url, stack.passwords, print)

    def client(self, service: str, region: str) -> Any:
        """A boto3 client of the stack's sandbox."""
        return boto3.client(
            service, region, endpoint_url=self.url, aws_access_key_id="t", aws_secret_access_key="t"
        )

    def start(self, plan_id: str, **conf: Any) -> tuple[str, str]:
        """Trigger a plan when Airflow knows it; DAG id and run id."""
        dag_id = f"recover_{plan_id}"
        until(lambda: self.api.dag(dag_id) is not None, f"{dag_id} appears", 90)
        return dag_id, self.api.trigger(dag_id, conf)

    def have_plans_parsed(self) -> None:
        """Have Airflow look at the plan files now: by itself it does so a few times a minute."""
        self.api.parse_file_of(_SAMPLE_DAG)

    def run(self, plan_id: str, **conf: Any) -> Running:
        """Trigger a plan and watch it."""
        return Running(self, *self.start(plan_id, **conf))

    def document(self, dag_id: str, run_id: str) -> dict[str, Any] | None:
        """The execution document, or None before there is one."""
        try:
            return self.store.get_document(execution_id(dag_id, run_id))
        except ExecutionNotFoundError:
            return None

    def follow(self, dag_id: str, run_id: str, seconds: float = 180, approve: bool = True) -> Ended:
        """Read the record again and again, approve gates, and return when the DAG run has ended."""
        (ended,) = self.follow_all([Running(self, dag_id, run_id)], seconds, approve)
        return ended

    def follow_all(self, runs: Sequence[Running], seconds: float, approve: bool = True) -> list[Ended]:
        """Follow several at once; they come back in the order in which they were given."""
        ended: dict[Running, Ended] = {}
        deadline = time.monotonic() + seconds
        while open_runs := [run for run in runs if run not in ended]:
            if time.monotonic() > deadline:
                names = ", ".join(f"{run.dag_id} {run.run_id}" for run in open_runs)
                raise AssertionError(f"did not end within {seconds} s: {names}")
            # Asked for before the records, so that these are not of the time before a run's last step.
            under_way = self.api.runs_under_way()
            for run in open_runs:
                document = run.look()
                if document and (run.dag_id, run.run_id) not in under_way:
                    state = self.api.run(run.dag_id, run.run_id)["state"]
                    ended[run] = Ended(document, state, run.witness)
            if approve:
                self._approve_all([run for run in open_runs if run not in ended])
            time.sleep(_LOOK_INTERVAL)
        return [ended[run] for run in runs]

    def approve(self, dag_id: str, run_id: str) -> None:
        """Approve the gates that have been open long enough, as one of their approvers."""
        self._gatekeeper.approve_due(self.api.open_questions(dag_id, run_id))

    def _approve_all(self, runs: Sequence[Running]) -> None:
        """Approve the gates of several at once, for one question to Airflow."""
        names = {(run.dag_id, run.run_id) for run in runs}
        questions = self.api.open_questions("~", "~")
        self._gatekeeper.approve_due(one for one in questions if (one.dag_id, one.run_id) in names)

    def fail_run(self, dag_id: str, run_id: str) -> None:
        """Do what "Mark run as failed" in the Airflow UI does."""
        self.api.set_run_state(dag_id, run_id, "failed")

    def jobs_of(self, document: Mapping[str, Any], region: str) -> list[dict[str, Any]]:
        """Every DRS job that carries the execution's id."""
        jobs = self.client("drs", region).describe_jobs(filters={})["items"]
        return [job for job in jobs if job["tags"].get("dr:executionId") == document["executionId"]]


@contextmanager
def drills_of(stack: Stack) -> Iterator[Drills]:
    """Drills of a stack, as long as it is needed."""
    with closing(AirflowApi(stack.state.airflow_url, "admin", stack.passwords["admin"])) as api:
        yield Drills(stack, api)


def until(happened: Callable[[], bool], what: str, seconds: float) -> None:
    """Wait for something, looking often; fails when it does not happen."""
    deadline = time.monotonic() + seconds
    while not happened():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.2)
