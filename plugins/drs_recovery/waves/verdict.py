"""Judge a wave, bring in the details of its servers, and give it its end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from drs_recovery.exceptions import ExecutionError, WaveFailedError
from drs_recovery.settings import details_timeout
from drs_recovery.statuses import ServerPhase, WaveStatus
from drs_recovery.store import ServerSeen, WavePoll, WaveRef, unproven
from drs_recovery.waves.enrichment import Details, InstanceEnricher
from drs_recovery.waves.observation import has_ended, is_unlisted
from drs_recovery.waves.post_launch import overdue
from drs_recovery.waves.rules import (
    deadline_of,
    failures_of,
    last_trouble,
    needs_no_more_polls,
    recorded_failure,
    shortfall,
    wave_label,
    wave_of,
)

if TYPE_CHECKING:
    from drs_recovery.hooks import Clients
    from drs_recovery.plan import RecoveryPlan
    from drs_recovery.store import ExecutionStore, FollowedWave, Job, ServerStatus, Wave, WaveRecord


class WaveEnd:
    """The end of one wave, from the verdict over its jobs to COMPLETED or FAILED."""

    def __init__(self, store: ExecutionStore, plan: RecoveryPlan, ref: WaveRef) -> None:
        self._store = store
        self._plan_wave = plan.wave(ref.number)
        self._ref = ref

    def judge(self, problem: str | None = None, wave: Wave | None = None) -> dict[str, int]:
        """
        Judge the wave once its waiting is over, server by server.

        :param problem: why the last poll failed, if it did.
        :param wave: as a document has it that was just read; None to read it.
        :raises WaveFailedError: the wave is FAILED.
        """
        wave = wave or self._read()
        servers = self._give_up_on_actions(wave["serverStatuses"])
        unsettled = [s for s in servers if not needs_no_more_polls(s)]
        reason = shortfall(self._plan_wave.success_when, servers)
        if unsettled or not _jobs_ended(wave):
            reason = _timeout_reason(
                self._plan_wave.timeout.total_seconds(), wave["jobs"], unsettled, problem
            )
        if reason is not None:
            self._fail(wave, reason, servers)
        failures = len(failures_of(servers))
        return {"launched": len(servers) - failures, "failed": failures}

    def _read(self) -> Wave:
        document = self._store.get_document(self._ref.execution_id)
        return wave_of(document, self._ref.number)

    def _give_up_on_actions(self, servers: Sequence[ServerStatus]) -> Sequence[ServerStatus]:
        """Nobody judges a wave before its time-out while actions run: those that still do took too long."""
        minutes = self._plan_wave.timeout.total_seconds() / 60
        failed = tuple(
            ServerSeen(
                server["sourceServerId"],
                phase=ServerPhase.FAILED,
                fields={"error": overdue(server.get("postLaunchActions", ()), minutes)},
            )
            for server in servers
            if server["phase"] == ServerPhase.POST_LAUNCH and not needs_no_more_polls(server)
        )
        poll = WavePoll(servers=failed, is_look=False)
        return self._store.polls.record(self._ref, poll) if failed else servers

    def look_for_details(
        self,
        clients: Clients,
        wave: Wave | None = None,
        followed: FollowedWave | None = None,
    ) -> Details:
        """
        Look once for the EC2 details of launched servers.

        :param wave: as a document has it that was just read; None to read it.
        """
        enricher = InstanceEnricher(self._store, clients, details_timeout())
        servers = None if wave is None else wave["serverStatuses"]
        deadline = deadline_of(self._plan_wave, wave or self._store.get_wave(self._ref))
        give_up_at = deadline + details_timeout()
        return enricher.enrich(self._ref, give_up_at=give_up_at, servers=servers, followed=followed)

    def end(self, wave: Wave | None = None, followed: FollowedWave | None = None) -> dict[str, str]:
        """
        Call the wave COMPLETED, if it is.

        :param wave: as it was just read, with its servers; None to read it. The store demands its own proof.
        :raises WaveFailedError: the wave is FAILED.
        :raises ExecutionError: a server is still under way.
        """
        wave = wave or self._read()
        self._demand_launch(wave)
        if missing := unproven(wave.get("steps", ())):
            reason = f"{', '.join(missing)}; what its task is marked as proves nothing"
            self._fail(wave, reason, wave["serverStatuses"])
        self._store.waves.complete(self._ref, followed)
        return instance_ids(wave["serverStatuses"])

    def end_launch(self, wave: Wave | None = None, followed: FollowedWave | None = None) -> dict[str, str]:
        """
        Call the wave COMPLETED if nothing is to come behind its launch; else its after-steps may begin.

        :param wave: as of :meth:`end`.
        :raises WaveFailedError: the wave is FAILED.
        :raises ExecutionError: a server is still under way.
        """
        wave = wave or self._read()
        if not wave.get("afterSteps"):
            return self.end(wave, followed)
        self._demand_launch(wave)
        self._store.waves.enter_after_steps(self._ref)
        return instance_ids(wave["serverStatuses"])

    def _demand_launch(self, wave: Wave) -> None:
        """Demand that the servers of the wave are enough of a success."""
        servers = wave["serverStatuses"]
        if wave["status"] == WaveStatus.FAILED:
            raise recorded_failure(wave)
        unsettled = [s["serverName"] for s in servers if not s["phase"].is_end]
        if unsettled:
            raise ExecutionError(
                f"wave {wave_label(wave)} did not settle: {', '.join(unsettled)} still in progress"
            )
        reason = shortfall(self._plan_wave.success_when, servers)
        if reason is not None:
            self._fail(wave, f"{reason}{self._last_trouble()}", servers)

    def _last_trouble(self) -> str:
        wave = self._store.get_wave(self._ref)
        return last_trouble(wave.get("waitingFor"), wave.get("lastPollError"))

    def _fail(self, wave: WaveRecord, reason: str, servers: Sequence[ServerStatus]) -> None:
        failed = WaveFailedError(wave_label(wave), reason, failures_of(servers))
        if wave["status"] != WaveStatus.FAILED:
            self._store.waves.fail(self._ref, str(failed))
        raise failed


def instance_ids(servers: Sequence[ServerStatus]) -> dict[str, str]:
    """EC2 instance ids by source server id, of the servers that have one."""
    return {s["sourceServerId"]: s["instanceId"] for s in servers if s.get("instanceId")}


def _jobs_ended(wave: WaveRecord) -> bool:
    return bool(wave["jobs"]) and all(map(has_ended, wave["jobs"]))


def _timeout_reason(
    seconds: float,
    jobs: Sequence[Job],
    unsettled: Sequence[ServerStatus],
    problem: str | None,
) -> str:
    unlisted = ", ".join(f"{job['jobId']} ({job['region']})" for job in jobs if is_unlisted(job))
    names = ", ".join(f"{s['serverName']} is in phase {s['phase']}" for s in unsettled)
    detail = names or "DRS does not call every job COMPLETED"
    never = f"; DescribeJobs never listed {unlisted}" if unlisted else ""
    last = f"; the last poll failed: {problem}" if problem else ""
    return f"not finished within its timeout of {seconds / 60:.0f} minutes: {detail}{never}{last}"
