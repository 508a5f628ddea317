"""When a job's log is worth reading: it costs a call for each job, and tells nothing new most of the time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from drs_recovery.statuses import JOB_COMPLETED, JOB_PENDING, ServerPhase
from drs_recovery.waves.judgement import needs_no_more_polls

Job = Mapping[str, Any]
Log = Sequence[Mapping[str, Any]]

# A log that does not change is read less and less often, down to one look in so many.
_SELDOM = 2.0

# Looks in a row at which a log cannot be read, before people are told and nobody waits for it any more.
_TRIES = 3


class JobLog:
    """
    The log of one job, as far as it was read.

    :param interval: seconds between two looks at the job.
    """

    def __init__(self, interval: float) -> None:
        self.items: Log = ()
        self._interval = self._pause = interval
        self._job: Job | None = None
        self._read_at = 0.0
        self._failures = 0

    @property
    def is_late(self) -> bool:
        """Whether it could not be read just now, but may well be at one of the next looks."""
        return 0 < self._failures < _TRIES

    def may_have_news(self, job: Job, servers: Iterable[Mapping[str, Any]], now: float) -> bool:
        """
        Whether to read it after a look.

        :param job: ``Job`` as DRS shows it now.
        :param servers: SERVER records of the job.
        :param now: epoch seconds.
        """
        if job.get("status") == JOB_PENDING:
            return False
        if job != self._job:
            # What the job itself does not say: why a server failed, or in which phase it is.
            return True
        if job.get("status") == JOB_COMPLETED or now < self._read_at + self._pause:
            return False
        # After LAUNCH the next thing to happen to a server is in the job itself.
        return any(
            ServerPhase(server["phase"]).rank < ServerPhase.LAUNCH.rank
            for server in servers
            if not needs_no_more_polls(server)
        )

    def keep(self, job: Job, items: Log, now: float) -> None:
        """
        Remember what was read.

        :param job: as it was then.
        :param items: ``JobLog`` s, oldest first.
        :param now: epoch seconds.
        """
        has_news = job != self._job or len(items) != len(self.items)
        self._pause = self._interval if has_news else min(2 * self._pause, _SELDOM * self._interval)
        self.items, self._job, self._read_at = items, job, now
        self._failures = 0

    def miss(self) -> None:
        """Remember that it could not be read: each look tries it again."""
        self._failures += 1
