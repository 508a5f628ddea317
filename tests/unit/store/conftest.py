"""A store on a fresh table of the sandbox, a clock that the test moves, and a recovery to write down."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import boto3
import pytest

from drs_recovery.statuses import ExecutionType, ServerPhase
from drs_recovery.store import WaveRef
from drs_recovery.store.executions import ExecutionStore
from drs_recovery.store.expressions import to_dynamodb
from drs_recovery.store.records import JobRef, JobSeen, NewExecution, NewServer, NewWave, ServerSeen, WavePoll
from drs_recovery.store.table import ExecutionsTable
from drs_recovery.store.table_definition import table_definition
from sandbox.testing import mocked_sandbox

_table_names = (f"executions-{number}" for number in itertools.count())


class Clock:
    """Epoch seconds; every look at it takes a millisecond, so that no two records share a moment."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        self.now = round(self.now + 0.001, 3)
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture(scope="module")
def new_client() -> Iterator[Callable[[], Any]]:
    """Makes DynamoDB clients; in process, which is quicker than a port. Tests of races ask for a port."""
    with mocked_sandbox(seed=False):
        yield lambda: boto3.client("dynamodb", "us-east-1")


@pytest.fixture(scope="module")
def client(new_client: Callable[[], Any]) -> Any:
    return new_client()


@contextmanager
def fresh_table(client: Any) -> Iterator[ExecutionsTable]:
    name = next(_table_names)
    client.create_table(**table_definition(name))
    yield ExecutionsTable(client, name)
    client.delete_table(TableName=name)


@pytest.fixture
def table(client: Any) -> Iterator[ExecutionsTable]:
    with fresh_table(client) as table:
        yield table


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(table: ExecutionsTable, clock: Clock) -> ExecutionStore:
    return ExecutionStore(table, clock)


class Recovery:
    """Writes a recovery down step by step, as the engine does; the execution is ``e1``."""

    id = "e1"

    def __init__(self, store: ExecutionStore, by_hand: ExecutionsTable | None = None) -> None:
        self.store = store
        # For what goes past the store, where no policy lets the engine do that.
        self._by_hand = by_hand or store.table

    def new(
        self, execution_id: str = "e1", *, waves: int | tuple[NewWave, ...] = 2, **fields: Any
    ) -> NewExecution:
        names = ("Database", "Application", "Web")
        plan = (
            waves
            if isinstance(waves, tuple)
            else tuple(
                NewWave(number, names[(number - 1) % 3], (number - 1,) if number > 1 else ())
                for number in range(1, waves + 1)
            )
        )
        values: dict[str, Any] = {
            "execution_id": execution_id,
            "plan_id": "crm",
            "plan_name": "CRM",
            "plan_hash": "abc",
            "plan_snapshot": {"id": "crm", "waves": []},
            "dag_id": "recover_crm",
            "dag_run_id": f"run-{execution_id}",
            "execution_type": ExecutionType.DRILL,
            "initiated_by": "admin",
            "waves": plan,
        }
        return NewExecution(**{**values, **fields})

    def open(self, *, waves: int = 2, servers: int = 2, **fields: Any) -> Recovery:
        self.store.create_execution(self.new(waves=waves, **fields))
        if servers:
            for number in range(1, waves + 1):
                self.store.add_servers(WaveRef(self.id, number), self.servers(number, servers))
        return self

    def servers(self, number: int, count: int) -> list[NewServer]:
        return [
            NewServer(server_id, f"host-{server_id[2:]}", critical=True, region="us-east-1", connection="aws")
            for server_id in self.server_ids(number, count)
        ]

    @staticmethod
    def server_ids(number: int, count: int) -> tuple[str, ...]:
        return tuple(f"s-{number}{index:03d}" for index in range(count))

    def start(self, number: int = 1) -> Recovery:
        """Ask for the wave, record one job of all its servers, poll."""
        self.store.waves.request(WaveRef(self.id, number))
        ids = tuple(server["sourceServerId"] for server in self.store.get_servers(WaveRef(self.id, number)))
        self.store.waves.record_job(WaveRef(self.id, number), self.job(number, ids), adopted=False)
        self.store.waves.start_polling(WaveRef(self.id, number))
        return self

    @staticmethod
    def job(number: int, server_ids: tuple[str, ...], part: int = 1) -> JobRef:
        return JobRef(f"drsjob-{number}-{part}", "us-east-1", "aws", part, server_ids)

    def poll(
        self,
        number: int = 1,
        phase: ServerPhase | None = None,
        launch_status: str | None = None,
        *,
        ids: tuple[str, ...] | None = None,
        job_status: str = "STARTED",
        **fields: Any,
    ) -> list[dict[str, Any]]:
        """One poll that sees the same at every server of the wave, or at some."""
        if ids is None:
            ids = tuple(
                server["sourceServerId"] for server in self.store.get_servers(WaveRef(self.id, number))
            )
        servers = tuple(ServerSeen(server_id, launch_status, phase, fields) for server_id in ids)
        return self.store.polls.record(
            WaveRef(self.id, number), WavePoll((JobSeen(f"drsjob-{number}-1", job_status),), servers)
        )

    def launch(self, number: int = 1, ids: tuple[str, ...] | None = None) -> Recovery:
        """Bring servers from nothing to READY."""
        self.poll(number, ServerPhase.LAUNCHED, "LAUNCHED", ids=ids, job_status="COMPLETED")
        self.poll(number, ServerPhase.READY, ids=ids, instanceId="i-1", privateIp="10.0.0.1")
        return self

    def complete(self, number: int = 1) -> Recovery:
        """A whole wave, start to end."""
        self.start(number).launch(number)
        self.store.waves.complete(WaveRef(self.id, number))
        return self

    def force(self, record_key: str, **attributes: Any) -> None:
        """Put a record into a state, past the store."""
        table = self._by_hand
        names = {f"#{name}": name for name in attributes}
        table.client.update_item(
            TableName=table.table_name,
            Key={"executionId": {"S": self.id}, "recordKey": {"S": record_key}},
            UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in attributes),
            ExpressionAttributeNames=names,
            ExpressionAttributeValues={f":{name}": to_dynamodb(value) for name, value in attributes.items()},
        )

    def raw_items(self) -> list[dict[str, Any]]:
        """Every record as DynamoDB has it."""
        table = self._by_hand
        return list(table.client.scan(TableName=table.table_name)["Items"])

    def restore(self, items: list[dict[str, Any]]) -> None:
        """Write records as they were read by :meth:`raw_items`: quicker than to go through their history."""
        table = self._by_hand
        puts = [{"PutRequest": {"Item": item}} for item in items]
        for start in range(0, len(puts), 25):
            table.client.batch_write_item(RequestItems={table.table_name: puts[start : start + 25]})

    def events(self) -> list[str]:
        return [event["event"] for event in self.store.get_events(self.id)]


