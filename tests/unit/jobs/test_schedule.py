"""Whose turn it is to start a job: never more than DRS allows, in order, and everyone in the end."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drs_recovery.jobs.schedule import Limits, QueuePosition, TargetState, position_of
from drs_recovery.statuses import ExecutionType, Priority
from drs_recovery.store.queue_entries import UNANSWERED, QueueEntry, QueueState
from tests.unit.jobs.queue_things import NOW, entry, job, reserved, target, termination

RECOVERY = ExecutionType.RECOVERY
ONE_JOB = Limits(jobs_in_progress=1)


def order(*entries: QueueEntry) -> list[str]:
    return [one.execution_id for one in sorted(entries, key=lambda one: one.order)]


def test_a_job_starts_at_once_where_there_is_room() -> None:
    assert position_of(entry("a", 100), target(jobs=[job("x", 400)])).is_now


def test_the_twenty_first_job_waits_and_is_told_why() -> None:
    position = position_of(entry("a", 2), target(jobs=[job(f"x{number}") for number in range(20)]))

    assert not position.is_now
    assert position.number == 1
    assert position.reason == "20 of 20 jobs run with 20 of 500 servers in us-east-1, this job has 2 servers"


def test_a_job_waits_that_would_be_the_five_hundred_and_first_server() -> None:
    position = position_of(entry("a", 100), target(jobs=[job("x", 401)]))

    assert not position.is_now
    assert "401 of 500 servers" in position.reason


def test_jobs_that_ended_take_no_room() -> None:
    assert position_of(entry("a"), target(jobs=[job("x", status="COMPLETED")], limits=ONE_JOB)).is_now


@pytest.mark.parametrize("fields", [{}, {"job_id": "drsjob-unlisted"}])
def test_a_reservation_takes_room_before_drs_lists_its_job(fields: dict[str, str]) -> None:
    assert not position_of(entry("a"), target(reserved("b", **fields), limits=ONE_JOB)).is_now


def test_a_job_and_its_reservation_count_once() -> None:
    by_id = reserved("b", 3, job_id="drsjob-b")
    tags = {"dr:executionId": "c", "dr:wave": "1", "dr:part": "1", "dr:attempt": "1"}
    jobs = [job("b", 3), job("c", 3, tags=tags)]

    assert position_of(
        entry("a"), target(by_id, reserved("c", 3), jobs=jobs, limits=Limits(3, 100, 7))
    ).is_now


@pytest.mark.parametrize("job_id", [None, UNANSWERED])
def test_the_end_of_instances_and_its_job_without_tags_count_once(job_id: str | None) -> None:
    ending = termination("b", 3, state=QueueState.RESERVED, job_id=job_id)
    there = target(ending, jobs=[job("x", ending.server_ids, type="TERMINATE")], limits=Limits(2, 100, 4))

    assert position_of(entry("a"), there).is_now
    assert there.over() == (ending,)


def test_servers_that_drs_does_not_name_yet_are_known_from_the_reservation() -> None:
    just_started = {"jobID": "drsjob-b", "status": "PENDING"}
    there = target(reserved("b", 3, job_id="drsjob-b"), jobs=[just_started], limits=Limits(9, 9, 3))

    assert not position_of(entry("a"), there).is_now
    assert there.over() == ()


def test_ones_own_reservation_is_not_in_ones_way() -> None:
    mine = reserved("a", 2)

    assert position_of(mine, target(mine, limits=ONE_JOB)).is_now


def test_entries_of_the_dead_do_not_count_and_can_go() -> None:
    dead = [entry("b", until=NOW - 1), reserved("c", until=NOW - 1)]
    there = target(*dead, limits=ONE_JOB)

    assert position_of(entry("a", joined=9), there).is_now
    assert set(there.over()) == set(dead)


def test_an_entry_can_go_once_drs_lists_its_job() -> None:
    shown, ended = reserved("b", job_id="drsjob-b"), reserved("c", job_id="drsjob-c")
    jobs = [job("b"), {"jobID": "drsjob-c", "status": "COMPLETED"}]

    assert target(shown, ended, reserved("d"), entry("e"), jobs=jobs).over() == (shown, ended)


def test_recoveries_go_before_drills_then_priority_counts_then_time() -> None:
    entries = [
        entry("late drill", priority=Priority.CRITICAL, joined=9),
        entry("low recovery", execution_type=RECOVERY, priority=Priority.LOW, joined=3),
        entry("high recovery", execution_type=RECOVERY, priority=Priority.HIGH, joined=4),
        entry("early drill", priority=Priority.CRITICAL, joined=1),
        entry("normal drill", joined=0),
    ]

    assert order(*entries) == ["high recovery", "low recovery", "early drill", "late drill", "normal drill"]


def test_whoever_is_ahead_is_counted_and_has_the_room() -> None:
    waiting = [entry("b", joined=1), entry("c", joined=2)]
    position = position_of(entry("a", joined=3), target(*waiting, limits=Limits(jobs_in_progress=2)))

    assert (position.is_now, position.number) == (False, 3)
    assert position.reason.startswith("2 jobs are ahead; 0 of 2 jobs run")


def test_a_small_job_does_not_overtake_a_large_one() -> None:
    there = target(entry("large", 100, joined=1), jobs=[job("x", 450)])

    assert not position_of(entry("small", 1, joined=2), there).is_now


def test_a_job_whose_server_is_in_another_job_waits_for_it_and_holds_up_nobody() -> None:
    held = entry("held", ["s-1", "s-2"], joined=1)
    there = target(held, jobs=[job("x", ["s-2"])])

    position = position_of(held, there)

    assert not position.is_now
    assert position.reason == "server s-2 takes part in drsjob-x, and DRS allows one job a server"
    assert position.held == {"s-2"}
    assert position_of(entry("a", joined=2), there) == QueuePosition(is_now=True)


def test_of_two_jobs_with_a_common_server_the_first_goes() -> None:
    first, second = entry("first", ["s-1"], joined=1), entry("second", ["s-1"], joined=2)
    there = target(first, second)

    assert position_of(first, there).is_now
    assert not position_of(second, there).is_now


@pytest.mark.parametrize("fields", [{"entries": [entry("r", ["s-r"], execution_type=RECOVERY)]}, {}])
def test_drills_are_held_back_during_a_recovery_where_that_is_wanted(fields: dict[str, Any]) -> None:
    jobs = [] if fields else [job("r", initiatedBy="START_RECOVERY")]
    entries = fields.get("entries", [])
    drill = entry("drill", joined=-9)

    assert position_of(drill, target(*entries, jobs=jobs)).is_now
    held = position_of(drill, target(*entries, jobs=jobs, hold_drills=True))
    assert held.reason == "a drill waits while a real recovery runs or waits in us-east-1"


def test_the_end_of_instances_is_no_recovery_for_which_drills_are_held_back() -> None:
    ending = termination("r", execution_type=RECOVERY, state=QueueState.RESERVED)

    assert position_of(entry("drill"), target(ending, hold_drills=True)).is_now


@pytest.mark.parametrize("kind", list(ExecutionType))
def test_the_end_of_instances_takes_no_room_that_a_wave_waits_for(kind: ExecutionType) -> None:
    ending = termination("r", execution_type=kind)
    there = target(entry("drill", priority=Priority.LOW, joined=9), limits=ONE_JOB)

    assert position_of(ending, there).number == 2
    assert not position_of(ending, there).is_now
    assert position_of(ending, target(limits=ONE_JOB)).is_now


def test_a_job_that_no_quota_allows_is_in_nobodys_way_and_is_tried_alone() -> None:
    giant, limits = entry("giant", 60, joined=1), Limits(servers_in_jobs=50)

    assert position_of(entry("a", joined=2), target(giant, limits=limits)).is_now is False
    assert position_of(giant, target(giant, limits=limits)).is_now
    busy = target(giant, jobs=[job("x")], limits=limits)
    assert "more than DRS's quotas allow" in position_of(giant, busy).reason
    assert position_of(entry("a", joined=2), busy).is_now


@pytest.mark.parametrize("held", [False, True], ids=["alone", "held"])
def test_a_recovery_that_no_quota_allows_is_not_overtaken_by_drills_for_ever(held: bool) -> None:
    servers = [f"s-giant{number}" for number in range(60)]
    giant = entry("giant", servers, execution_type=ExecutionType.RECOVERY, joined=9)
    drill, other = entry("drill"), entry("other", execution_type=ExecutionType.RECOVERY, joined=10)
    limits = Limits(servers_in_jobs=50)
    jobs = [job("x", servers[:1] if held else 1)]
    busy = target(giant, drill, other, jobs=jobs, limits=limits)

    assert position_of(drill, busy).is_now is held
    if not held:
        assert "larger than DRS's quotas" in position_of(drill, busy).reason
    assert position_of(other, busy).is_now
    ended = target(giant, drill, other, jobs=[{**jobs[0], "status": "COMPLETED"}], limits=limits)
    assert position_of(giant, ended).is_now
    assert not position_of(drill, ended).is_now


def test_a_stream_of_drills_does_not_starve_a_recovery_that_is_larger_than_the_room_left() -> None:
    limits = Limits(servers_in_jobs=50)
    recovery = entry("recovery", 40, execution_type=ExecutionType.RECOVERY)
    running = [f"{number}" for number in range(5)]
    for number in range(5, 50):
        drills = [entry(f"{number + ahead}", 10, joined=number) for ahead in range(5)]
        busy = target(recovery, *drills, jobs=[job(name, 10) for name in running], limits=limits)
        if position_of(recovery, busy).is_now:
            break
        running = [*running[1:], *(drill.execution_id for drill in drills if position_of(drill, busy).is_now)]

    assert running == ["4"]


sizes = st.integers(1, 6)
entries = st.lists(
    st.tuples(
        st.sampled_from(list(ExecutionType)),
        st.sampled_from(list(Priority)),
        st.integers(0, 9),
        st.lists(st.integers(0, 40), min_size=1, max_size=6, unique=True),
    ),
    max_size=12,
)


class Drs:
    """A place in which jobs start and end; it refuses what DRS refuses."""

    def __init__(self, limits: Limits) -> None:
        self.limits, self.jobs = limits, dict[str, list[str]]()

    def start(self, name: str, servers: tuple[str, ...]) -> None:
        busy = {one for held in self.jobs.values() for one in held}
        assert not busy & set(servers), "409"
        assert len(self.jobs) < self.limits.jobs_in_progress, "402: jobs"
        assert len(busy) + len(servers) <= self.limits.servers_in_jobs, "402: servers"
        self.jobs[name] = list(servers)


@settings(max_examples=100, deadline=None)
@given(entries=entries, foreign=st.lists(sizes, max_size=3), data=st.data())
def test_quotas_hold_order_is_kept_and_everyone_starts(
    entries: list[tuple[ExecutionType, Priority, int, list[int]]], foreign: list[int], data: st.DataObject
) -> None:
    drs = Drs(Limits(jobs_in_progress=4, servers_per_job=6, servers_in_jobs=18))
    for number, size in enumerate(foreign):
        drs.start(f"drsjob-foreign{number}", tuple(f"s-foreign{number}-{one}" for one in range(size)))
    waiting = [
        entry(f"e{n}", [f"s-{one}" for one in servers], execution_type=kind, priority=priority, joined=joined)
        for n, (kind, priority, joined, servers) in enumerate(entries)
    ]
    queue = {one.order: one for one in waiting}

    def state() -> TargetState:
        jobs = [job(name.removeprefix("drsjob-"), servers) for name, servers in drs.jobs.items()]
        # DRS lists a job only after a while: until then its reservation stands for it.
        unlisted = {one.job_id for one in queue.values() if one.job_id} - listed
        shown = [one for one in jobs if one["jobID"] not in unlisted]
        return target(*queue.values(), jobs=shown, limits=drs.limits)

    listed: set[str] = set()
    while any(one.waits for one in queue.values()):
        before = len([one for one in queue.values() if one.waits])
        for key in data.draw(st.permutations(sorted(queue)), label="who looks"):
            mine, there = queue[key], state()
            if not mine.waits or not position_of(mine, there).is_now:
                continue
            ahead = [one for one in there.entries if one.waits and one.order < key]
            assert all(
                t.is_now or "one job a server" in t.reason for t in (position_of(a, there) for a in ahead)
            )
            drs.start(f"drsjob-{key}", mine.server_ids)
            queue[key] = replace(mine, state=QueueState.RESERVED, job_id=f"drsjob-{key}")
        started_now = before - len([one for one in queue.values() if one.waits])
        assert started_now or drs.jobs, "nothing runs, and nobody may start"
        listed |= {name for name in drs.jobs if data.draw(st.booleans(), label="listed")}
        if drs.jobs:
            ended = data.draw(st.sampled_from(sorted(drs.jobs)), label="ends")
            del drs.jobs[ended]
            listed.add(ended)
            queue = {key: one for key, one in queue.items() if one.job_id != ended}
