"""Wait for the jobs of one wave: take what the pollers found, and write what changed to the store."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from drs_recovery.hooks import PASSING_TROUBLE, Target, TargetClients, TargetTrouble, describe
from drs_recovery.statuses import ServerPhase
from drs_recovery.store import FollowedWave, WaveRecords, WaveRef, merge_jobs, public, server_changes
from drs_recovery.waiting.early_details import EarlyDetails, JobLog
from drs_recovery.waiting.poller import Answer, PollSchedule, Watch
from drs_recovery.waiting.shared import Job, Looks, SharedState
from drs_recovery.waves import (
    JobAnswer,
    are_awaited,
    demand_account_of_unlisted,
    is_settled,
    joined,
    log_trouble,
    open_jobs,
    poll_of,
    record_problem,
)

if TYPE_CHECKING:
    from drs_recovery.store import Execution, ExecutionRecord, ServerStatus, WavePoll, WaveRecord


# That nothing changed is put on record every so many looks, but at least once in so many seconds: people see
# when DRS was last asked.
_QUIET_LOOKS, _QUIET_SECONDS = 4, 60.0

# Seconds for which it is known that a connection leads to the account of jobs that are not listed.
_ACCOUNT_SECONDS = 60.0

# Seconds that a look waits for logs, with those of other waves before them: its jobs are worth more.
_LONGEST_LOG_READ = 10.0

log = logging.getLogger(__name__)


class WaveWait:
    """What is known of a wave while it runs; the store has it all."""

    def __init__(
        self,
        shared: SharedState,
        records: WaveRecords,
        schedule: PollSchedule,
        news: asyncio.Event,
    ) -> None:
        self._shared, self._schedule = shared, schedule
        execution = cast("ExecutionRecord", public(records.execution))
        wave = cast("WaveRecord", public(records.wave))
        servers = [cast("ServerStatus", public(server)) for server in records.servers]
        self._execution, self._wave, self._servers = execution, wave, servers
        self._followed = FollowedWave(records)
        self._await_actions = are_awaited(execution)
        self._answers = {
            job["jobId"]: JobAnswer(job["jobId"], None) for job in open_jobs(wave["jobs"], servers)
        }
        self._logs = {job_id: JobLog(schedule.interval) for job_id in self._answers}
        self._watches: dict[Target, Watch[Job]] = {
            target: Watch(job_ids, schedule, news) for target, job_ids in self._targets().items()
        }
        self._asked_at = dict.fromkeys(self._watches, 0.0)
        self._account_asked: dict[Target, float] = {}
        # Of targets that did not answer, and of logs that cannot be read.
        self._problems: dict[Target, str] = {}
        self._log_troubles: dict[Target, str | None] = {}
        failed_look = wave.get("lastPollError")
        self._noted = failed_look["message"] if failed_look else None
        self._recorded_at = time.time()
        self._looks = Looks()
        self._ref = WaveRef(execution["executionId"], wave["waveNumber"])
        self._details = EarlyDetails(shared, self._ref, schedule.interval, self._followed)
        self._writing = asyncio.Lock()
        for target, watch in self._watches.items():
            shared.target(target).join(watch)

    def leave(self) -> None:
        """Wait no more."""
        self._details.leave()
        for target, watch in self._watches.items():
            self._shared.target(target).leave(watch)

    @property
    def problem(self) -> str | None:
        """Which targets could not be asked last time, and why, for people; None if it went well."""
        return joined(self._problems.values())

    def was_asked_since(self, moment: float) -> bool:
        """Whether every target was asked, with or without success."""
        return all(asked_at >= moment for asked_at in self._asked_at.values())

    def was_answered_since(self, moment: float) -> bool:
        """Whether every target was asked with success, and what it said is on record."""
        return self.was_asked_since(moment) and not self._problems

    def is_settled(self, execution: Execution) -> bool:
        """Whether there is nothing more to wait for."""
        answers = list(self._answers.values())
        return is_settled(execution, answers, self._servers) and not self._awaits_reasons()

    def _awaits_reasons(self) -> bool:
        """Whether a log may tell at one of the next looks why a server failed."""
        return any(
            job_log.is_late
            for server in self._servers
            if server["phase"] == ServerPhase.FAILED
            and (job_log := self._logs.get(server.get("jobId", ""))) is not None
        )

    async def take_news(self) -> None:
        """
        Put on record what came since the last call.

        :raises TransitionRefusedError: the execution has ended.
        """
        taken = ((target, watch.take()) for target, watch in self._watches.items())
        # Side by side: a Region that answers slowly does not keep the others off the record.
        await asyncio.gather(*(self._take(target, answer) for target, answer in taken if answer is not None))

    async def _take(self, target: Target, answer: Answer[Job]) -> None:
        problem = None
        self._looks.asked(target, answer.asked_at, answered=answer.error is None)
        if answer.error is not None:
            # Whatever it is: this target cannot be asked now. It may pass, and the others can be asked.
            problem = str(TargetTrouble(target, answer.error, "DRS"))
        else:
            try:
                await self._look_at(target, answer)
            except PASSING_TROUBLE as error:
                problem = describe(error)
        if problem is not None:
            self._problems[target] = problem
            await self._note_problem()
        self._asked_at[target] = answer.asked_at

    async def _demand_account(self, target: Target, listed: Collection[str]) -> None:
        """A job that DRS does not list may run in another account than the one that is asked now."""
        jobs = [job for job in self._wave["jobs"] if job["jobId"] in self._watches[target].keys]
        is_due = time.time() >= self._account_asked.get(target, 0.0) + _ACCOUNT_SECONDS
        if is_due and any(job["jobId"] not in listed for job in jobs):
            await asyncio.to_thread(demand_account_of_unlisted, TargetClients(target), jobs, listed)
            self._account_asked[target] = time.time()

    async def _look_at(self, target: Target, answer: Answer[Job]) -> None:
        await self._demand_account(target, answer.found)
        answers = await asyncio.gather(
            *(
                self._job_answer(target, job_id, answer.found.get(job_id), answer.asked_at)
                for job_id in sorted(self._watches[target].keys)
            )
        )
        self._log_troubles[target] = log_trouble(
            answer for answer in answers if not self._logs[answer.job_id].is_late
        )
        async with self._writing:
            poll = poll_of(answers, self._servers, await_actions=self._await_actions)
            poll = replace(poll, trouble=self._trouble(answered=target))
            if poll.trouble != self._noted or self._is_quiet_for_long() or self._changes(poll):
                await self._record(poll)
            elif self._looks.are_due:
                await self._record_looks()
        self._details.look_for(self._servers)
        # Not before: a wave is judged by its record, so that nothing else may call it settled.
        self._answers.update({answer.job_id: answer for answer in answers})
        self._problems.pop(target, None)

    def _trouble(self, answered: Target | None = None) -> str | None:
        """What the record says of trouble: a good answer of one target must not hide that of another."""
        problems = (problem for target, problem in self._problems.items() if target != answered)
        return joined([*problems, *self._log_troubles.values()])

    async def _job_answer(self, target: Target, job_id: str, job: Job | None, asked_at: float) -> JobAnswer:
        job_log, trouble = self._logs[job_id], None
        servers = [server for server in self._servers if server.get("jobId") == job_id]
        if job is not None and job_log.may_have_news(job, servers, time.time()):
            trouble = await self._read_log(target, job_id, job)
        return JobAnswer(job_id, job, job_log.items, trouble, asked_at)

    async def _read_log(self, target: Target, job_id: str, job: Job) -> str | None:
        """Why the log could not be read, for people; None if it was."""
        job_log, now = self._logs[job_id], time.time()
        try:
            async with asyncio.timeout(_LONGEST_LOG_READ):
                items = await self._shared.target(target).drs.job_log(job_id)
        except TimeoutError:
            trouble = f"no answer within {_LONGEST_LOG_READ:.0f} seconds"
        except Exception as error:  # whatever it is, what the job itself tells goes on record
            trouble = describe(error)
        else:
            job_log.keep(job, items, now)
            return None
        job_log.miss()
        return trouble

    def _changes(self, poll: WavePoll) -> bool:
        jobs = self._wave["jobs"]
        return merge_jobs(jobs, poll.jobs) != jobs or bool(
            server_changes(self._servers, poll.servers, time.time(), 0)
        )

    def _is_quiet_for_long(self) -> bool:
        longest = min(_QUIET_LOOKS * self._schedule.interval, _QUIET_SECONDS)
        return time.time() >= self._recorded_at + longest

    async def put_looks_on_record(self) -> None:
        """Record those that are not: whoever judges the wave now should see when DRS was last asked."""
        await self._details.finish()
        async with self._writing:
            if self._looks.unrecorded:
                await self._record_looks()

    async def _record_looks(self) -> None:
        written = self._ref, self._looks.unrecorded, self._looks.newest, self._followed
        await self._shared.with_store(lambda store: store.polls.record_looks(*written))
        self._looks.recorded()

    async def _record(self, poll: WavePoll) -> None:
        poll = replace(poll, looks=self._looks.unrecorded, looked_at=self._looks.newest)
        written = self._ref, poll, self._followed
        self._servers = await self._shared.with_store(lambda store: store.polls.record(*written))
        self._wave = {**self._wave, "jobs": merge_jobs(self._wave["jobs"], poll.jobs)}
        self._looks.recorded()
        self._is_noted(poll.trouble)

    async def _note_problem(self) -> None:
        async with self._writing:
            trouble = self._trouble()
            log.warning("%s: no answer this time: %s", self._ref, trouble)
            if trouble == self._noted and not self._is_quiet_for_long():
                return
            try:
                looks = self._looks.unrecorded
                await self._shared.with_store(record_problem, self._ref, trouble, looks)
                self._looks.recorded()
            except PASSING_TROUBLE as error:
                log.warning("%s: not recorded: %s", self._ref, describe(error))
            self._is_noted(trouble)

    def _is_noted(self, trouble: str | None) -> None:
        self._noted, self._recorded_at = trouble, time.time()

    def _targets(self) -> Mapping[Target, list[str]]:
        by_target: dict[Target, list[str]] = defaultdict(list)
        for job in self._wave["jobs"]:
            if job["jobId"] in self._answers:
                by_target[Target(job["connection"], job["region"])].append(job["jobId"])
        return by_target
