"""Records that were lost and are put together again from what DRS knows."""

from __future__ import annotations

from collections.abc import Sequence

from drs_recovery.exceptions import TransitionRefusedError
from drs_recovery.statuses import WaveStatus
from drs_recovery.store.documents import Event, limited
from drs_recovery.store.gates import StoreGates
from drs_recovery.store.rules import EXECUTION_SUBJECT, demand_live, wave_subject
from drs_recovery.store.transaction import execution_update, record_update, retried_on_conflict


class StoreRebuilding(StoreGates):
    """``rebuilt`` of an EXECUTION record: False while it is rebuilt, True from then on."""

    @retried_on_conflict
    def begin_rebuilding(self, execution_id: str, reason: str) -> None:
        """
        Record that an execution is being rebuilt: from now on nothing of it starts, and none ends COMPLETED.

        :param execution_id: the execution.
        :param reason: what was lost, for people; stands before an error that was recorded already.
        :raises TransitionRefusedError: the execution has ended.
        """
        execution = self._read_execution(execution_id)
        if "rebuilt" in execution:
            return
        demand_live(execution, EXECUTION_SUBJECT, "rebuilt")
        error = limited("\n".join(text for text in (reason, execution.get("error")) if text))
        # Without this time no wave starts, whatever a task makes of it.
        changes = {"rebuilt": False, "error": error, "admittedTime": None}
        event = Event("EXECUTION_REBUILDING", {"reason": reason})
        self._commit(event, [execution_update(execution, self._now(), changes)])

    @retried_on_conflict
    def rebuild_wave(self, execution_id: str, number: int, start: float, attempt: int) -> None:
        """
        Record that a wave was started, since DRS has jobs of it.

        :param execution_id: the execution.
        :param number: of the wave, from 1.
        :param start: epoch seconds of its first job.
        :param attempt: the last one that has a job.
        :raises TransitionRefusedError: the execution has ended.
        """
        execution, wave = self._read_together(execution_id, number)
        if "startTime" in wave:
            return
        demand_live(execution, wave_subject(wave), WaveStatus.PENDING)
        if WaveStatus(wave["status"]).is_final:
            raise TransitionRefusedError(wave_subject(wave), wave["status"], WaveStatus.PENDING)
        changes = {"status": WaveStatus.PENDING, "startTime": start, "askedBy": 0}
        if attempt > 1:
            changes |= {"attempt": attempt, "attemptTime": start}
        active: Sequence[int] = [*execution["activeWaves"], number]
        started = {
            "startTime": min(start, execution.get("startTime", start)),
            "currentWave": max(execution["currentWave"], number),
        }
        standing = self._standing(execution, active, execution["waitingGates"])
        self._commit(
            Event("WAVE_REBUILT", {"wave": number, "attempt": attempt}),
            [execution_update(execution, self._now(), {**standing, **started}), record_update(wave, changes)],
        )

    @retried_on_conflict
    def end_rebuilding(self, execution_id: str, jobs: Sequence[str]) -> None:
        """
        Record that everything is in an execution's record that DRS knows of it.

        :param execution_id: the execution.
        :param jobs: ids of the jobs that were found.
        """
        execution = self._read_execution(execution_id)
        if execution.get("rebuilt") is False:
            event = Event("EXECUTION_REBUILT", {"jobs": list(jobs)})
            self._commit(event, [execution_update(execution, self._now(), {"rebuilt": True})])
