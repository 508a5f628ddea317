"""Executions and their events, as the API describes them."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from drs_recovery.statuses import ExecutionStatus, ExecutionType, FindingSeverity
from drs_recovery.web.api.models_base import Record, known, later, maybe, time
from drs_recovery.web.api.models_server import INSTANCE, JOB, SOURCE_SERVER
from drs_recovery.web.api.models_wave import ServerCounts, WaitingFor, Wave


class Times(Record):
    """Recovery time and recovery point, as promised or as measured."""

    rto: float | None = maybe("Recovery time, from the first wave's start to the end. Seconds.", 3600)
    rpo: float | None = maybe("Age of a ready server's oldest data at the start. Seconds.", 900)


class Cancel(Record):
    """The first request to cancel an execution."""

    actor: str = known("Who asked.", "dr-lead")
    reason: str = known("Why.", "wrong plan")
    time: float = time("When.")


class Paused(Record):
    """The question that has waited longest while an execution is PAUSED."""

    wave: int = known("The wave that it is about, from 1.", 2)
    since: float = time("When it was asked.")
    message: str = known("What is asked.", "Is the restored database consistent?")
    approvers: list[str] = known("User ids that may answer; empty for all who may act.", ["dba-lead"])
    deadline: float | None = later("Until when it can be answered.")
    two_person: bool | None = maybe("Whether who started the execution may not approve.", True)


class PreflightFinding(Record):
    """Something that the checks before the first wave found."""

    severity: FindingSeverity = known("An ERROR would block the execution, a WARNING not.", "ERROR")
    what: str = known("What is wrong.", "replication is STALLED")
    remedy: str = known("What to do about it.", "mend what the DRS console shows for the server")
    source_server_id: str | None = maybe("The server that it is about.", SOURCE_SERVER)
    server_name: str | None = maybe("Name of that server.", "crm-db-01")
    wave_number: int | None = maybe("The wave that it is about, from 1.", 1)


class TerminationRequest(Record):
    """A wish to terminate what an execution launched."""

    actor: str = known("Who asked.", "dr-lead")
    time: float = time("When.")
    request_id: str = known("Tells requests apart.", "manual__2026-11-21T06:00:00+00:00")
    waves: list[int] | None = maybe("The waves whose instances are meant; absent for all.", [2])
    end_time: float | None = later("When nothing was left.")


class TerminationJob(Record):
    """A DRS job that terminates instances of an execution."""

    job_id: str = known("DRS job id.", JOB)
    region: str = known("AWS Region of the job.", "us-east-1")
    connection: str = known("Airflow connection that reaches its account.", "aws_default")
    status: str = known("PENDING, STARTED or COMPLETED.", "COMPLETED")
    start_time: float = time("When it was recorded.")
    end_time: float | None = later("When it ended, as DRS says.")
    instances: list[str] = known("The recovery instances that it terminates.", [INSTANCE])


class ExecutionSummary(Record):
    """An execution in short."""

    execution_id: str = known(
        "Its id: the same for the same DAG run, on every retry.", "6f1c1c5e-8d3f-5d8e-b1a9-3f4d0d8f0f10"
    )
    dag_run_id: str = known("Airflow's id of the DAG run.", "CHG0030042")
    execution_type: ExecutionType = known("DRILL, or RECOVERY for a real one.", "DRILL")
    is_drill: bool = known("The same as a truth value.", True)
    dry_run: bool | None = maybe("True if everything is only checked and nothing launched.", True)
    status: ExecutionStatus = known(
        "PENDING, POLLING, PAUSED and CANCELLING are followed by one of the others, which are final.",
        "POLLING",
    )
    initiated_by: str = known("Who or what started it.", "admin")
    controller: str | None = maybe(
        "Name of the Airflow installation that runs it, the only one that acts on it; absent in records of "
        "earlier releases.",
        "vienna",
    )
    ticket: str | None = maybe("Number in a ticketing tool.", "CHG0030042")
    measured: Times | None = maybe("What was measured, once it ended.", {"rto": 2522.5})
    submitted_time: float = time("When it was opened.")
    start_time: float | None = later("When its first wave was asked for.")
    end_time: float | None = later("When it ended.")
    duration: float | None = maybe("Seconds from start to end.", 2522.5)
    total_waves: int = known("How many waves the plan has.", 3)
    completed_waves: int = known("How many of them are COMPLETED.", 1)


class Execution(ExecutionSummary):
    """An execution without its waves, as lists show it."""

    plan_id: str = known("Id of its plan.", "three-tier-crm")
    plan_name: str = known("Name of its plan when it opened.", "Three-tier CRM")
    plan_hash: str = known("SHA-256 of its plan's content.", "9f86d081884c7d65")
    dag_id: str = known("Airflow's id of the plan's DAG.", "recover_three-tier-crm")
    keep_instances: bool | None = maybe("True if a drill's instances are left running.", True)
    replace_execution: str | None = maybe(
        "Ids of the executions whose instances in use it may end, with commas between.",
        "1091119c-3c7a-5a88-ad47-84de02b0a4e3",
    )
    reason: str | None = maybe("Why it runs.", "Quarterly drill")
    objectives: Times = known("The plan's objectives.", {"rto": 3600, "rpo": 900})
    admitted_time: float | None = later("When nothing spoke against it; no wave starts before.")
    expected_duration: float | None = maybe("Seconds that it should take, without waits for people.", 2400)
    expected_samples: int | None = maybe(
        "How many earlier times each of its waves rests on at least; 0 if DRS's usual time stands in.",
        4,
    )
    last_updated_time: float = time("When its record changed last.")
    last_polled_time: float | None = later("When DRS was looked at last.")
    current_wave: int = known("The wave that was asked for last, from 1; 0 before the first.", 2)
    active_waves: list[int] = known("Waves that were asked for and have not ended.", [2])
    waiting_gates: list[int] = known("Waves that wait for an answer, the longest waiting first.", [])
    paused: Paused | None = maybe("While PAUSED: the question that has waited longest.")
    progress: ServerCounts = known("How many of its servers are where.")
    findings: list[PreflightFinding] | None = maybe("What the preflight found, errors first.", [])
    waiting_for: WaitingFor | None = maybe("While it is opened: why that takes long.")
    error: str | None = maybe("Why it did not end well.", "wave 2 (Application) failed")
    rebuilt: bool | None = maybe(
        "Whether its record was lost and put together again from what DRS knows; False while that goes on.",
        True,
    )
    cancel: Cancel | None = maybe("The first request to cancel it.")
    cancelled: bool | None = maybe("True if it was ended before its time, whatever its status.", True)
    cancelling_time: float | None = later("Since when nothing more starts.")
    reconciling_time: float | None = later("Since when it is closed from outside its DAG run.")
    terminate_after: float | None = later("When its instances are due to be terminated by themselves.")
    termination_requests: list[TerminationRequest] | None = maybe("Who wanted its instances gone.", [])
    terminate_jobs: list[TerminationJob] | None = maybe("The DRS jobs that terminate them.", [])
    termination_error: str | None = maybe("Why instances could not be terminated.", "1 instance is left")
    instances_left: bool | None = maybe(
        "True if it left instances when it ended, or later; false once none is called running.", True
    )
    instances_checked_time: float | None = later(
        "When what it calls running was last compared with DRS and EC2."
    )
    instances_terminated: bool = known("Whether no instance of it is left.", False)
    terminated_time: float | None = later("When the last one was seen to be gone.")
    notifications: list[str] | None = maybe("Keys of what was told.", ["EXECUTION_OPENED"])


class ExecutionDocument(Execution):
    """An execution with its waves and their servers: the whole record but the events."""

    plan_snapshot: dict[str, Any] = known("The plan as it was when it opened.", {"id": "three-tier-crm"})
    waves: list[Wave] = known("All waves of the plan, in its order.", [])


class ExecutionPage(Record):
    """A page of a list of executions, newest first."""

    executions: list[Execution] = Field(
        description="A page can be short, or even empty, before the end of the list: a search for something "
        "rare stops after a while and goes on with the cursor."
    )
    next_cursor: str | None = maybe("Where the next page starts; absent on the last one.", "Wy0xNzk1MDB…")


class Event(Record):
    """A thing that happened; it never changes."""

    execution_id: str = known("Id of the execution.", "6f1c1c5e-8d3f-5d8e-b1a9-3f4d0d8f0f10")
    event: str = known("What happened.", "GATE_APPROVED")
    actor: str = known("Who did it; `engine` for what no person caused.", "dba-lead")
    time: float = time("When.")
    detail: dict[str, Any] = known("What belongs to it.", {"wave": 2, "comment": "row counts match"})


class EventList(Record):
    """What happened in an execution, in the order in which it did."""

    events: list[Event] = known("Oldest first.", [])
