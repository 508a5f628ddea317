"""
What runs in DRS: jobs, and executions of DRS's own recovery plans.

A job is a pure function of its start, the clock and what was written down when it started.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from sandbox.drs.api import Document, Reading, ResourceNotFoundError
from sandbox.drs.course import JOB_START_AFTER, Course, LogEntry
from sandbox.faults import Values

# No recording of a TERMINATE job exists; EC2 takes about this long to end an instance.
TERMINATE_SECONDS = 40.0
JOB_FAULTS = frozenset(
    {
        "stuck_job", "job_cancel", "unknown_event", "unlisted_job",
        "missing_participating_servers", "missing_end_time",
    }
)  # fmt: skip


class Act(StrEnum):
    """What a job does to the world beside its own record."""

    CLEAN_UP = "clean up"
    LAUNCH = "launch"
    VANISH = "vanish"
    TERMINATE = "terminate"


@dataclass(frozen=True, order=True)
class Effect:
    """Something that a job does at a moment; ``target`` is a source server, or an instance for TERMINATE."""

    due: float
    act: Act
    target: str


@dataclass
class Job:
    """
    One job.

    :param job_id: ``drsjob-`` and 17 letters or digits.
    :param initiated_by: ``START_DRILL``, ``START_RECOVERY`` or ``TERMINATE_RECOVERY_INSTANCES``.
    :param duration: simulated seconds to its end; None never ends.
    :param courses: server to its story; empty in a TERMINATE job.
    :param pending: what it will still do, the next first.
    :param points_in_time: server to the data it is launched with, UTC.
    """

    job_id: str
    region: str
    account: str
    initiated_by: str
    started: float
    servers: tuple[str, ...]
    duration: float | None
    tags: dict[str, str] = field(default_factory=dict)
    courses: Mapping[str, Course] = field(default_factory=dict)
    log: tuple[LogEntry, ...] = ()
    pending: list[Effect] = field(default_factory=list)
    strikes: Mapping[str, Values] = field(default_factory=dict)
    instance_ids: dict[str, str] = field(default_factory=dict)
    points_in_time: Mapping[str, datetime] = field(default_factory=dict)

    @property
    def arn(self) -> str:
        """Name of the job in tag calls."""
        return f"arn:aws:drs:{self.region}:{self.account}:job/{self.job_id}"

    @property
    def is_drill(self) -> bool:
        """Whether it is a drill."""
        return self.initiated_by == "START_DRILL"

    @property
    def is_launch(self) -> bool:
        """Whether it launches servers; the other jobs terminate them."""
        return self.initiated_by != "TERMINATE_RECOVERY_INSTANCES"

    def ended(self, elapsed: float) -> bool:
        """Whether it is COMPLETED at a simulated second."""
        return self.duration is not None and elapsed >= self.started + self.duration

    def listed(self, elapsed: float) -> bool:
        """Whether DescribeJobs shows it at a simulated second."""
        strike = self.strikes.get("unlisted_job")
        return strike is None or (
            strike["seconds"] is not None and elapsed >= self.started + strike["seconds"]
        )

    def launch_status(self, server_id: str, elapsed: float) -> str:
        """``launchStatus`` of one of its servers at a simulated second."""
        return self.courses[server_id].status(elapsed - self.started)

    def due_effects(self, elapsed: float) -> Iterator[Effect]:
        """Take what it has to have done by a simulated second."""
        while self.pending and self.pending[0].due <= elapsed:
            yield self.pending.pop(0)

    def log_documents(self, reading: Reading) -> list[Document]:
        """As DescribeJobLogItems shows it: what has happened so far, oldest first."""
        offset = reading.elapsed - self.started
        entries = [*self.log, *(entry for course in self.courses.values() for entry in course.log)]
        due = sorted((entry for entry in entries if entry.at <= offset), key=lambda entry: entry.at)
        return [reading.shown(self._log_document(entry, reading)) for entry in due]

    def _log_document(self, entry: LogEntry, reading: Reading) -> Document:
        data = dict(entry.data)
        instance_id = self.instance_ids.get(str(data.get("sourceServerID")))
        if entry.event == "LAUNCH_END" and instance_id is not None:
            data["targetInstanceID"] = instance_id
        return {
            "logDateTime": reading.stamp(self.started + entry.at),
            "event": entry.event,
            "eventData": data,
        }

    def document(self, reading: Reading) -> Document:
        """As DescribeJobs shows it."""
        document: Document = {
            "jobID": self.job_id,
            "arn": self.arn,
            "type": "LAUNCH" if self.is_launch else "TERMINATE",
            "initiatedBy": self.initiated_by,
            "creationDateTime": reading.stamp(self.started),
            "status": self._status(reading.elapsed),
            "participatingServers": self._participants(reading),
            "participatingResources": [],
            "tags": dict(self.tags),
        }
        if (
            self.duration is not None
            and self.ended(reading.elapsed)
            and "missing_end_time" not in self.strikes
        ):
            document["endDateTime"] = reading.stamp(self.started + self.duration)
        if reading.fault("jobs_without_tags") is not None:
            del document["tags"]
        return reading.shown(self._without_participants(document, reading.elapsed))

    def _status(self, elapsed: float) -> str:
        if self.ended(elapsed):
            return "COMPLETED"
        return "STARTED" if elapsed >= self.started + JOB_START_AFTER else "PENDING"

    def _participants(self, reading: Reading) -> list[Document]:
        if self.is_launch:
            return [reading.shown(self._participant(server_id, reading)) for server_id in self.servers]
        if self.ended(reading.elapsed):
            return []
        return [{"sourceServerID": server_id, "launchStatus": "IN_PROGRESS"} for server_id in self.servers]

    def _participant(self, server_id: str, reading: Reading) -> Document:
        course, offset = self.courses[server_id], reading.elapsed - self.started
        document: Document = {
            "sourceServerID": server_id,
            "launchStatus": course.status(offset),
            "launchActionsStatus": {
                "runs": [run.document(offset) for run in course.runs if run.started_at <= offset]
            },
        }
        if "no_launch_status" in course.strikes:
            del document["launchStatus"]
        instance_id = self.instance_ids.get(server_id)
        if instance_id is not None and "no_recovery_instance_id" not in course.strikes:
            document["recoveryInstanceID"] = instance_id
        return document

    def _without_participants(self, document: Document, elapsed: float) -> Document:
        strike = self.strikes.get("missing_participating_servers")
        if strike is None or elapsed >= self.started + strike["seconds"]:
            return document
        if strike["form"] == "empty":
            return {**document, "participatingServers": []}
        return {key: value for key, value in document.items() if key != "participatingServers"}


_IN_PROGRESS = "IN_PROGRESS"


def native_executions(region: str, account: str, request: Document, reading: Reading) -> list[Document]:
    """The executions, as ListRecoveryPlanExecutions shows them."""
    found = [
        {
            "recoveryPlanExecutionArn": _execution_arn(region, account, number),
            "recoveryPlanArn": f"arn:aws:drs:{region}:{account}:recovery-plan/{fault['plan']}",
            "mode": fault["mode"],
            "status": _IN_PROGRESS,
            "startedAt": reading.stamp_wall(reading.wall()),
        }
        for number, fault in enumerate(reading.faults("native_execution"))
    ]
    wanted = {name: request[name] for name in ("recoveryPlanArn", "status") if request.get(name)}
    return [reading.shown(one) for one in found if wanted.items() <= one.items()]


def native_steps(region: str, account: str, request: Document, reading: Reading) -> list[Document]:
    """The steps of an execution: one that waits, and one that still has to recover the servers."""
    asked = request["recoveryPlanExecutionArn"]
    for number, fault in enumerate(reading.faults("native_execution")):
        if _execution_arn(region, account, number) == asked:
            return [
                _step(asked, 1, {"waitStepConfiguration": {"waitDurationMinutes": 30}}, "WAITING"),
                _step(asked, 2, _servers(region, account, [fault["server"]]), "NOT_STARTED"),
            ]
    raise ResourceNotFoundError("RecoveryPlanExecution", asked)


def _servers(region: str, account: str, server_ids: Sequence[str]) -> Document:
    arns = [f"arn:aws:drs:{region}:{account}:source-server/{server_id}" for server_id in server_ids]
    return {"executionServerStepConfiguration": {"servers": [{"serverArn": arn} for arn in arns]}}


def _step(execution: str, index: int, configuration: Document, status: str) -> Document:
    return {
        "recoveryPlanExecutionStepArn": f"{execution}/step/{index}",
        "stepName": f"Step {index}",
        "stepIndex": index,
        "status": status,
        "configuration": configuration,
    }


def _execution_arn(region: str, account: str, number: int) -> str:
    return f"arn:aws:drs:{region}:{account}:recovery-plan-execution/rpe-{number:017}"
