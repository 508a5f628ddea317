"""What the preflight makes of a server's replication, of running jobs and of quotas."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import botocore.session
import pytest

from drs_recovery.hooks.clients import Target
from drs_recovery.jobs.schedule import Limits
from drs_recovery.preflight.capacity import Demand, conflict_checks, quota_checks, running_jobs
from drs_recovery.preflight.findings import Check, Severity
from drs_recovery.preflight.replication import NOT_REPLICATING, REPLICATING, replication_checks
from drs_recovery.preflight.servers import ResolvedServer
from drs_recovery.statuses import ExecutionType, FindingSeverity
from drs_recovery.store.records import NewFinding, NewServer

TARGET = Target("aws_default", "us-east-1")
RPO = timedelta(minutes=15)
COMPLETE = [{"totalStorageBytes": 100, "replicatedStorageBytes": 100}]
HALF = [*COMPLETE, {"totalStorageBytes": 100, "replicatedStorageBytes": 50}]


def server(server_id: str = "s-1", **described: Any) -> ResolvedServer:
    new = NewServer(server_id, "db-01", critical=True, region=TARGET.region, connection=TARGET.connection)
    return ResolvedServer(1, new, described)


def judged(
    state: str | None, *, snapshot: bool | None = True, rpo: timedelta | None = None, **info: Any
) -> list[Check]:
    replication = {"replicatedDisks": COMPLETE, "lagDuration": "P0D", **info}
    if state is not None:
        replication["dataReplicationState"] = state
    return list(replication_checks(server(dataReplicationInfo=replication), rpo, lambda _: snapshot))


def test_every_replication_state_of_the_model_is_classified() -> None:
    model = botocore.session.get_session().get_service_model("drs")
    states = set(model.shape_for("DataReplicationState").enum)
    assert states == REPLICATING | set(NOT_REPLICATING)
    assert not REPLICATING & set(NOT_REPLICATING)


@pytest.mark.parametrize("state", sorted(REPLICATING))
def test_a_server_that_replicates_is_fine(state: str) -> None:
    assert judged(state, rpo=RPO) == []


@pytest.mark.parametrize("state", sorted(NOT_REPLICATING))
def test_a_server_that_does_not_replicate_blocks_a_drill_but_no_real_recovery(state: str) -> None:
    (check,) = judged(state)

    assert state in check.what
    assert check.finding_for(ExecutionType.DRILL).severity is FindingSeverity.ERROR
    assert check.finding_for(ExecutionType.RECOVERY).severity is FindingSeverity.WARNING


@pytest.mark.parametrize("state", ["INITIATING", "INITIAL_SYNC", "STOPPED"])
def test_a_server_without_any_snapshot_blocks_a_real_recovery_too(state: str) -> None:
    (check,) = judged(state, snapshot=False)

    assert "cannot be recovered" in check.what
    assert check.finding_for(ExecutionType.RECOVERY).severity is FindingSeverity.ERROR


@pytest.mark.parametrize("state", ["STALLED", "DISCONNECTED", "PAUSED"])
def test_a_server_that_never_synced_completely_needs_a_snapshot_too(state: str) -> None:
    (check,) = judged(state, snapshot=False, replicatedDisks=HALF)

    assert check.severity is Severity.PREVENTS


def test_nobody_is_asked_for_snapshots_of_a_server_that_was_once_in_sync() -> None:
    """When the source site is down, hundreds of servers are DISCONNECTED at once."""

    def refuse(_: str) -> bool:
        raise AssertionError("asked")

    described = server(
        dataReplicationInfo={"dataReplicationState": "DISCONNECTED", "replicatedDisks": COMPLETE}
    )
    (check,) = replication_checks(described, RPO, refuse)
    assert check.severity is Severity.ENDANGERS


def test_snapshots_that_cannot_be_read_are_told_and_do_not_stop_a_real_recovery() -> None:
    (check,) = judged("INITIAL_SYNC", snapshot=None)

    assert "could not be read" in check.what
    assert check.severity is Severity.ENDANGERS


def test_the_reason_and_the_age_that_drs_tells_are_passed_on() -> None:
    error = {"error": "AGENT_NOT_SEEN", "rawError": "last seen on Monday"}

    (check,) = judged("DISCONNECTED", dataReplicationError=error, lagDuration="PT3H12M")

    assert "(AGENT_NOT_SEEN: last seen on Monday)" in check.what
    assert "newest data is 3 h 12 min old" in check.what


@pytest.mark.parametrize(("lag", "late"), [("PT15M", False), ("PT15M1S", True), ("P2D", True)])
def test_data_older_than_the_objective_is_a_warning(lag: str, late: bool) -> None:
    checks = judged("CONTINUOUS", rpo=RPO, lagDuration=lag)

    assert [check.severity for check in checks] == [Severity.NOTABLE] * late
    assert judged("CONTINUOUS", rpo=None, lagDuration=lag) == []


@pytest.mark.parametrize("lag", ["", "soon"])
def test_a_lag_that_drs_does_not_tell_is_a_warning_where_there_is_an_objective(lag: str) -> None:
    (check,) = judged("BACKLOG", rpo=RPO, lagDuration=lag)
    assert "does not report the age of its data" in check.what


@pytest.mark.parametrize("state", ["REHYDRATING", None])
def test_an_unknown_replication_state_is_a_warning(state: str | None) -> None:
    (check,) = judged(state)
    assert check.severity is Severity.NOTABLE


def test_a_staging_area_in_error_prevents_the_recovery() -> None:
    staging = {"status": "EXTENSION_ERROR", "errorMessage": "access denied"}
    described = server(
        stagingArea=staging, dataReplicationInfo={"dataReplicationState": "CONTINUOUS", "lagDuration": "P0D"}
    )
    (check,) = replication_checks(described, RPO, lambda _: True)
    assert (check.severity, "access denied" in check.what) == (Severity.PREVENTS, True)


def job(*server_ids: str, **fields: Any) -> dict[str, Any]:
    participants = [{"sourceServerID": server_id} for server_id in server_ids]
    return {"jobID": "drsjob-1", "status": "STARTED", "participatingServers": participants, **fields}


def test_jobs_that_ended_and_those_of_the_execution_itself_disturb_nobody() -> None:
    own = job("s-1", tags={"dr:executionId": "e1"})
    other = job("s-1", tags={"dr:executionId": "e2"})
    bare = {"jobID": "drsjob-2"}
    assert running_jobs([own, other, job("s-1", status="COMPLETED"), bare], "e1") == [other, bare]


def test_a_server_in_a_job_of_anybody_blocks_a_drill() -> None:
    servers = [server("s-1"), server("s-2")]

    (check,) = conflict_checks(servers, [job("s-2", "s-9", initiatedBy="START_RECOVERY")])

    assert check.server == servers[1].server
    assert check.what.startswith("it takes part in drsjob-1 (START_RECOVERY, STARTED)")
    assert check.severity is Severity.ENDANGERS


def test_the_termination_of_an_earlier_instance_is_only_waited_for() -> None:
    (check,) = conflict_checks([server()], [job("s-1", type="TERMINATE")])
    assert check.severity is Severity.NOTABLE


def quotas(*batches: tuple[int, ...], running: int = 0, **limits: int) -> list[Check]:
    jobs = [job(f"s-{number}") for number in range(running)]
    return list(quota_checks(Demand(TARGET, batches), jobs, Limits(**limits)))


def test_a_plan_within_the_quotas_is_fine() -> None:
    assert quotas((100, 100), (50,), running=18) == []


@pytest.mark.parametrize(
    ("batches", "running", "limits", "told", "severity"),
    [
        ([(2,)], 20, {}, "has to wait in the queue", Severity.NOTABLE),
        ([(2,)], 0, {"jobs_in_progress": 0}, "L-D88FAC3A", Severity.ENDANGERS),
        ([(2, 2), (1,)], 19, {}, "some have to wait", Severity.NOTABLE),
        ([(30,)], 0, {"servers_per_job": 20}, "L-B827C881", Severity.ENDANGERS),
        ([(30,)], 1, {"servers_in_jobs": 30}, "L-05AFA8C6", Severity.NOTABLE),
        ([(30,)], 0, {"servers_in_jobs": 29}, "a wave that needs 30 cannot start", Severity.ENDANGERS),
        ([(30, 30)], 1, {"servers_in_jobs": 60}, "L-05AFA8C6", Severity.NOTABLE),
    ],
)
def test_a_quota_that_leaves_no_room_is_told(
    batches: list[tuple[int, ...]], running: int, limits: dict[str, int], told: str, severity: Severity
) -> None:
    (check,) = quotas(*batches, running=running, **limits)

    assert told in check.what
    assert check.severity is severity


def test_a_finding_reads_as_one_sentence() -> None:
    finding = NewFinding(FindingSeverity.ERROR, "it is STALLED", "fix it", "s-1", "db-01", 2)
    assert str(finding) == "db-01 (s-1): it is STALLED: fix it"
    assert str(NewFinding(FindingSeverity.WARNING, "no room", "wait")) == "no room: wait"
