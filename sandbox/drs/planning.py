"""Admits a job and writes it down: from then on it is a matter of the clock alone."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from sandbox.drs.api import ConflictError, Document, QuotaExceededError, Reading
from sandbox.drs.course import (
    COURSE_FAULTS,
    JOB_START_AFTER,
    Course,
    LaunchOrder,
    LogEntry,
    stable_digest,
    write_course,
)
from sandbox.drs.instances import RecoveryInstance
from sandbox.drs.jobs import JOB_FAULTS, TERMINATE_SECONDS, Act, Effect, Job
from sandbox.drs.servers import SourceServer
from sandbox.drs.snapshots import OnDemand, Snapshot
from sandbox.world import Quotas


def admit(server_ids: Sequence[str], live_jobs: Sequence[Job], quotas: Quotas) -> None:
    """
    Refuse a job that may not start.

    :raises ConflictError: when one of the servers takes part in a live job.
    :raises QuotaExceededError: when the new job would exceed a quota.
    """
    busy = {server_id: job for job in live_jobs for server_id in job.servers}
    for server_id in server_ids:
        if server_id in busy:
            message = f"Source server {server_id} is already participating in job {busy[server_id].job_id}."
            raise ConflictError(message, "SourceServer", server_id)
    if len(server_ids) > quotas.servers_per_job:
        message = f"A job can have {quotas.servers_per_job} servers at most, not {len(server_ids)}."
        raise QuotaExceededError(message, "servers_per_job")
    if len(live_jobs) >= quotas.jobs_in_progress:
        message = f"{quotas.jobs_in_progress} jobs are in progress, which is the maximum."
        raise QuotaExceededError(message, "jobs_in_progress")
    if len(busy) + len(server_ids) > quotas.servers_in_jobs:
        message = (
            f"{len(busy)} servers are in running jobs and {len(server_ids)} more were asked for; "
            f"{quotas.servers_in_jobs} is the maximum."
        )
        raise QuotaExceededError(message, "servers_in_jobs")


# A job of 25 servers took 28 min 46 s where one of 2 took 8 min 53 s. Larger jobs were never recorded, so
# that the spread does not grow beyond that of 25.
_RECORDED_SERVERS = 25
_SPREAD_OF_RECORDED = 1_193.0


def plan_launch(
    request: Document,
    servers: Sequence[SourceServer],
    points: Mapping[str, Snapshot],
    replaced: Collection[str],
    reading: Reading,
) -> Job:
    """Write a launch job down."""
    return _LaunchPlan(request, servers, points, replaced, reading).job()


def on_demand_snapshots(job: Job, server_id: str, points: Mapping[str, Snapshot]) -> Iterator[OnDemand]:
    """The snapshot that a launch takes of a server, if it asked for none and one can be taken."""
    taken = job.courses[server_id].snapshot_at
    if server_id not in points and taken is not None:
        snapshot_id = "pit-" + stable_digest(server_id, job.job_id)[:17]
        yield OnDemand(snapshot_id, job.started + taken, job.points_in_time[server_id])


def plan_termination(rows: Sequence[RecoveryInstance], region: str, account: str, reading: Reading) -> Job:
    """Write a job down that terminates instances."""
    sources = [row.server.server_id for row in rows]
    end = TERMINATE_SECONDS
    cleanups = [
        entry
        for source in sources
        for entry in (
            LogEntry(JOB_START_AFTER, "CLEANUP_START", {"sourceServerID": source}),
            LogEntry(end, "CLEANUP_END", {"sourceServerID": source}),
        )
    ]
    return Job(
        job_id=_new_job_id(),
        region=region,
        account=account,
        initiated_by="TERMINATE_RECOVERY_INSTANCES",
        started=reading.elapsed,
        servers=tuple(dict.fromkeys(sources)),
        duration=end,
        log=(LogEntry(JOB_START_AFTER, "JOB_START", {}), *cleanups, LogEntry(end, "JOB_END", {})),
        pending=[Effect(reading.elapsed + end, Act.TERMINATE, row.instance_id) for row in rows],
    )


def _new_job_id() -> str:
    return "drsjob-" + uuid.uuid4().hex[:17]


class _LaunchPlan:
    def __init__(
        self,
        request: Document,
        servers: Sequence[SourceServer],
        points: Mapping[str, Snapshot],
        replaced: Collection[str],
        reading: Reading,
    ) -> None:
        self._request, self._servers, self._points = request, servers, points
        self._replaced, self._reading = replaced, reading
        self._is_drill = bool(request.get("isDrill"))
        self._strikes = reading.strike(JOB_FAULTS, server=[server.server_id for server in servers])

    def job(self) -> Job:
        courses = {
            server.server_id: self._course(server, place) for place, server in enumerate(self._servers)
        }
        end = max(course.ended_at for course in courses.values())
        end += max(server.pace.wrap_up for server in self._servers)
        cancel = self._strikes.get("job_cancel")
        if cancel is not None:
            end = min(end, cancel["seconds"])
            courses = {server_id: course.cancelled(end) for server_id, course in courses.items()}
        return Job(
            job_id=_new_job_id(),
            region=self._servers[0].region,
            account=self._servers[0].account,
            initiated_by="START_DRILL" if self._is_drill else "START_RECOVERY",
            started=self._reading.elapsed,
            servers=tuple(courses),
            duration=None if "stuck_job" in self._strikes else end,
            tags=dict(self._request.get("tags") or {}),
            courses=courses,
            log=tuple(self._log(end)),
            pending=sorted(self._effects(courses.values())),
            strikes=self._strikes,
            points_in_time={server.server_id: self._point(server, courses) for server in self._servers},
        )

    def _course(self, server: SourceServer, place: int) -> Course:
        configuration, replication = server.configuration(), server.replication(self._reading)
        order = LaunchOrder(
            server_id=server.server_id,
            pace=server.pace,
            waits=_stagger(place, len(self._servers)),
            cleans_up=server.server_id in self._replaced,
            snapshot_given=server.server_id in self._points,
            takes_snapshot=replication.takes_snapshots,
            has_data=replication.has_data,
            skips_conversion=configuration["recoveryMode"] == "FAST",
            actions=server.actions if configuration["postLaunchEnabled"] else (),
        )
        return write_course(order, self._reading.strike(COURSE_FAULTS, server=server.server_id))

    def _log(self, end: float) -> Iterator[LogEntry]:
        yield LogEntry(JOB_START_AFTER, "JOB_START", {})
        odd = self._strikes.get("unknown_event")
        if odd is not None:
            server_id = self._servers[0].server_id
            yield LogEntry(min(odd["seconds"], end), odd["event"], {"sourceServerID": server_id})
        if "job_cancel" in self._strikes:
            yield LogEntry(end, "JOB_CANCEL", {})
        if "stuck_job" not in self._strikes:
            yield LogEntry(end, "JOB_END", {})

    def _effects(self, courses: Iterable[Course]) -> Iterator[Effect]:
        for course in courses:
            moments = {
                Act.CLEAN_UP: course.cleaned_at,
                Act.LAUNCH: course.launched_at,
                Act.VANISH: _vanishes_at(course),
            }
            for act, at in moments.items():
                if at is not None:
                    yield Effect(self._reading.elapsed + at, act, course.server_id)

    def _point(self, server: SourceServer, courses: Mapping[str, Course]) -> datetime:
        """Say which data the server gets: of the asked snapshot, of a new one, or of the newest there is."""
        given = self._points.get(server.server_id)
        if given is not None:
            return given.taken_at
        taken = courses[server.server_id].snapshot_at
        if taken is not None:
            moment = self._reading.wall_time(self._reading.elapsed + taken)
            return moment - (server.replication(self._reading).lag_time or timedelta())
        stored = server.snapshots(self._reading)
        return stored[0].taken_at if stored else self._reading.wall()


def _stagger(place: int, count: int) -> float:
    """How much later than the first server of a job the one at a place is converted."""
    spread = _SPREAD_OF_RECORDED * min(max(count - 2, 0) / (_RECORDED_SERVERS - 2), 1.0)
    return spread * place / (count - 1) if count > 1 else 0.0


def _vanishes_at(course: Course) -> float | None:
    strike = course.strikes.get("vanished_instance")
    if strike is None or course.launched_at is None:
        return None
    return course.launched_at + float(strike["seconds"])
