"""Kinds of steps on recovered servers of the sandbox, looked at one by one, without Airflow's tasks."""

from __future__ import annotations

import dataclasses
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from drs_recovery.hooks import Clients
from drs_recovery.statuses import StepStatus
from drs_recovery.steps.kind import Login, Look, Place, Recipient, StepKind, StepRun
from sandbox.testing import Sandbox
from tests.plan_documents import DB_1, DB_2

EAST = Place("aws_default", "us-east-1")


@pytest.fixture
def recovered(aws: Sandbox) -> Sandbox:
    """A sandbox whose clock stands, with a recovery instance of each database server."""
    rows = [{"sourceServerID": server} for server in (DB_1, DB_2)]
    aws.client("drs").start_recovery(sourceServers=rows)
    aws.advance(1_000)
    assert len(aws.applications()) == len(rows)
    aws.set_speed(0.0001)
    return aws


def no_login(connection: str) -> Login:
    raise AssertionError(f"connection {connection} was read")


@dataclass
class Trial:
    """
    One attempt at a step of a kind, as the framework makes it: what a look puts on record, the next one has.

    :ivar looks: every look, oldest first.
    """

    kind: StepKind
    run: StepRun
    looks: list[Look] = field(default_factory=list)

    def start(self) -> Look:
        return self._kept(self.kind.start(self.run))

    def look(self) -> Look:
        """Look as the framework does: what has nothing on record yet is started."""
        return self._kept(self.kind.look(self.run) if self.run.external_ids else self.kind.start(self.run))

    def stop(self) -> str | None:
        return self.kind.stop(self.run)

    def changed(self, **values: Any) -> Trial:
        """The same attempt, as another process sees it, or another attempt."""
        return Trial(self.kind, dataclasses.replace(self.run, **values))

    def _kept(self, look: Look) -> Look:
        self.looks.append(look)
        known = {**self.run.external_ids, **look.external_ids}
        self.run = dataclasses.replace(self.run, external_ids=known)
        return look


Try = Callable[..., Trial]


@pytest.fixture
def attempt(recovered: Sandbox) -> Try:
    """Makes attempts: ``attempt(KIND, {keys of the plan})``."""
    clients = Clients()

    def make(
        kind: StepKind,
        arguments: Mapping[str, Any],
        per_server: Mapping[str, Mapping[str, Any]] | None = None,
        **more: Any,
    ) -> Trial:
        parsed = kind.arguments.model_validate(arguments)
        servers: Sequence[Recipient] = [
            Recipient(
                id=one["sourceServerID"],
                name=one["name"],
                hostname=one["name"],
                address=one["address"],
                instance_id=one["instanceId"],
                place=EAST,
                group="database",
                arguments=kind.arguments.model_validate((per_server or {}).get(one["name"], arguments)),
            )
            for one in sorted(recovered.applications(), key=lambda one: str(one["name"]))
        ]
        now, per = time.time(), kind.acts_per_server(arguments)
        usual: dict[str, Any] = {
            "execution_id": "7d0f4a52-2c2e-5d1f-9f59-5b7c3b0e6a11",
            "plan_id": "crm",
            "execution_type": "DRILL",
            "is_drill": True,
            "wave_number": 1,
            "side": "after",
            "number": 1,
            "attempt": 1,
            "token": str(uuid.uuid4()),
            "arguments": None if per else parsed,
            "servers": servers if per else (),
            "any_server": False,
            "external_ids": {},
            "begun": now,
            "deadline": now + 600,
            "now": now,
            "place": EAST,
            "aws": lambda place: clients.at(*place),
            "login": no_login,
            "addresses": tuple(server.address for server in servers),
        }
        return Trial(kind, StepRun(**{**usual, **more}))

    return make


RUNNING, SUCCEEDED, FAILED = StepStatus.RUNNING, StepStatus.SUCCEEDED, StepStatus.FAILED
