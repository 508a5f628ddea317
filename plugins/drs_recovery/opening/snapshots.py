"""Which recovery snapshots servers are launched from: chosen once, and looked for again before a launch."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from drs_recovery.durations import epoch, moment
from drs_recovery.hooks import AWS_ERRORS, Answers, Clients, Pace, Target, TargetTrouble, ask_each
from drs_recovery.opening.common_points import plan_points
from drs_recovery.opening.point_in_time import is_snapshot
from drs_recovery.plan import LATEST, point_seconds
from drs_recovery.settings import snapshot_reads_per_second
from drs_recovery.store import ChosenPoint, SnapshotRef

if TYPE_CHECKING:
    from drs_recovery.hooks import DrsHook
    from drs_recovery.store import ExecutionDocument, ExecutionStore, ServerStatus

# Seconds. Older ones than this follow in the list only if the one that is looked for is gone.
_OLDER = 60.0


@dataclass(frozen=True)
class _Wanted:
    """A server, and from when its data shall be."""

    server_id: str
    wish: str


@dataclass
class FoundPoints:
    """
    What DRS has of what is wished for.

    :param missing: server to why there is no such snapshot, with those nearest to it.
    :param troubles: of the targets that may answer later.
    """

    chosen: dict[str, ChosenPoint] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    troubles: list[TargetTrouble] = field(default_factory=list)


def choose_points(
    store: ExecutionStore,
    clients: Clients,
    execution_id: str,
    wishes: Iterable[tuple[ServerStatus, str]],
    actor: str | None = None,
) -> FoundPoints:
    """
    Find what servers are launched from, and record it; whatever one target says, of the others, too.

    :param wishes: servers, each with its wish.
    :param actor: who wishes it, if a person does.
    """
    found = FoundPoints()
    by_target: dict[Target, list[_Wanted]] = defaultdict(list)
    for server, wish in wishes:
        if wish == LATEST:
            found.chosen[server["sourceServerId"]] = ChosenPoint(LATEST)
        else:
            wanted = _Wanted(server["sourceServerId"], wish)
            by_target[Target(server["connection"], server["region"])].append(wanted)
    for target, there in by_target.items():
        answers = _at_pace(clients, target, there, _find)
        for wanted, answer in answers.found.items():
            if isinstance(answer, SnapshotRef):
                found.chosen[wanted.server_id] = ChosenPoint(wanted.wish, answer)
            else:
                found.missing[wanted.server_id] = answer
        if answers.error is not None:
            found.troubles.append(TargetTrouble(target, answers.error, "recovery snapshots"))
    store.points.choose(execution_id, found.chosen, actor)
    return found


def gone_snapshots(
    clients: Clients, target: Target, chosen: Mapping[str, SnapshotRef]
) -> Answers[tuple[str, SnapshotRef], str | None]:
    """
    Look again for the snapshots of servers.

    :return: for each server with its snapshot None, or why it is gone and which are nearest to it.
    """
    return _at_pace(clients, target, chosen.items(), _why_gone)


def read_history(
    store: ExecutionStore, clients: Clients, document: ExecutionDocument, servers: Sequence[ServerStatus]
) -> None:
    """
    Read all snapshots of a plan's servers and record the times that they have in common.

    What cannot be read is told there: nothing is launched by it.

    :param document: of the execution that looks.
    """
    known = store.points.of_plan(document["planId"])
    if known and known.get("readBy") == document["executionId"]:
        return
    by_target: dict[Target, list[str]] = defaultdict(list)
    for server in servers:
        by_target[Target(server["connection"], server["region"])].append(server["sourceServerId"])
    snapshots: dict[str, Sequence[SnapshotRef]] = {}
    policies: dict[str, Sequence[Mapping[str, Any]]] = {}
    problems = []
    for target, there in by_target.items():
        answers = _at_pace(clients, target, there, _history)
        for server_id, (listed, rules) in answers.found.items():
            snapshots[server_id], policies[server_id] = listed, rules
        if answers.error is not None:
            problems.append(str(TargetTrouble(target, answers.error, "recovery snapshots")))
    waves = sorted({server["waveNumber"] for server in servers})
    points = plan_points(snapshots, policies, waves, "; ".join(problems) or None)
    store.points.note_plan(document["planId"], points, document["executionId"])


def _history(drs: DrsHook, server_id: str, pace: Pace) -> tuple[list[SnapshotRef], list[dict[str, Any]]]:
    return list(_snapshots(drs, server_id, pace)), drs.pit_policy(server_id, pace.wait)


Thing = TypeVar("Thing")
Answer = TypeVar("Answer")


def _at_pace(
    clients: Clients,
    target: Target,
    things: Iterable[Thing],
    ask: Callable[[DrsHook, Thing, Pace], Answer],
) -> Answers[Thing, Answer]:
    try:
        drs = clients.at(*target).drs
        drs.prepare_to_ask()
    except AWS_ERRORS as error:
        return Answers(error=error)
    return ask_each(things, partial(ask, drs), Pace(snapshot_reads_per_second()))


def _find(drs: DrsHook, wanted: _Wanted, pace: Pace) -> SnapshotRef | str:
    """The snapshot that a wish means, or why there is none."""
    if is_snapshot(wanted.wish):
        listed = list(_snapshots(drs, wanted.server_id, pace))
        known = next((one for one in listed if one.snapshot_id == wanted.wish), None)
        return known or f"it has no recovery snapshot {wanted.wish}; {_extent(listed)}"
    wished = point_seconds(wanted.wish) or 0.0
    until = datetime.fromtimestamp(wished, UTC)
    # AWS does not say which time it compares, the expected or the real one.
    fitting = (one for one in _snapshots(drs, wanted.server_id, pace, until) if one.time <= wished)
    newest = next(fitting, None)
    if newest is not None:
        return newest
    listed = list(_snapshots(drs, wanted.server_id, pace))
    return f"it has no recovery snapshot of {moment(wished)} or before; {_extent(listed)}"


def _why_gone(drs: DrsHook, chosen: tuple[str, SnapshotRef], pace: Pace) -> str | None:
    server_id, snapshot = chosen
    until = datetime.fromtimestamp(int(snapshot.time) + 1, UTC)
    for one in _snapshots(drs, server_id, pace, until):
        if one.snapshot_id == snapshot.snapshot_id:
            return None
        if one.time < snapshot.time - _OLDER:
            break
    listed = list(_snapshots(drs, server_id, pace))
    return f"its recovery snapshot {snapshot} is gone; {_nearest(listed, snapshot.time)}"


def _snapshots(
    drs: DrsHook, server_id: str, pace: Pace, until: datetime | None = None
) -> Iterator[SnapshotRef]:
    """Newest first."""
    for item in drs.recovery_snapshots(server_id, pace.wait, until):
        yield SnapshotRef(str(item["snapshotID"]), epoch(item["timestamp"]) or 0.0)


def _extent(listed: list[SnapshotRef]) -> str:
    if not listed:
        return "DRS has no recovery snapshot of it"
    return f"its oldest is {min(listed, key=_time)}, its newest {max(listed, key=_time)}"


def _nearest(listed: list[SnapshotRef], time: float) -> str:
    if not listed:
        return "DRS has no other recovery snapshot of it"
    before = max((one for one in listed if one.time <= time), key=_time, default=None)
    after = min((one for one in listed if one.time > time), key=_time, default=None)
    return f"the nearest before it is {before or 'none'}, after it {after or 'none'}"


def _time(snapshot: SnapshotRef) -> float:
    return snapshot.time
