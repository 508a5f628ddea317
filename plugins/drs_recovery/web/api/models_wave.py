"""Waves of an execution, as the API describes them."""

from __future__ import annotations

from drs_recovery.statuses import FailureDecision, GateDecision, SkipCause, WaveStatus
from drs_recovery.web.api.models_base import Record, known, later, maybe, time
from drs_recovery.web.api.models_server import ACCOUNT, JOB, ServerStatus


class ServerCounts(Record):
    """How many servers are where; the parts always sum to `totalServers`."""

    total_servers: int = known("All servers.", 2)
    pending: int = known("Not begun.", 0)
    snapshot: int = known("DRS takes their snapshot.", 0)
    converting: int = known("DRS converts their volumes.", 1)
    launching: int = known("DRS launches their instances.", 0)
    launched: int = known("Launched; details or post-launch actions are still to come.", 0)
    ready: int = known("Ready, also those terminated since.", 1)
    failed: int = known("Failed.", 0)


class Question(Record):
    """What people are asked, and the answer that stands."""

    since: float = time("When it was asked.")
    message: str = known("What is asked.", "Is the restored database consistent?")
    approvers: list[str] = known("User ids that may answer; empty for all who may act.", ["dba-lead"])
    deadline: float | None = later("Until when it can be answered.")
    actor: str | None = maybe("Who answered.", "dba-lead")
    decided_time: float | None = later("When it was answered.")
    comment: str | None = maybe("What they wrote.", "row counts match")


class Gate(Question):
    """The question before a wave."""

    decision: GateDecision = known("What came of it.", "APPROVED")
    two_person: bool | None = maybe("Whether who started the execution may not approve.", True)


class FailureGate(Question):
    """The question about a failed wave."""

    decision: FailureDecision = known("What came of it.", "RETRY")
    attempt: int = known("The attempt that it is about, from 1.", 1)


class Job(Record):
    """A DRS job that was started for a wave."""

    job_id: str = known("DRS job id.", JOB)
    region: str = known("AWS Region of the job.", "us-east-1")
    connection: str = known("Airflow connection that reaches its account.", "aws_default")
    account_id: str | None = maybe("AWS account of the job.", ACCOUNT)
    part: int = known("Which job of its attempt it is, from 1.", 1)
    attempt: int | None = maybe("The attempt that it belongs to; 1 where absent.", 1)
    status: str = known("PENDING, STARTED, COMPLETED, or UNLISTED: DRS never listed it.", "COMPLETED")
    start_time: float = time("When DRS took it, by DRS's clock; until DRS lists it, when it was recorded.")
    requested_time: float | None = later("When it was started or found, by Airflow's clock.")
    end_time: float | None = later("When it ended, as DRS says.")


class PollError(Record):
    """A look at DRS that failed; the next one that succeeds takes this away."""

    message: str = known("What went wrong.", "ThrottlingException: Rate exceeded")
    since: float | None = later("Since when it fails; what failed can have changed.")
    time: float = time("When it failed last.")


class WaitingFor(Record):
    """What keeps an execution from being opened, or a wave from being started."""

    message: str = known("What it waits for, in AWS's words.", "ThrottlingException: Rate exceeded")
    since: float = time("Since when it waits; what for can have changed.")
    time: float = time("When it was tried last.")


class QueuePlace(Record):
    """Where a wave stands that waits for room in DRS."""

    phase: str = known("QUEUED.", "QUEUED")
    position: int = known("How manyth of its jobs that waits is in its account and Region, from 1.", 3)
    reason: str = known(
        "What it waits for.",
        "2 jobs are ahead; 20 of 20 jobs run with 240 of 500 servers in us-east-1, this job has 12 servers",
    )
    since: float = time("Since when the attempt waits.")


class Wave(Record):
    """A wave of an execution with its servers."""

    execution_id: str = known("Id of the execution.", "6f1c1c5e-8d3f-5d8e-b1a9-3f4d0d8f0f10")
    wave_number: int = known("From 1, in the order of the plan.", 1)
    wave_name: str = known("Its name in the plan.", "Database")
    status: WaveStatus = known("How far it is.", "COMPLETED")
    status_reason: str | None = maybe("Why it ended otherwise than COMPLETED.", "1 critical server failed")
    skip_cause: SkipCause | None = maybe(
        "Of a SKIPPED one: by choice, with its execution, or because of another wave."
    )
    depends_on: list[int] = known("Numbers of the waves that must end well before it.", [])
    gate: Gate | None = maybe("The question before it, once asked.")
    failure_gate: FailureGate | None = maybe("The question about its failure, once asked.")
    queue: QueuePlace | None = maybe("Where it stands while DRS has no room for its jobs.")
    queued_time: float | None = later("Since when its attempt waits, or waited, for room in DRS.")
    queue_end_time: float | None = later("When DRS had room for the last job of that attempt.")
    jobs: list[Job] = known("The DRS jobs of all its attempts.", [])
    attempt: int | None = maybe("Number of the newest attempt; 1 where absent.", 2)
    attempt_time: float | None = later("When that attempt was asked for.")
    restart_pending: bool | None = maybe("True until it is decided which servers start again.", True)
    start_time: float | None = later("When it was asked for first.")
    end_time: float | None = later("When it ended.")
    duration: float | None = maybe("Seconds from start to end.", 1260.5)
    progress: ServerCounts = known("How many of its servers are where.")
    last_polled_time: float | None = later("When it was looked at last.")
    poll_attempts: int = known("How often it was looked at.", 42)
    last_poll_error: PollError | None = maybe("Why the last look failed.")
    waiting_for: WaitingFor | None = maybe("While PENDING: why its jobs are not started.")
    server_statuses: list[ServerStatus] = known("Its servers, ordered by their ids.", [])
