"""
Everyone who writes to the store acts at random and at the same time, over HTTP, with clocks that disagree.

What each does next comes from a seed; who comes first is up to the threads. Afterwards the events are lived
through by a model of the life of an execution, and the records must be what it came to. More seeds:
``HISTORY_SEEDS=4-200 pytest tests/unit/store/test_random_histories.py``.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import random
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from botocore.config import Config

from drs_recovery.exceptions import TransitionRefusedError
from drs_recovery.statuses import (
    ExecutionStatus,
    FailureDecision,
    GateDecision,
    ServerPhase,
    SkipCause,
    WaveStatus,
)
from drs_recovery.store import WaveRef
from drs_recovery.store.executions import ExecutionStore
from drs_recovery.store.records import TerminationRef
from drs_recovery.store.rules import final_status
from drs_recovery.store.server_types import progress_of
from drs_recovery.store.table import ExecutionsTable
from sandbox.testing import running_sandbox
from tests.history import FINAL, life_of, told
from tests.record_types import misfits
from tests.unit.store.conftest import Recovery
from tests.witness import Witness

WAVES, SERVERS = 4, 2
ACTORS = (
    *("starter", "starter", "poller", "poller", "gatekeeper", "canceller", "retrier"),
    *("adviser", "terminator", "finalizer", "finalizer"),
)
ACTIONS = 16

# Seconds by which hosts disagree about the time.
SKEW = 300

_DECISIONS = [decision for decision in GateDecision if decision is not GateDecision.WAITING]
_END_EVENTS = {f"EXECUTION_{status}" for status in FINAL}
_ADVICE = [decision for decision in FailureDecision if decision is not FailureDecision.WAITING]
_PHASES = [ServerPhase.SNAPSHOT, ServerPhase.LAUNCH, ServerPhase.LAUNCHED, ServerPhase.FAILED]


def seeds() -> list[int]:
    first, _, last = os.environ.get("HISTORY_SEEDS", "1-2").partition("-")
    return list(range(int(first), int(last or first) + 1))


@pytest.fixture(scope="module")
def new_client() -> Iterator[Callable[[], Any]]:
    """Makes clients of a server, which leave retrying to the store."""
    config = Config(retries={"total_max_attempts": 1})
    with running_sandbox(seed=False) as sandbox:
        yield lambda: sandbox.client("dynamodb", config=config)


@pytest.fixture(scope="module")
def clients(new_client: Callable[[], Any]) -> list[Any]:
    return [new_client() for _ in range(len(ACTORS) + 1)]


@pytest.fixture(autouse=True)
def _eager_threads() -> Iterator[None]:
    interval = sys.getswitchinterval()
    sys.setswitchinterval(5e-5)
    yield
    sys.setswitchinterval(interval)


class Actor:
    """
    Somebody who acts on the execution; a refusal is an answer like any other.

    :param store: with a client of its own.
    :param role: decides what it does.
    :param rng: decides when and to what.
    """

    def __init__(self, store: ExecutionStore, role: str, name: str, rng: random.Random) -> None:
        self.recovery, self.store, self.rng, self.name = Recovery(store), store, rng, name
        roles: dict[str, list[tuple[int, Callable[[int], object]]]] = {
            "starter": [(1, self.admit), (4, self.start), (2, self.complete), (1, self.fail)],
            "poller": [(6, self.poll), (4, self.make_ready), (2, self.complete), (1, self.miss_a_poll)],
            "gatekeeper": [(3, self.open_gate), (4, self.decide), (1, self.refuse), (1, self.skip)],
            "adviser": [(3, self.ask_about_failure), (2, self.advise), (1, self.read)],
            "canceller": [
                *((20, self.read), (1, self.cancel), (1, self.cancel_wave), (1, self.give_error)),
                *((1, self.ask_to_cancel), (1, self.reconcile)),
            ],
            "retrier": [(3, self.retry), (1, self.fail), (1, self.read), (2, self.make_ready)],
            "terminator": [(12, self.read), (1, self.ask_to_terminate), (2, self.terminate)],
            "finalizer": [(3, self.poll), (3, self.complete), (1, self.claim_success)],
        }
        self._weights, self._choices = zip(*roles[role], strict=True)
        self._finalizes = role == "finalizer"

    def live(self) -> None:
        """Act, and if it is a finalizer, end the execution."""
        for _ in range(self.rng.randint(ACTIONS // 3, ACTIONS)):
            (action,) = self.rng.choices(self._choices, self._weights)
            self._tried(action, self.rng.randint(1, WAVES))
        if self._finalizes:
            self.end()

    def end(self) -> None:
        """Try to end the execution until it has ended."""
        while not ExecutionStatus(self.store.get_execution("e1")["status"]).is_final:
            self._tried(self.finalize, 0)

    @staticmethod
    def _tried(action: Callable[[int], object], number: int) -> None:
        with contextlib.suppress(TransitionRefusedError):
            action(number)

    def start(self, number: int) -> None:
        self.store.waves.request(WaveRef("e1", number))
        job = self.recovery.job(number, self.recovery.server_ids(number, SERVERS))
        self.store.waves.record_job(WaveRef("e1", number), job, adopted=self.rng.random() < 0.5)
        self.store.waves.start_polling(WaveRef("e1", number))

    def admit(self, _number: int) -> None:
        self.store.admit("e1")

    def poll(self, number: int) -> None:
        ids = tuple(self.rng.sample(self.recovery.server_ids(number, SERVERS), self.rng.randint(1, SERVERS)))
        phase = self.rng.choice(_PHASES)
        status = {"LAUNCHED": "LAUNCHED", "FAILED": "FAILED"}.get(phase, "IN_PROGRESS")
        self.recovery.poll(number, phase, status, ids=ids)

    def make_ready(self, number: int) -> None:
        self.recovery.launch(number, self.recovery.server_ids(number, SERVERS))

    def miss_a_poll(self, number: int) -> None:
        self.store.polls.record_failure(WaveRef("e1", number), "ThrottlingException")

    def complete(self, number: int) -> None:
        self.store.waves.complete(WaveRef("e1", number))

    def fail(self, number: int) -> None:
        self.store.waves.fail(WaveRef("e1", number), f"failed by {self.name}")

    def cancel_wave(self, number: int) -> None:
        self.store.waves.cancel(WaveRef("e1", number), f"cancelled by {self.name}")

    def skip(self, number: int) -> None:
        self.store.waves.skip(WaveRef("e1", number), f"skipped by {self.name}", SkipCause.DEPENDENCY)

    def open_gate(self, number: int) -> None:
        self.store.gates.open(WaveRef("e1", number), "start?", [])

    def decide(self, number: int) -> None:
        self.store.gates.decide(WaveRef("e1", number), self.rng.choice(_DECISIONS), self.name)

    def refuse(self, number: int) -> None:
        self.store.gates.refuse_answer(WaveRef("e1", number), self.name, "not you")

    def ask_about_failure(self, number: int) -> None:
        self.store.gates.open_failure_gate(WaveRef("e1", number), "what now?", [], deadline=2_000_000_000)

    def advise(self, number: int) -> None:
        self.store.gates.decide_failure_gate(WaveRef("e1", number), self.rng.choice(_ADVICE), self.name)

    def retry(self, number: int) -> None:
        wave, _ = self.store.retries.begin(WaveRef("e1", number), self.name, asked_by=self.rng.randint(1, 4))
        self.store.retries.restart_failed(WaveRef("e1", number))
        attempt = wave.get("attempt", 1)
        servers = self.store.get_servers(WaveRef("e1", number))
        restarted = tuple(s["sourceServerId"] for s in servers if s.get("attempt", 1) == attempt)
        job = self.recovery.job(number, restarted)
        job = replace(job, job_id=f"drsjob-{number}-{attempt}", attempt=attempt)
        self.store.waves.record_job(WaveRef("e1", number), job, adopted=False)
        self.store.waves.start_polling(WaveRef("e1", number))

    def ask_to_cancel(self, _number: int) -> None:
        self.store.ending.request_cancel("e1", self.name, "enough")

    def reconcile(self, _number: int) -> None:
        self.store.ending.begin_reconciling("e1", "failed")

    def ask_to_terminate(self, _number: int) -> None:
        self.store.terminations.request("e1", self.name, f"request-{self.rng.randint(1, 3)}", {})

    def terminate(self, _number: int) -> None:
        if "terminationRequests" in self.store.get_execution("e1"):
            job = TerminationRef("drsjob-end", "us-east-1", "aws", ("i-1",))
            self.store.terminations.record_job("e1", job, adopted=False)
            self.store.terminations.record_terminated("e1", ("i-1",))
            self.store.terminations.finish("e1")

    def cancel(self, _number: int) -> None:
        self.store.ending.begin_cancelling("e1", self.name, "enough")

    def give_error(self, _number: int) -> None:
        self.store.set_error("e1", f"error of {self.name}")

    def read(self, _number: int) -> None:
        self.store.get_document("e1")

    def claim_success(self, _number: int) -> None:
        self.store.ending.finalize("e1", ExecutionStatus.COMPLETED, actor=self.name)

    def finalize(self, _number: int) -> None:
        for wave in self.store.get_document("e1")["waves"]:
            if not WaveStatus(wave["status"]).is_final:
                self._tried(self.rng.choice([self.cancel_wave, self.fail]), wave["waveNumber"])
        document = self.store.get_document("e1")
        status = final_status(document, cancelled="cancellingTime" in document)
        self.store.ending.finalize("e1", status, actor=self.name)


class Watcher:
    """Reads the execution all the time."""

    def __init__(self, store: ExecutionStore) -> None:
        self._store = store
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self.witness = Witness()
        self.ends: list[tuple[str, float]] = []

    def __enter__(self) -> Watcher:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._done.is_set():
            document = self._store.get_document("e1")
            self.witness.look(document)
            if document["status"] in FINAL:
                self.ends.append((document["status"], document["endTime"]))


@pytest.fixture
def skewed_stores(
    clients: list[Any], table: ExecutionsTable
) -> Callable[[random.Random], list[ExecutionStore]]:
    """Makes a store for each actor and one for the reader; a host has the right time, is ahead, or behind."""
    ticks = itertools.count()

    def clock(skew: float) -> Callable[[], float]:
        # Some moments are the same for several writers.
        return lambda: 1_800_000_000 + skew + next(ticks) // 3 / 1000

    def stores(rng: random.Random) -> list[ExecutionStore]:
        return [
            ExecutionStore(ExecutionsTable(client, table.table_name), clock(rng.choice((-SKEW, 0, SKEW))))
            for client in clients
        ]

    return stores


@pytest.mark.parametrize("seed", seeds())
def test_whatever_everyone_does_at_once_the_history_is_legal(
    skewed_stores: Callable[[random.Random], list[ExecutionStore]], seed: int
) -> None:
    rng = random.Random(seed)
    *stores, reader = skewed_stores(rng)
    Recovery(reader).open(waves=WAVES, servers=SERVERS)
    actors = [
        Actor(store, role, f"{role}-{number}", random.Random(f"{seed}-{number}"))
        for number, (store, role) in enumerate(zip(stores, ACTORS, strict=True))
    ]
    with Watcher(reader) as watcher, ThreadPoolExecutor(len(actors)) as pool:
        lives = [pool.submit(actor.live) for actor in actors]
    for life in lives:
        life.result()
    # A retry may have reopened it after everybody else was gone.
    actors[-1].end()

    document, events = reader.get_document("e1"), reader.get_events("e1")
    story = f"seed {seed}:\n{told(events)}"
    assert life_of(events, document).contradictions(document) == [], story
    assert document["status"] in FINAL, story
    assert watcher.witness.lies == [], story
    ends = [event for event in events if event["event"] in _END_EVENTS]
    assert len(set(watcher.ends)) <= len(ends), story
    assert miscounted(document) == [], story
    assert misfits(document, events) == [], story


def miscounted(document: dict[str, Any]) -> list[str]:
    """List the parts of a document whose progress is not what their servers make it."""
    holders = [*document["waves"], {**document, "serverStatuses": all_servers(document)}]
    return [
        f"{holder.get('waveNumber', 'execution')}: {holder['progress']}"
        for holder in holders
        if holder["progress"] != progress_of(ServerPhase(s["phase"]) for s in holder["serverStatuses"])
    ]


def all_servers(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [server for wave in document["waves"] for server in wave["serverStatuses"]]
