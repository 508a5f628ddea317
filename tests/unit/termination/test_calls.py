"""TerminateRecoveryInstances in calls that DRS accepts: one instance that it refuses keeps no other one."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError

from drs_recovery.jobs.reservations import QueuedError
from drs_recovery.jobs.schedule import QueuePosition
from drs_recovery.termination.calls import Asked, TerminationCalls
from tests.unit.jobs.queue_things import entry

IN_FAILBACK = {"failback": {"state": "FAILBACK_IN_PROGRESS"}}


def refusal(code: str) -> ClientError:
    return answer(400, code)


def answer(status: int, code: str) -> ClientError:
    told: Any = {"Error": {"Code": code, "Message": "no"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(told, "TerminateRecoveryInstances")


class Drs:
    """Refuses every call that holds an instance which it does not like, or more than it takes."""

    def __init__(self, refused: dict[str, Exception] | None = None) -> None:
        self.refused = refused or {}
        self.calls: list[list[str]] = []

    def terminate_recovery_instances(self, instance_ids: Sequence[str]) -> dict[str, Any]:
        self.calls.append(list(instance_ids))
        assert len(instance_ids) <= 100
        for instance_id in instance_ids:
            if instance_id in self.refused:
                raise self.refused[instance_id]
        return {"jobID": f"drsjob-{len(self.calls)}"}


class Room:
    """A place in which other jobs hold some servers."""

    def __init__(self, held: set[str] | None = None) -> None:
        self.held = held or set()
        self.taken = 0

    def take(self, server_ids: Collection[str]) -> None:
        if mine := self.held & set(server_ids):
            raise QueuedError(QueuePosition(False, reason="not now", held=frozenset(mine)), entry("e1"))
        self.taken += 1

    def release(self) -> None:
        self.taken -= 1

    def started(self, job_id: str | None) -> None:
        pass


def ask(
    drs: Drs,
    rows: dict[str, dict[str, Any]],
    now: dict[str, dict[str, Any]] | None = None,
    room: Room | None = None,
) -> Asked:
    """Ask for the end of instances of which DRS still says what it said, or something else now."""
    current = rows if now is None else now
    calls: Any = drs
    return TerminationCalls(
        calls, lambda ids: {one: current[one] for one in ids if one in current}, room or Room()
    ).terminate(rows)


def test_an_instance_whose_server_is_busy_is_not_asked_for_and_keeps_no_other_one():
    rows = {f"i-{number}": {"sourceServerID": f"s-{number}"} for number in range(4)}
    drs = Drs()

    asked = ask(drs, rows, room=Room({"s-2"}))

    assert drs.calls == [["i-0", "i-1", "i-3"]]
    assert asked.later == {"i-2": "not now"}


def terminated(asked: Asked) -> set[str]:
    return {one for _, instance_ids in asked.started for one in instance_ids}


def test_a_job_has_a_hundred_servers_at_most():
    rows = {f"i-{number:03d}": {} for number in range(250)}
    drs = Drs()
    assert terminated(ask(drs, rows)) == rows.keys()
    assert [len(call) for call in drs.calls] == [100, 100, 50]


@pytest.mark.parametrize("code", ["ResourceNotFoundException", "ConflictException", "ValidationException"])
def test_a_refused_instance_keeps_none_of_its_call(code):
    rows = {f"i-{number:02d}": {} for number in range(64)}
    drs = Drs({"i-17": refusal(code)})
    asked = ask(drs, rows)
    assert terminated(asked) == rows.keys() - {"i-17"}
    # Halves of halves: no call for each instance, and no more jobs than DRS runs at once.
    assert len(drs.calls) <= 13
    assert len(asked.started) <= 6


def test_what_a_refusal_of_one_instance_means():
    rows = {"i-gone": {}, "i-busy": {}, "i-failback": IN_FAILBACK, "i-odd": {}}
    asked = ask(
        Drs(
            {
                "i-gone": refusal("ResourceNotFoundException"),
                "i-busy": refusal("ConflictException"),
                "i-failback": refusal("ConflictException"),
                "i-odd": refusal("ValidationException"),
            }
        ),
        rows,
    )
    assert asked.later == {"i-busy": "ConflictException: no"}
    assert asked.refused.keys() == {"i-failback", "i-odd"}
    assert "FAILBACK_IN_PROGRESS" in asked.refused["i-failback"]
    assert asked.started == []
    assert asked.stopped_by is None


def test_an_instance_in_failback_is_asked_for_alone_as_drs_may_terminate_it():
    drs = Drs()
    asked = ask(drs, {"i-1": {}, "i-2": IN_FAILBACK, "i-3": {}})
    assert drs.calls == [["i-1", "i-3"], ["i-2"]]
    assert terminated(asked) == {"i-1", "i-2", "i-3"}


@pytest.mark.parametrize(
    "error",
    [
        refusal("ServiceQuotaExceededException"),
        refusal("ThrottlingException"),
        refusal("AccessDeniedException"),
        ConnectionClosedError(endpoint_url="drs"),
    ],
    ids=["quota", "throttled", "no rights", "reset"],
)
def test_an_error_that_is_no_instances_fault_ends_the_asking(error):
    rows = {f"i-{number:03d}": {} for number in range(150)}
    drs = Drs({"i-000": error})
    asked = ask(drs, rows)
    assert asked.stopped_by is error
    assert len(drs.calls) == 1


@pytest.mark.parametrize(
    ("error", "taken"),
    [
        (refusal("ConflictException"), 0),
        (answer(402, "ServiceQuotaExceededException"), 0),
        (answer(429, "ThrottlingException"), 0),
        (answer(500, "InternalServerException"), 1),
        (ConnectionClosedError(endpoint_url="drs"), 1),
        (ReadTimeoutError(endpoint_url="drs"), 1),
    ],
    ids=lambda value: type(value).__name__,
)
def test_room_is_free_again_only_if_drs_surely_started_nothing(error: Exception, taken: int) -> None:
    room = Room()

    ask(Drs({"i-1": error}), {"i-1": {}}, room=room)

    assert room.taken == taken


def test_only_what_may_still_be_terminated_in_that_moment_is_asked_for():
    drs = Drs()
    ask(drs, {"i-1": {}, "i-2": {}}, now={"i-2": {}})
    ask(drs, {"i-3": {}}, now={})
    assert drs.calls == [["i-2"]]