@pytest.fixture
def small_transactions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two servers, or three waves, fill a transaction: moto is slow with a hundred."""
    monkeypatch.setattr("drs_recovery.store.transaction.SERVERS_PER_TRANSACTION", 2)
    monkeypatch.setattr("drs_recovery.store.executions.MAX_TRANSACTION_ACTIONS", 5)
    monkeypatch.setattr("drs_recovery.store.ending.MAX_TRANSACTION_ACTIONS", 5)


@pytest.fixture
def recovery(store: ExecutionStore) -> Recovery:
    return Recovery(store)


@pytest.fixture(scope="module")
def records_of(client: Any) -> Callable[[Callable[[Recovery], None]], list[dict[str, Any]]]:
    """Gives the records that a writer leaves, for tests to start from."""

    def records(write: Callable[[Recovery], None]) -> list[dict[str, Any]]:
        with fresh_table(client) as table:
            recovery = Recovery(ExecutionStore(table, Clock()))
            write(recovery)
            return recovery.raw_items()

    return records


@pytest.fixture(scope="module")
def stages(client: Any) -> dict[str, list[dict[str, Any]]]:
    """The records of one execution at three points of its first wave."""
    with fresh_table(client) as table:
        recovery = Recovery(ExecutionStore(table, Clock()))
        return {
            "opened": recovery.open().raw_items(),
            "running": recovery.start().raw_items(),
            "ready": recovery.launch().raw_items(),
        }


@pytest.fixture
def opened(recovery: Recovery, stages: dict[str, Any], clock: Clock) -> Recovery:
    """An execution of two waves of two servers."""
    return _restored(recovery, stages["opened"], clock)


@pytest.fixture
def running(recovery: Recovery, stages: dict[str, Any], clock: Clock) -> Recovery:
    """The same, its first wave POLLING."""
    return _restored(recovery, stages["running"], clock)


@pytest.fixture
def ready(recovery: Recovery, stages: dict[str, Any], clock: Clock) -> Recovery:
    """The same, both servers of the first wave READY."""
    return _restored(recovery, stages["ready"], clock)


def _restored(recovery: Recovery, items: list[dict[str, Any]], clock: Clock) -> Recovery:
    recovery.restore(items)
    clock.advance(1)
    return recovery
