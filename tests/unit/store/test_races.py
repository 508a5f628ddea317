"""
Real writers at the same time, each with a client of its own, over HTTP.

Every race is run several times, because one run can miss the moment.
"""

from __future__ import annotations

import itertools
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from botocore.config import Config

from drs_recovery.exceptions import ExecutionNotFoundError, TransitionRefusedError
from drs_recovery.statuses import ExecutionStatus, GateDecision, ServerPhase
from drs_recovery.store import WaveRef
from drs_recovery.store.executions import ExecutionStore
from drs_recovery.store.records import TerminationRef
from drs_recovery.store.server_types import progress_of
from drs_recovery.store.table import ExecutionsTable
from sandbox.testing import running_sandbox

WRITERS = 4


@pytest.fixture(scope="module")
def new_client() -> Iterator[Callable[[], Any]]:
    """Makes clients of a server, which leave retrying to the store."""
    config = Config(retries={"total_max_attempts": 1})
    with running_sandbox(seed=False) as sandbox:
        yield lambda: sandbox.client("dynamodb", config=config)


@pytest.fixture(scope="module")
def clients(new_client):
    return [new_client() for _ in range(WRITERS + 1)]


@pytest.fixture(autouse=True)
def _eager_threads():
    """Threads take turns every 50 microseconds, so that they meet more often."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(5e-5)
    yield
    sys.setswitchinterval(interval)


@pytest.fixture
def stores(clients, table, clock):
    return [ExecutionStore(ExecutionsTable(client, table.table_name), clock) for client in clients]


def at_once(calls: list[Callable[[], Any]]) -> list[Any]:
    """Run all calls from the same moment on; gives results, or the error of those that were refused."""
    barrier = threading.Barrier(len(calls))

    def run(call: Callable[[], Any]) -> Any:
        barrier.wait()
        try:
            return call()
        except TransitionRefusedError as error:
            return error

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def by_all(stores, call):
    return at_once([lambda store=store: call(store) for store in stores])


def test_many_openers_make_one_execution(stores, recovery):
    results = by_all(stores, lambda store: store.create_execution(recovery.new()))
    assert sorted(results) == [False] * WRITERS + [True]
    assert recovery.events() == ["EXECUTION_OPENED"]


def test_many_tellers_tell_a_thing_once_while_the_execution_changes(stores, store, opened):
    teller = [lambda store=store: store.notifications.claim("e1", "EXECUTION_STARTED") for store in stores]
    results = at_once([*teller, lambda: store.waves.request(WaveRef("e1", 1)) and None])
    assert sorted(result for result in results if result is not None) == [False] * WRITERS + [True]
    execution = store.get_execution("e1")
    assert (execution["notifications"], execution["status"]) == (["EXECUTION_STARTED"], "POLLING")


def test_many_completers_count_a_wave_once(stores, store, ready):
    by_all(stores, lambda store: store.waves.complete(WaveRef("e1", 1)))
    execution = store.get_execution("e1")
    assert (execution["completedWaves"], execution["activeWaves"]) == (1, [])
    assert ready.events().count("WAVE_COMPLETED") == 1


def test_waves_completed_side_by_side_are_all_counted(stores, store, recovery):
    recovery.open(waves=3, servers=1)
    for number in (1, 2, 3):
        recovery.start(number).launch(number)
    at_once(
        [
            lambda store=store, number=number: store.waves.complete(WaveRef("e1", number))
            for store, number in zip(stores, (1, 2, 3), strict=False)
        ]
    )
    execution = store.get_execution("e1")
    assert (execution["completedWaves"], execution["activeWaves"]) == (3, [])


def test_wave_ends_in_one_way_only(stores, store, ready):
    ends = [
        lambda: stores[0].waves.complete(WaveRef("e1", 1)),
        lambda: stores[1].waves.fail(WaveRef("e1", 1), "failed"),
        lambda: stores[2].waves.cancel(WaveRef("e1", 1), "cancelled"),
    ]
    results = at_once(ends)
    assert sum(isinstance(result, TransitionRefusedError) for result in results) == 2
    execution, wave = store.get_execution("e1"), store.get_wave(WaveRef("e1", 1))
    assert execution["completedWaves"] == (wave["status"] == "COMPLETED")


def test_one_of_many_requests_for_a_wave_is_new(stores, opened):
    results = by_all(stores, lambda store: store.waves.request(WaveRef("e1", 1))[1])
    assert sorted(results) == [False] * WRITERS + [True]


def test_parallel_parts_of_a_wave_lose_no_job(stores, store, opened):
    store.waves.request(WaveRef("e1", 1))
    by_all(
        stores,
        lambda store: store.waves.record_job(
            WaveRef("e1", 1), opened.job(1, (), part=stores.index(store)), adopted=False
        ),
    )
    jobs = [job["jobId"] for job in store.get_wave(WaveRef("e1", 1))["jobs"]]
    assert sorted(jobs) == [f"drsjob-1-{part}" for part in range(WRITERS + 1)]


def test_first_of_many_decisions_is_what_everyone_gets(stores, store, opened):
    store.gates.open(WaveRef("e1", 1), "start?", [])
    decisions = [GateDecision.APPROVED, GateDecision.REJECTED, GateDecision.TIMED_OUT, GateDecision.APPROVED]
    gates = at_once(
        [
            lambda store=store, decision=decision: store.gates.decide(
                WaveRef("e1", 1), decision, f"{decision}"
            )
            for store, decision in zip(stores, decisions, strict=False)
        ]
    )
    assert all(gate == store.get_wave(WaveRef("e1", 1))["gate"] for gate in gates)
    assert len([event for event in opened.events() if event.startswith("GATE_")]) == 2


def test_execution_is_finalized_once(stores, store, recovery):
    recovery.open(servers=0)
    statuses = [ExecutionStatus.FAILED, ExecutionStatus.CANCELLED, ExecutionStatus.PARTIAL_SUCCESS]
    results = at_once(
        [
            lambda store=store, status=status: store.ending.finalize("e1", status)
            for store, status in zip(stores, statuses, strict=False)
        ]
    )
    assert sorted(results) == [False, False, True]
    assert store.get_execution("e1")["status"] == statuses[results.index(True)]


def test_wave_starts_or_execution_ends_but_not_both(stores, store, opened):
    requested, finalized = at_once(
        [
            lambda: stores[0].waves.request(WaveRef("e1", 1)),
            lambda: stores[1].ending.finalize("e1", ExecutionStatus.CANCELLED),
        ]
    )
    assert isinstance(requested, TransitionRefusedError) is not isinstance(finalized, TransitionRefusedError)
    final = ExecutionStatus(store.get_execution("e1")["status"]).is_final
    assert (store.get_wave(WaveRef("e1", 1))["status"] == "PENDING") is not final


def test_one_of_many_retries_begins_the_attempt(stores, store, running):
    running.poll(1, ServerPhase.FAILED, "FAILED", job_status="COMPLETED")
    store.waves.fail(WaveRef("e1", 1), "failed")
    begun = by_all(stores, lambda store: store.retries.begin(WaveRef("e1", 1), "ann", 7)[1])
    assert sorted(begun) == [False] * WRITERS + [True]
    by_all(stores, lambda store: store.retries.restart_failed(WaveRef("e1", 1)))
    wave, execution = store.get_wave(WaveRef("e1", 1)), store.get_execution("e1")
    assert (wave["attempt"], wave["progress"]["pending"], execution["progress"]["pending"]) == (2, 2, 4)
    assert [len(server["previousInstances"]) for server in store.get_servers(WaveRef("e1", 1))] == [1, 1]
    assert running.events().count("WAVE_RETRIED") == 1


def test_a_retry_reopens_what_a_finalizer_ends_at_the_same_time_or_is_refused(stores, store, running):
    running.poll(1, ServerPhase.FAILED, "FAILED", job_status="COMPLETED")
    store.waves.fail(WaveRef("e1", 1), "failed")
    store.waves.cancel(WaveRef("e1", 2), "not started")
    at_once(
        [
            lambda: stores[0].retries.begin(WaveRef("e1", 1), "ann", 7),
            lambda: stores[1].ending.finalize("e1", ExecutionStatus.FAILED),
        ]
    )
    document = store.get_document("e1")
    assert (document["status"], document["activeWaves"]) == ("POLLING", [1])
    assert document["waves"][0]["status"] == "PENDING"


def test_an_execution_is_reopened_or_another_one_takes_its_plan_but_not_both(stores, store, running):
    store.locks.hold_plan("e1")
    running.poll(1, ServerPhase.FAILED, "FAILED", job_status="COMPLETED")
    store.waves.fail(WaveRef("e1", 1), "failed")
    store.waves.cancel(WaveRef("e1", 2), "not started")
    store.ending.finalize("e1", ExecutionStatus.FAILED)
    store.create_execution(running.new("e2"))
    retried, in_the_way = at_once(
        [lambda: stores[0].retries.begin(WaveRef("e1", 1), "ann", 7), lambda: stores[1].locks.hold_plan("e2")]
    )
    reopened = not isinstance(retried, TransitionRefusedError)
    assert reopened is (in_the_way is not None)
    assert ExecutionStatus(store.get_execution("e1")["status"]).is_final is not reopened


def test_racing_pollers_count_every_change_once(stores, store, running):
    phases = [ServerPhase.SNAPSHOT, ServerPhase.LAUNCH, ServerPhase.LAUNCHED, ServerPhase.CONVERSION]
    pollers = [type(running)(one) for one in stores]
    at_once(
        [
            lambda poller=poller, phase=phase: poller.poll(1, phase, "IN_PROGRESS")
            for poller, phase in zip(pollers, phases, strict=False)
        ]
    )
    wave, servers = store.get_wave(WaveRef("e1", 1)), store.get_servers(WaveRef("e1", 1))
    assert {server["phase"] for server in servers} == {"LAUNCHED"}
    assert [len(server["transitionHistory"]) for server in servers] == [1, 1]
    assert wave["progress"] == store.get_execution("e1")["progress"] | {
        "totalServers": 2,
        "pending": 0,
    }
    assert wave["pollAttempts"] == len(phases)


def test_document_is_consistent_at_every_moment_of_a_drill(stores, store, recovery):
    """Three waves side by side, two pollers a wave, read all the time."""
    recovery.open(waves=3, servers=2)
    problems: list[str] = []
    samples: list[dict[str, Any]] = []
    done = threading.Event()

    def watch() -> None:
        while not done.is_set():
            samples.append(stores[-1].get_document("e1"))

    watcher = threading.Thread(target=watch)
    watcher.start()

    def drive(store: ExecutionStore, number: int) -> None:
        mine = type(recovery)(store)
        mine.start(number)
        for phase in (ServerPhase.SNAPSHOT, ServerPhase.LAUNCH):
            mine.poll(number, phase, "IN_PROGRESS")
        mine.launch(number)
        store.waves.complete(WaveRef("e1", number))

    at_once([lambda number=number: drive(stores[number], number) for number in (1, 2, 3)])
    store.ending.finalize("e1", ExecutionStatus.COMPLETED)
    done.set()
    watcher.join()
    samples.append(store.get_document("e1"))
    for before, after in itertools.pairwise(samples):
        problems += _problems(before, after)
    assert problems == []
    assert samples[-1]["status"] == "COMPLETED"
    assert len(samples) > 5


def _problems(before: dict[str, Any], after: dict[str, Any]) -> Iterator[str]:
    for holder in (after, *after["waves"]):
        progress = dict(holder["progress"])
        total = progress.pop("totalServers")
        if sum(progress.values()) != total:
            yield f"{progress} does not sum to {total}"
    for name in ("completedWaves", "currentWave", "lastUpdatedTime", "lastPolledTime"):
        if after.get(name, 0) < before.get(name, 0):
            yield f"{name} went back"
    ended = ExecutionStatus(after["status"]).is_final
    for old, wave in zip(before["waves"], after["waves"], strict=True):
        if ended and wave["status"] != "COMPLETED":
            yield f"{after['status']} before its last wave"
        yield from _problems_of_wave(old, wave)


def _problems_of_wave(old: dict[str, Any], wave: dict[str, Any]) -> Iterator[str]:
    servers = wave["serverStatuses"]
    if wave["pollAttempts"] < old["pollAttempts"]:
        yield "pollAttempts went back"
    for then, now in zip(old["serverStatuses"], servers, strict=True):
        if ServerPhase(now["phase"]).rank < ServerPhase(then["phase"]).rank:
            yield f"{then['phase']} became {now['phase']}"
    if wave["status"] == "COMPLETED":
        if not all(server.get("instanceId") and server.get("privateIp") for server in servers):
            yield "COMPLETED without details"
        if wave["progress"] != progress_of(ServerPhase(server["phase"]) for server in servers):
            yield "COMPLETED, and servers that do not add up"


def test_reader_sees_no_execution_or_a_whole_one(stores, recovery):
    seen: list[int] = []
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            try:
                seen.append(len(stores[1].get_document("e1")["waves"]))
            except ExecutionNotFoundError:
                seen.append(0)

    reader = threading.Thread(target=read)
    reader.start()
    stores[0].create_execution(recovery.new(waves=5))
    stores[1].get_document("e1")
    done.set()
    reader.join()
    assert set(seen) <= {0, 5}


def test_terminations_side_by_side_end_once_and_lose_no_job(stores, store, ready):
    store.waves.complete(WaveRef("e1", 1))
    store.waves.cancel(WaveRef("e1", 2), "enough")
    store.ending.finalize("e1", ExecutionStatus.PARTIAL_SUCCESS)
    numbers = itertools.count()

    def terminate(own_store):
        number = next(numbers)
        try:
            own_store.terminations.request("e1", "admin", f"run-{number}", {})
        except TransitionRefusedError:
            return  # another one was through already
        job = TerminationRef(f"drsjob-t{number}", "us-east-1", "aws", ("i-1",))
        own_store.terminations.record_job("e1", job, adopted=False)
        own_store.terminations.record_job("e1", job, adopted=True)
        own_store.terminations.record_terminated("e1", {"i-1"})
        own_store.terminations.finish("e1")

    by_all(stores, terminate)

    document, events = store.get_document("e1"), ready.events()
    assert document["instancesTerminated"] is True
    assert events.count("INSTANCES_TERMINATED") == 1
    assert len(document["terminateJobs"]) == events.count("TERMINATION_JOB_STARTED")
    assert len({job["jobId"] for job in document["terminateJobs"]}) == len(document["terminateJobs"])
    assert document["progress"] == progress_of(
        ServerPhase(server["phase"]) for wave in document["waves"] for server in wave["serverStatuses"]
    )


def test_of_drills_that_open_in_the_same_instant_one_holds_the_plan(stores, recovery):
    names = [f"drill-{number}" for number, _ in enumerate(stores)]
    for name in names:
        recovery.store.create_execution(recovery.new(name, waves=0))

    found = at_once([partial(store.locks.hold_plan, name) for store, name in zip(stores, names, strict=True)])

    (winner,) = [name for name, other in zip(names, found, strict=True) if other is None]
    assert {other["executionId"] for other in found if other is not None} == {winner}
