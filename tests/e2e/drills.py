"""Start and follow drills on a running stack, the way ticketing tools and people do."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

import boto3

from devstack.airflow_api import AirflowApi
from devstack.gatekeeper import Gatekeeper
from devstack.records import open_store
from devstack.stack import Stack
from drs_recovery.exceptions import ExecutionNotFoundError
from drs_recovery.identity import execution_id
from tests.witness import Witness

_LOOK_INTERVAL = 0.25
_RUN_ENDS = ("success", "failed")


@dataclass(frozen=True)
class Ended:
    """An execution that ended: its document, the state of its DAG run, and what the witness saw."""

    document: dict[str, Any]
    run_state: str
    witness: Witness


class Drills:
    """
    Drills of one stack.

    :param stack: a running stack.
    :param api: its Airflow, as an administrator.
    """

    def __init__(self, stack: Stack, api: AirflowApi) -> None:
        self.api = api
        self.url = stack.state.sandbox_url
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

    def document(self, dag_id: str, run_id: str) -> dict[str, Any] | None:
        """The execution document, or None before there is one."""
        try:
            return self.store.get_document(execution_id(dag_id, run_id))
        except ExecutionNotFoundError:
            return None

    def follow(self, dag_id: str, run_id: str, seconds: float = 180, approve: bool = True) -> Ended:
        """Read the record again and again, approve gates, and return when the DAG run has ended."""
        witness, deadline = Witness(), time.monotonic() + seconds
        while time.monotonic() < deadline:
            state = self.api.run(dag_id, run_id)["state"]
            document = self.document(dag_id, run_id)
            if document is not None:
                witness.look(document)
                if state in _RUN_ENDS:
                    return Ended(document, state, witness)
            if approve:
                self.approve(dag_id, run_id)
            time.sleep(_LOOK_INTERVAL)
        raise AssertionError(f"{dag_id} {run_id} did not end within {seconds} s: {state}")

    def approve(self, dag_id: str, run_id: str) -> None:
        """Approve the gates that have been open long enough, as one of their approvers."""
        self._gatekeeper.approve_due(self.api.open_questions(dag_id, run_id))

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
        time.sleep(0.1)
