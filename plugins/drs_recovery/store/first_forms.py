"""The first form of each record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from drs_recovery.statuses import (
    ExecutionStatus,
    ExecutionType,
    ServerPhase,
    SkipCause,
    StepStatus,
    WaveStatus,
)
from drs_recovery.store.facts import RECORD_VERSION
from drs_recovery.store.keys import (
    due_key,
    event_prefix,
    execution_key,
    listing_moment,
    live_key,
    server_prefix,
    step_key,
    ticket_partition,
    type_partition,
    wave_key,
)
from drs_recovery.store.refs import WaveRef
from drs_recovery.store.server_types import progress_of
from drs_recovery.store.values import compressed, present

if TYPE_CHECKING:
    from drs_recovery.store.expressions import Item
    from drs_recovery.store.records import (
        JobRef,
        NewExecution,
        NewServer,
        NewWave,
        TerminationRef,
    )
    from drs_recovery.store.step_types import NewStep


ENGINE = "engine"
"""Actor of events that no person caused."""


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
        "bundleName": new.bundle_name,
        "bundleVersion": new.bundle_version,
        "requestedPointInTime": new.requested_point_in_time,
        "error": new.error,
        "expectedDuration": new.expected_duration,
        "otherTypeWaves": sum(w.skip_cause is SkipCause.OTHER_TYPE for w in new.waves) or None,
        "expectedSamples": None if new.expected_duration is None else new.expected_samples,
    }
    return {
        **execution_key(new.execution_id).attributes,
        "version": 1,
        "recordVersion": RECORD_VERSION,
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
        **wave_key(WaveRef(execution_id, wave.number)).attributes,
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


def step_item(ref: WaveRef, step: NewStep) -> Item:
    """The STEP record of a new execution."""
    return {
        **step_key(ref.execution_id, ref.number, step.side, step.number).attributes,
        "version": 1,
        "waveNumber": ref.number,
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
