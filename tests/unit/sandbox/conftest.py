from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import boto3
import pytest
from botocore.config import Config

from sandbox.testing import AT_ONCE, ManualWall, Sandbox, mocked_sandbox, running_sandbox
from sandbox.world import World
from tests.unit.sandbox.known import A_DRILL, DB_1, DB_2


@pytest.fixture
def wall() -> ManualWall:
    return ManualWall()


@pytest.fixture
def world(wall: ManualWall) -> Iterator[World]:
    with mocked_sandbox(wall=wall) as world:
        yield world


@cache
def client(service: str, region: str = "us-east-1", *, checked: bool = True) -> Any:
    """Clients are dear to make; moto gets hold of every one that is made after it was imported."""
    return boto3.Session().client(service, region, config=Config(parameter_validation=checked))


@pytest.fixture
def drs(world: World) -> Any:
    return client("drs")


@pytest.fixture
def raw_drs(world: World) -> Any:
    """A client that sends what it is given, however wrong."""
    return client("drs", checked=False)


@pytest.fixture
def ec2(world: World) -> Any:
    return client("ec2")


@pytest.fixture
def server() -> Iterator[Sandbox]:
    with running_sandbox(speed=AT_ONCE) as sandbox:
        yield sandbox


@pytest.fixture
def start(drs: Any) -> Callable[..., str]:
    def start_drill(*server_ids: str, **more: Any) -> str:
        rows = [{"sourceServerID": server_id} for server_id in server_ids or (DB_1,)]
        job = drs.start_recovery(**{"sourceServers": rows, "isDrill": True, **more})["job"]
        return str(job["jobID"])

    return start_drill


@pytest.fixture
def job(drs: Any) -> Callable[[str], dict[str, Any]]:
    def describe(job_id: str) -> dict[str, Any]:
        (found,) = drs.describe_jobs(filters={"jobIDs": [job_id]})["items"]
        return dict(found)

    return describe


@pytest.fixture
def events(drs: Any) -> Callable[[str], list[str]]:
    def names(job_id: str) -> list[str]:
        return [item["event"] for item in drs.describe_job_log_items(jobID=job_id)["items"]]

    return names


@pytest.fixture
def instances(drs: Any) -> Callable[[], list[dict[str, Any]]]:
    return lambda: list(drs.describe_recovery_instances()["items"])


@pytest.fixture
def fault(world: World) -> Callable[..., None]:
    def add(kind: str, **fields: Any) -> None:
        world.faults.add({"kind": kind, **fields})

    return add


@pytest.fixture
def drill(
    start: Callable[..., str], job: Callable[[str], dict[str, Any]], wall: ManualWall
) -> Callable[..., dict[str, str]]:
    """Run a drill of both database servers to its end: server to launchStatus."""

    def run(seconds: float = A_DRILL) -> dict[str, str]:
        job_id = start(DB_1, DB_2)
        wall.advance(seconds)
        state = job(job_id)
        assert state["status"] == "COMPLETED"
        return {row["sourceServerID"]: row["launchStatus"] for row in state["participatingServers"]}

    return run
