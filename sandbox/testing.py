"""Sandboxes for tests and measurements: behind a port, or inside moto's ``mock_aws``."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import boto3
from moto import mock_aws
from moto.core.base_backend import BackendDict

from sandbox.clock import SimulatedClock, Wall, steady_wall
from sandbox.control import PREFIX, ControlApi
from sandbox.moto_bridge import register
from sandbox.scenario import Scenario, scenario_from
from sandbox.server import SandboxServer
from sandbox.world import WORLD, World

# Fast enough that a drill is over by the next call.
AT_ONCE = 1_000_000.0

_PROJECT = Path(__file__).resolve().parents[1]

_one_at_a_time = Lock()


class ControlError(Exception):
    """The control API refused a call; the text is its answer."""


class ManualWall:
    """A wall clock that moves only when it is told to."""

    def __init__(self, start: float = 1_800_000_000.0) -> None:
        self.seconds = start

    def __call__(self) -> float:
        """Seconds since 1970."""
        return self.seconds

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.seconds += seconds


PREPARING_KEY = "preparing"
"""Access key of a test's own clients, which no policies judge unless a test says so."""


class Sandbox:
    """A sandbox that runs somewhere, and its control API."""

    def __init__(self, url: str) -> None:
        self.url = url

    def client(self, service: str, region: str = "us-east-1", **options: Any) -> Any:
        """A boto3 client of the sandbox."""
        usual = {
            "endpoint_url": self.url,
            "aws_access_key_id": PREPARING_KEY,
            "aws_secret_access_key": "testing",
        }
        return boto3.client(service, region, **{**usual, **options})

    def add_fault(self, kind: str, **fields: Any) -> str:
        """Switch a fault on, and return its id."""
        answer = self.control("POST", "/faults", {"kind": kind, **fields})
        return str(answer["faults"][0]["id"])

    def clear_faults(self) -> None:
        """Switch every fault off."""
        self.control("DELETE", "/faults")

    def calls(self, service: str | None = None, operation: str | None = None) -> list[dict[str, Any]]:
        """The recorded AWS calls in order, of a service or an operation."""
        wanted = {"service": service, "operation": operation}
        query = urlencode({key: value for key, value in wanted.items() if value is not None})
        return list(self.control("GET", f"/calls?{query}")["calls"])

    def writes(self) -> dict[str, dict[str, int]]:
        """What was written to DynamoDB, by partition: ``writes``, ``units``, ``stored`` and ``largest``."""
        return dict(self.control("GET", "/writes")["partitions"])

    def enforce(self, policies: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
        """Judge the requests of access keys by policy documents from now on, until a reset."""
        self.control("PUT", "/policies", policies)

    def judged(self) -> dict[str, Any]:
        """What was refused by policies, and which action of which statement allowed something."""
        return dict(self.control("GET", "/policies"))

    def add_servers(self, *descriptions: Mapping[str, Any]) -> None:
        """Add source servers; the keys are those of ``POST /sandbox-api/source-servers``."""
        self.control("POST", "/source-servers", list(descriptions))

    def application_port(self) -> int:
        """Port at which recovered servers' applications answer."""
        return int(self.control("GET", "/health")["applicationPort"])

    def applications(self) -> list[dict[str, Any]]:
        """The applications of the instances that exist, with the requests that they got."""
        return list(self.control("GET", "/applications")["applications"])

    def add_function(self, name: str, **more: Any) -> str:
        """Add a Lambda function, and return its ARN; keys as in ``POST /sandbox-api/functions``."""
        return str(self.control("POST", "/functions", {"name": name, **more})["functionArn"])

    def add_routing_control(self, name: str, state: str = "Off") -> str:
        """Add a routing control of Route 53 ARC, and return its ARN."""
        answer = self.control("POST", "/routing-controls", {"name": name, "state": state})
        return str(answer["routingControlArn"])

    def invocations(self) -> list[dict[str, Any]]:
        """What Lambda functions were run with, each run once."""
        return list(self.control("GET", "/invocations")["invocations"])

    def set_speed(self, speed: float) -> None:
        """Change the speed."""
        self.control("PUT", "/speed", {"speed": speed})

    def advance(self, seconds: float) -> None:
        """Jump forward in simulated time."""
        self.control("POST", "/advance", {"seconds": seconds})

    def set_skew(self, seconds: float) -> None:
        """Let DRS's clock be ahead, or behind if below 0, of everybody else's."""
        self.control("PUT", "/skew", {"seconds": seconds})

    def reset(self) -> None:
        """Start over, without faults."""
        self.control("POST", "/reset")

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """
        Call the control API.

        :param path: behind ``/sandbox-api``.
        :raises ControlError: with the sandbox's explanation.
        """
        data = None if body is None else json.dumps(body).encode()
        request = Request(self.url + PREFIX + path, data, method=method)  # noqa: S310  # the URL is our own
        try:
            with urlopen(request, timeout=10) as answer:  # noqa: S310  # same
                return json.load(answer)
        except HTTPError as error:
            with error:
                raise ControlError(error.read().decode()) from error


@contextmanager
def running_sandbox(
    *, speed: float = 1.0, scenario: Mapping[str, Any] | None = None, seed: bool = True
) -> Iterator[Sandbox]:
    """
    A sandbox on a free port of 127.0.0.1, served by a thread of this process.

    :raises RuntimeError: when this process has one already, as both would share moto's state.
    """
    with _alone():
        BackendDict.reset()
        WORLD.reset(SimulatedClock(speed))
        server = SandboxServer("127.0.0.1", 0, _scenario(scenario, seed))
        server.start()
        try:
            yield Sandbox(server.url)
        finally:
            server.stop()
            BackendDict.reset()


@contextmanager
def separate_sandbox(*options: str) -> Iterator[Sandbox]:
    """
    A sandbox on a free port of 127.0.0.1, in a process of its own: it shares no interpreter with the caller.

    :param options: of ``python -m sandbox``, such as ``--no-seed``.
    """
    command = [sys.executable, "-m", "sandbox", "--port", "0", *options]
    # No shell, and the options come from tests and benchmarks.
    with subprocess.Popen(command, cwd=_PROJECT, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
        try:
            ready, _, url = next(iter(process.stdout or ()), "").rpartition(" ")
            if ready != "sandbox ready":
                raise RuntimeError(f"the sandbox did not start: {' '.join(command)}")
            yield Sandbox(url.strip())
        finally:
            process.terminate()


@contextmanager
def mocked_sandbox(
    *,
    speed: float = 1.0,
    scenario: Mapping[str, Any] | None = None,
    seed: bool = True,
    wall: Wall = steady_wall,
) -> Iterator[World]:
    """
    A sandbox inside ``mock_aws``: boto3 clients of this process reach it without a port.

    Faults of the call family need HTTP and do nothing here.

    :param wall: the wall clock, such as a :class:`ManualWall`.
    """
    with _alone():
        register()
        with mock_aws():
            WORLD.reset(SimulatedClock(speed, wall))
            ControlApi(WORLD, _scenario(scenario, seed)).prepare(faults=True)
            yield WORLD
        WORLD.reset(SimulatedClock())


@contextmanager
def _alone() -> Iterator[None]:
    if not _one_at_a_time.acquire(blocking=False):
        raise RuntimeError(
            "this process has a sandbox already: use that one, or start one with python -m sandbox"
        )
    try:
        yield
    finally:
        _one_at_a_time.release()


def _scenario(document: Mapping[str, Any] | None, seed: bool) -> Scenario:
    scenario = scenario_from(document or {})
    return dataclasses.replace(scenario, seed=scenario.seed and seed)
