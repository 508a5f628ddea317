"""
Values that the engine hands to the execution store: new records, started jobs, and what a poll saw.

Times are epoch seconds, durations seconds. No airflow and no boto3 here.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from drs_recovery.durations import moment
from drs_recovery.store.facts import was_cancelled

if TYPE_CHECKING:
    from drs_recovery.statuses import ExecutionStatus, ExecutionType, FindingSeverity, ServerPhase, SkipCause
    from drs_recovery.store.execution_types import Execution
    from drs_recovery.store.step_types import NewStep


@dataclass(frozen=True)
class NewWave:
    """
    A wave as an execution is opened with it.

    :param depends_on: numbers of the waves that must end well before it.
    :param skip_cause: why this execution passes over it; None if it is to run.
    :param expected_duration: seconds that it should take; None if it has not completed before.
    :param wait_before: seconds to wait before it starts.
    """

    number: int
    name: str
    depends_on: tuple[int, ...] = ()
    skip_cause: SkipCause | None = None
    skip_reason: str | None = None
    expected_duration: float | None = None
    wait_before: float | None = None
    steps: tuple[NewStep, ...] = ()


@dataclass(frozen=True)
class SeenPlan:
    """
    A plan as its file has it now.

    :param plan_hash: changes with all that is recorded of the plan.
    :param file: name of its file.
    :param document: the whole plan, as JSON values; None if the file cannot be used.
    :param problems: file, place and message of everything that is wrong with the file.
    """

    plan_id: str
    plan_hash: str
    file: str
    document: Mapping[str, Any] | None
    problems: tuple[tuple[str, str, str], ...] = ()


@dataclass(frozen=True)
class NewExecution:
    """
    An execution as it is opened.

    :param plan_snapshot: the whole plan, as JSON values.
    :param controller: name of the Airflow installation that runs it, if known.
    :param run_start: when Airflow began its DAG run, in epoch seconds, if known.
    :param ticket: number in a ticketing tool, if there is one.
    :param reason: why it runs, if someone said so.
    :param expected_duration: seconds that it is expected to take without waits for people, if known.
    :param expected_samples: on how many earlier times each of its waves rests at least; 0 if DRS's usual time
        stands in for one.
    :param requested_point_in_time: the run's option, else the plan's wish for all servers.
    :param objectives: the plan's ``rto`` and ``rpo`` in seconds.
    :param error: why it may not start, if that is known already.
    """

    execution_id: str
    plan_id: str
    plan_name: str
    plan_hash: str
    plan_snapshot: Mapping[str, Any]
    dag_id: str
    dag_run_id: str
    execution_type: ExecutionType
    initiated_by: str
    waves: tuple[NewWave, ...]
    controller: str | None = None
    run_start: float | None = None
    bundle_name: str | None = None
    bundle_version: str | None = None
    ticket: str | None = None
    reason: str | None = None
    dry_run: bool = False
    keep_instances: bool = False
    replaces: tuple[str, ...] = ()
    expected_duration: float | None = None
    expected_samples: int = 0
    requested_point_in_time: str | Mapping[str, str] | None = None
    objectives: Mapping[str, Any] = field(default_factory=dict)
    error: str | None = None


@dataclass(frozen=True)
class SnapshotRef:
    """
    A recovery snapshot of DRS.

    :param time: of its data.
    """

    snapshot_id: str
    time: float

    def __str__(self) -> str:
        """How messages name it."""
        return f"{self.snapshot_id} ({moment(self.time)})"


@dataclass(frozen=True)
class ChosenPoint:
    """
    What a server is launched from.

    :param wish: ``latest``, a UTC time, or the id of a snapshot.
    :param snapshot: which one that is; None for the latest data, of which DRS takes a snapshot at the launch.
    """

    wish: str
    snapshot: SnapshotRef | None = None


@dataclass(frozen=True)
class NewServer:
    """
    A server of a wave before anything was started.

    :param requested_point_in_time: ``latest``, a UTC time, or the id of a snapshot.
    :param point_in_time: time of the data that it is recovered to; None if not known yet.
    :param replication_lag: seconds that its replication is behind the source; None if DRS does not tell.
    :param group: protection group by which the plan has it; None if nobody knows.
    :param source_addresses: addresses of the original server.
    """

    source_server_id: str
    server_name: str
    critical: bool
    region: str
    connection: str
    requested_point_in_time: str | None = None
    point_in_time: float | None = None
    replication_lag: float | None = None
    group: str | None = None
    source_addresses: tuple[str, ...] = ()


@dataclass(frozen=True)
class NewFinding:
    """
    Something that the preflight of an execution found.

    :param what: what is wrong, a sentence without its full stop.
    :param source_server_id: the server that it is about, if it is about one.
    :param wave_number: the wave that it is about, from 1; None for the whole execution.
    """

    severity: FindingSeverity
    what: str
    remedy: str
    source_server_id: str | None = None
    server_name: str | None = None
    wave_number: int | None = None

    def __str__(self) -> str:
        """``name (id): what: remedy``."""
        server = f"{self.server_name} ({self.source_server_id}): " if self.source_server_id else ""
        return f"{server}{self.what}: {self.remedy}"


@dataclass(frozen=True)
class JobRef:
    """
    A DRS job that was started for a wave.

    :param account: id of its AWS account, if AWS tells it.
    :param created: when DRS took it, if DRS says so.
    """

    job_id: str
    region: str
    connection: str
    part: int
    server_ids: tuple[str, ...]
    attempt: int = 1
    account: str | None = None
    created: float | None = None


@dataclass(frozen=True)
class Launch:
    """
    A DRS job of which instances may be left.

    :param target: account and Region, such as ``123456789012:us-east-1``.
    """

    execution_id: str
    wave_number: int
    job_id: str
    target: str
    server_ids: tuple[str, ...]
    created: float


@dataclass(frozen=True)
class TerminationRef:
    """A DRS job that terminates instances of an execution."""

    job_id: str
    region: str
    connection: str
    instance_ids: tuple[str, ...]


@dataclass(frozen=True)
class JobSeen:
    """
    A job as a poll saw it.

    :param status: as DRS sent it.
    :param end_time: when it ended, if DRS says so.
    :param start_time: when DRS took it, if DRS says so.
    """

    job_id: str
    status: str
    end_time: float | None = None
    start_time: float | None = None


@dataclass(frozen=True)
class ServerSeen:
    """
    A server as a poll saw it; None means that the poll says nothing about it.

    :param launch_status: as DRS sent it.
    :param fields: other attributes of the SERVER record, by their camelCase names; empty values are ignored.
    :param once: the same for attributes that keep the first value that they get.
    :param moments: when its job reached something, by DRS's clock: the creation of the job as PENDING, its
        start as STARTED, and what its log tells of the launch: LAUNCH_START, LAUNCH_END, FAILED. None where
        it did, and DRS does not say when.
    """

    source_server_id: str
    launch_status: str | None = None
    phase: ServerPhase | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)
    once: Mapping[str, Any] = field(default_factory=dict)
    moments: Mapping[str, float | None] = field(default_factory=dict)


@dataclass(frozen=True)
class WavePoll:
    """
    The findings of one poll of a wave.

    :param trouble: what could not be asked, and why, for people; None if everything could.
    :param looked_at: when AWS was last asked, in epoch seconds; None for now.
    """

    jobs: tuple[JobSeen, ...] = ()
    servers: tuple[ServerSeen, ...] = ()
    trouble: str | None = None
    is_look: bool = True
    looks: int = 1
    looked_at: float | None = None


@dataclass(frozen=True)
class ExecutionFilter:
    """
    Which executions a list shows; whatever is None makes no difference.

    :param plan_ids: only executions of these plans, such as all that a person may read.
    :param may_list: only executions of plans for whose id this holds; asked about each plan that is met.
    :param since: only executions submitted then or later, in epoch seconds.
    :param until: only executions submitted then or earlier, in epoch seconds.
    :param cancelled: only executions that were ended before their time, whatever their status; or, if False,
        only the others.
    """

    plan_id: str | None = None
    plan_ids: Collection[str] | None = None
    may_list: Callable[[str], bool] | None = None
    status: ExecutionStatus | None = None
    execution_type: ExecutionType | None = None
    ticket: str | None = None
    since: float | None = None
    until: float | None = None
    cancelled: bool | None = None

    @property
    def plans(self) -> frozenset[str] | None:
        """The plans whose executions can be listed, None for all."""
        if self.plan_id is None:
            return None if self.plan_ids is None else frozenset(self.plan_ids)
        asked = frozenset({self.plan_id})
        return asked if self.plan_ids is None else asked & frozenset(self.plan_ids)

    def accepts_plan(self, plan_id: str) -> bool:
        """Whether executions of a plan can be among them."""
        if self.plans is not None and plan_id not in self.plans:
            return False
        return self.may_list is None or self.may_list(plan_id)

    def accepts(self, execution: Execution) -> bool:
        """Whether an execution is one of them."""
        if not self.accepts_plan(execution["planId"]):
            return False
        submitted = execution["submittedTime"]
        if submitted < (self.since or 0) or (self.until is not None and submitted > self.until):
            return False
        if self.cancelled is not None and was_cancelled(execution) is not self.cancelled:
            return False
        pairs = (("status", self.status), ("executionType", self.execution_type), ("ticket", self.ticket))
        return all(value is None or execution.get(name) == value for name, value in pairs)


@dataclass(frozen=True)
class Page:
    """
    A part of a list of executions, newest first.

    :param items: EXECUTION records without their plan snapshots. A page can be short, or even empty, before
        the end: a search for something rare stops after a while and goes on with the cursor.
    :param cursor: where the next page starts, opaque; None at the end.
    """

    items: list[Execution]
    cursor: str | None
