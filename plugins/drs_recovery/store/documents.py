"""
The first form of each record, and the document that is composed of them.

``version`` and ``recordKey`` serve the store alone and are in no document.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from drs_recovery.statuses import (
    ENDED_SERVERS,
    ExecutionStatus,
    ExecutionType,
    ServerPhase,
    SkipCause,
    StepStatus,
    WaveStatus,
)
from drs_recovery.store.keys import (
    due_key,
    event_prefix,
    execution_key,
    listing_moment,
    live_key,
    server_prefix,
    step_key,
    step_order,
    ticket_partition,
    type_partition,
    wave_key,
)
from drs_recovery.store.server_types import progress_of

if TYPE_CHECKING:
    from drs_recovery.store.execution_types import Execution, ExecutionDocument
    from drs_recovery.store.expressions import Item
    from drs_recovery.store.records import (
        JobRef,
        NewExecution,
        NewServer,
        NewWave,
        TerminationRef,
    )
    from drs_recovery.store.step_types import NewStep
    from drs_recovery.store.transaction import WaveRecords

ENGINE = "engine"
"""Actor of events that no person caused."""

# A record has room for 400 KB: a text of many servers' errors could fill it, and no transition would pass.
LONGEST_TEXT = 20_000

_INTERNAL = frozenset({"recordKey", "version"})


@dataclass(frozen=True)
class NewEvent:
    """
    A thing that happened.

    :param name: what happened, such as ``WAVE_COMPLETED``.
    :param detail: what belongs to it; None values are left out.
    """

    name: str
    detail: Mapping[str, Any] = field(default_factory=dict)
    actor: str = ENGINE


def execution_item(new: NewExecution, now: float) -> Item:
    """The EXECUTION record of a new execution."""
    optional = {
        "ticket": new.ticket,
        "reason": new.reason,
        "controller": new.controller,
        "dryRun": new.dry_run or None,
        "keepInstances": new.keep_instances or None,
        "replaceExecution": ", ".join(new.replaces) or None,
        "runStartTime": new.run_start,
        "requestedPointInTime": new.requested_point_in_time,
        "error": new.error,
        "expectedDuration": new.expected_duration,
        "otherTypeWaves": sum(w.skip_cause is SkipCause.OTHER_TYPE for w in new.waves) or None,
        "expectedSamples": None if new.expected_duration is None else new.expected_samples,
    }
    return {
        **execution_key(new.execution_id).attributes,
        "version": 1,
        "planId": new.plan_id,
        "planName": new.plan_name,
        "planHash": new.plan_hash,
        "planSnapshot": compressed(new.plan_snapshot),
        "dagId": new.dag_id,
        "dagRunId": new.dag_run_id,
        "executionType": new.execution_type,
        "isDrill": new.execution_type is ExecutionType.DRILL,
        "status": ExecutionStatus.PENDING,
        "initiatedBy": new.initiated_by,
        "objectives": dict(new.objectives),
        "submittedTime": now,
        "lastUpdatedTime": now,
        "totalWaves": len(new.waves),
        "completedWaves": 0,
        "currentWave": 0,
        "activeWaves": [],
        "waitingGates": [],
        "progress": progress_of(()),
        "instancesTerminated": False,
        **present(optional),
    }


def wave_item(execution_id: str, wave: NewWave) -> Item:
    """The WAVE record of a new execution."""
    return {
        **wave_key(execution_id, wave.number).attributes,
        "version": 1,
        "waveNumber": wave.number,
        "waveName": wave.name,
        "status": WaveStatus.NOT_STARTED if wave.skip_cause is None else WaveStatus.SKIPPED,
        "dependsOn": list(wave.depends_on),
        "jobs": [],
        "progress": progress_of(()),
        "pollAttempts": 0,
        **present(
            {
                "skipCause": wave.skip_cause,
                "statusReason": wave.skip_reason,
                "expectedDuration": wave.expected_duration,
                "waitBefore": wave.wait_before,
                "beforeSteps": sum(step.side == "before" for step in wave.steps) or None,
                "afterSteps": sum(step.side == "after" for step in wave.steps) or None,
            }
        ),
    }


def server_item(execution: Mapping[str, Any], wave_number: int, server: NewServer) -> Item:
    """The SERVER record of a server before its wave starts."""
    return {
        "executionId": execution["executionId"],
        "recordKey": server_prefix(wave_number) + server.source_server_id,
        "version": 1,
        "sourceServerId": server.source_server_id,
        "serverName": server.server_name,
        "waveNumber": wave_number,
        "critical": server.critical,
        "region": server.region,
        "connection": server.connection,
        "isDrill": execution["isDrill"],
        "phase": ServerPhase.PENDING,
        "launchStatus": "PENDING",
        "transitionHistory": [],
        "pollAttempts": 0,
        **present(
            {
                "requestedPointInTime": server.requested_point_in_time,
                "pointInTime": server.point_in_time,
                "replicationLag": server.replication_lag,
                "group": server.group,
                "sourceAddresses": list(server.source_addresses) or None,
            }
        ),
    }


def step_item(execution_id: str, wave_number: int, step: NewStep) -> Item:
    """The STEP record of a new execution."""
    return {
        **step_key(execution_id, wave_number, step.side, step.number).attributes,
        "version": 1,
        "waveNumber": wave_number,
        "side": step.side,
        "stepNumber": step.number,
        "name": step.name,
        "kind": step.kind,
        "onFailure": step.on_failure,
        "status": StepStatus.NOT_STARTED if step.skip_reason is None else StepStatus.SKIPPED,
        "attempts": [],
        **present({"detail": step.skip_reason}),
    }


def job_entry(job: JobRef, now: float) -> Item:
    """The entry of a started job in its WAVE record."""
    return {
        "jobId": job.job_id,
        "region": job.region,
        "connection": job.connection,
        "part": job.part,
        "attempt": job.attempt,
        "status": "PENDING",
        "requestedTime": now,
        # Until DRS lists it with its own.
        "startTime": now,
        **present({"accountId": job.account}),
    }


def due_item(execution_id: str, time: float) -> Item:
    """
    The record by which housekeeping finds an execution whose instances are due to be terminated.

    It lies in a partition of its own, in the order of time, so that no search is needed.

    :param time: epoch seconds from which they are due.
    """
    return {
        **due_key(execution_id, time).attributes,
        "dueExecutionId": execution_id,
        "dueTime": time,
    }


def termination_entry(job: TerminationRef, now: float) -> Item:
    """The entry of a termination job in the EXECUTION record."""
    return {
        "jobId": job.job_id,
        "region": job.region,
        "connection": job.connection,
        "status": "PENDING",
        "requestedTime": now,
        "startTime": now,
        "instances": list(job.instance_ids),
    }


def event_item(execution_id: str, event: NewEvent, time: float, number: int) -> Item:
    """The record of an event."""
    return {
        "executionId": execution_id,
        "recordKey": f"{event_prefix(time)}{number}",
        "event": event.name,
        "actor": event.actor,
        "time": time,
        "detail": present(event.detail),
    }


def present(values: Mapping[str, Any]) -> Item:
    """The values that are there: absent is absent, not null."""
    return {name: value for name, value in values.items() if value is not None}


def limited(text: str) -> str:
    """
    A text for people as a record has room for it.

    :param text: such as the reasons of all failed servers together; each has its own in its record, too.
    """
    if len(text) <= LONGEST_TEXT:
        return text
    return f"{text[:LONGEST_TEXT]} [... shortened, {len(text)} characters]"


def public(item: Mapping[str, Any]) -> Item:
    """A record as readers get it."""
    shown = {name: value for name, value in item.items() if name not in _INTERNAL}
    match shown.get("planSnapshot"):
        case bytes(packed):
            shown["planSnapshot"] = uncompressed(packed)
        case str(text):  # of a record that an earlier release opened
            shown["planSnapshot"] = json.loads(text)
    return shown


def compressed(plan: Mapping[str, Any]) -> bytes:
    """
    A plan as records have it.

    Each write of the EXECUTION record costs by its size, and the snapshot would be nearly all of it.
    """
    return zlib.compress(json.dumps(plan, sort_keys=True, ensure_ascii=False).encode())


def uncompressed(packed: bytes) -> dict[str, Any]:
    """A plan that a record has."""
    plan: dict[str, Any] = json.loads(zlib.decompress(packed))
    return plan


def summary(execution: Mapping[str, Any]) -> Execution:
    """An EXECUTION record as lists show it, without the plan snapshot, which would outweigh all else."""
    return cast(
        "Execution", public({name: value for name, value in execution.items() if name != "planSnapshot"})
    )


def compose(
    execution: Mapping[str, Any],
    waves: Iterable[Item],
    servers: Iterable[Item],
    steps: Iterable[Item] = (),
) -> ExecutionDocument:
    """
    Compose the execution document.

    :return: the record with ``waves[]``, each with ``serverStatuses[]``, ordered by number and server id, and
        ``steps[]`` if it has some.
    """
    by_number: dict[int, Item] = {}
    for wave in sorted(waves, key=lambda wave: int(wave["waveNumber"])):
        by_number[wave["waveNumber"]] = {**public(wave), "serverStatuses": []}
    for server in sorted(servers, key=lambda server: str(server["sourceServerId"])):
        wave = by_number[server["waveNumber"]]
        wave["serverStatuses"].append({**public(server), **_polled_with(wave, server)})
    for step in sorted(steps, key=step_order):
        by_number[step["waveNumber"]].setdefault("steps", []).append(public(step))
    polled = {wave["lastPolledTime"] for wave in by_number.values() if "lastPolledTime" in wave}
    newest = {"lastPolledTime": max({execution.get("lastPolledTime", 0), *polled})} if polled else {}
    document = {**public(execution), **newest, "waves": list(by_number.values())}
    if points := data_times(server for wave in by_number.values() for server in wave["serverStatuses"]):
        document["pointInTime"] = points
    return cast("ExecutionDocument", document)


def data_times(servers: Iterable[Mapping[str, Any]]) -> Item | None:
    """
    From when the data of servers is, as far as their records know.

    :return: ``oldest`` and ``newest``, and ``spread``, the seconds between them; None if nothing is known.
    """
    times = [float(server["pointInTime"]) for server in servers if "pointInTime" in server]
    if not times:
        return None
    oldest, newest = min(times), max(times)
    return {"oldest": oldest, "newest": newest, "spread": round(newest - oldest, 3)}


def _polled_with(wave: Mapping[str, Any], server: Mapping[str, Any]) -> Item:
    """
    When a server that is still under way was last looked at.

    Every poll of a wave looks at each of those; only servers that changed are written.
    """
    if server["phase"] in ENDED_SERVERS:
        return {}
    return present({"lastPolledTime": wave.get("lastPolledTime"), "pollAttempts": wave["pollAttempts"]})


def listing_items(new: NewExecution, now: float) -> list[Item]:
    """The listing records of a new execution."""
    partitions = [type_partition(new.execution_type)]
    if new.ticket:
        partitions.append(ticket_partition(new.ticket))
    return [
        {
            "executionId": partition,
            "recordKey": listing_moment(now) + new.execution_id,
            "listedExecutionId": new.execution_id,
            "openedTime": now,
            "planId": new.plan_id,
            "executionType": new.execution_type,
        }
        for partition in partitions
    ]


def live_item(execution: Mapping[str, object]) -> Item:
    """The record that says that an execution lives."""
    names = ("planId", "executionType")
    return {
        **live_key(str(execution["executionId"])).attributes,
        "liveExecutionId": execution["executionId"],
        **{name: execution[name] for name in names},
    }


def listed_row(record: Mapping[str, object]) -> Item:
    """A listing record as a row of an index would be."""
    return {
        "executionId": record["listedExecutionId"],
        "submittedTime": record["openedTime"],
        "planId": record["planId"],
        "executionType": record["executionType"],
    }


def with_wave(document: ExecutionDocument, records: WaveRecords | None) -> ExecutionDocument:
    """
    The execution document with a wave as a later write left it.

    :param records: what is known of the wave; None for nothing newer.
    """
    if records is None:
        return document
    wave = {**public(records.wave), "serverStatuses": [public(server) for server in records.servers]}
    number = wave["waveNumber"]
    steps = [one["steps"] for one in document["waves"] if one["waveNumber"] == number and "steps" in one]
    wave |= {"steps": steps[0]} if steps else {}
    waves = [wave if one["waveNumber"] == number else one for one in document["waves"]]
    return cast("ExecutionDocument", {**document, **public(records.execution), "waves": waves})
