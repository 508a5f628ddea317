"""How an execution ends: was it cancelled, what becomes of its open waves, which status is the true one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from drs_recovery.plan import is_task_of, plan_from_snapshot
from drs_recovery.statuses import ExecutionStatus, GateDecision, SkipCause, WaveStatus
from drs_recovery.store import WaveRef, cancel_words, final_status, launch_began
from drs_recovery.waves import (
    blocked_by,
    failures_of,
    has_ended,
    last_trouble,
    refused_gate,
    refusing_wave,
    wave_label,
)

if TYPE_CHECKING:
    from drs_recovery.store import ExecutionDocument, ExecutionStore, WaveRecord

SKIPPED_TASK = "skipped"

UNKNOWN_PERSON = "airflow"
"""Actor of an end that Airflow shows without saying who made it."""

# Jobs of an ended run are followed until this many times the wave's time-out after the wave's start.
SETTLE_FACTOR = 2


@dataclass(frozen=True)
class Ending:
    """
    Why an execution ends.

    :param cancelled: whether people ended it; otherwise it ran to its end or failed.
    """

    cancelled: bool
    actor: str
    reason: str

    def end_wave(self, store: ExecutionStore, document: ExecutionDocument, wave: WaveRecord) -> None:
        """Give an open wave its end: its tasks will not run any more."""
        execution_id, number, status = document["executionId"], wave["waveNumber"], wave["status"]
        failure = (
            None
            if self.cancelled
            else blocked_by(document, plan_from_snapshot(document["planSnapshot"]), number)
        )
        if status is WaveStatus.NOT_STARTED and failure:
            store.waves.skip(WaveRef(execution_id, number), f"not started: {failure}", SkipCause.DEPENDENCY)
        elif self.cancelled or status is WaveStatus.NOT_STARTED:
            store.waves.cancel(WaveRef(execution_id, number), self._wave_reason(wave))
        else:
            reason = f"wave {wave_label(wave)} ended without a verdict: {self.reason}"
            trouble = last_trouble(wave.get("waitingFor"), wave.get("lastPollError"))
            store.waves.fail(WaveRef(execution_id, number), f"{reason}{trouble}")

    def _wave_reason(self, wave: WaveRecord) -> str:
        if wave["status"] is WaveStatus.NOT_STARTED:
            return f"not started: {self.reason}"
        return f"interrupted: {self.reason}; the servers show what was launched"

    def status_of(self, document: ExecutionDocument) -> ExecutionStatus:
        """The final status of the execution, all of whose waves have ended."""
        return final_status(document, cancelled=self.cancelled)

    def error_of(self, document: ExecutionDocument) -> str | None:
        """What went wrong, for the record: failed waves first, else why the execution ended."""
        reasons = [w["statusReason"] for w in document["waves"] if w["status"] == WaveStatus.FAILED]
        reasons += [
            f"wave {wave_label(wave)} is completed without {failure}"
            for wave in document["waves"]
            if wave["status"] == WaveStatus.COMPLETED
            for failure in failures_of(wave["serverStatuses"])
        ]
        # A cancellation that came when every wave was completed changed nothing.
        if self.status_of(document) is not ExecutionStatus.COMPLETED and (self.cancelled or not reasons):
            reasons.append(self.reason)
        return "\n".join(reasons) or None


def ending_of(document: ExecutionDocument, task_states: Mapping[str, str | None]) -> Ending:
    """
    Tell a cancelled execution from one that failed or ran through.

    A request to cancel is in the record. Where it could not be written, the tasks tell: Airflow's "Mark run
    as failed" and "Mark run as success" skip the tasks that had not started. A failed task never does that:
    what is behind it becomes upstream_failed. Tasks of waves that were left out by choice are skipped too and
    do not count, nor do those of another version of the plan.
    """
    if asked := _asked_ending(document):
        return asked
    wanted = [wave for wave in document["waves"] if wave["status"] != WaveStatus.SKIPPED]
    skipped = [
        task_id
        for task_id, state in task_states.items()
        if state == SKIPPED_TASK and ("." not in task_id or any(is_task_of(task_id, w) for w in wanted))
    ]
    if skipped and not document.get("error") and not _has_failed_wave(document):
        return Ending(
            cancelled=True,
            actor=UNKNOWN_PERSON,
            reason="the DAG run was ended by hand before its waves were through",
        )
    return Ending(cancelled=False, actor=UNKNOWN_PERSON, reason=_failure_reason(document))


def waves_may_run(document: ExecutionDocument) -> bool:
    """Whether nothing on record keeps the execution's waves from running."""
    if _asked_ending(document) or "admittedTime" not in document:
        return False
    status = document["status"]
    return not (status.is_final or status is ExecutionStatus.CANCELLING)


def ending_without_run(document: ExecutionDocument, run_state: str | None) -> Ending:
    """
    Say why an execution ends whose DAG run cannot end it any more.

    :param run_state: state of the DAG run; None if it was deleted.
    """
    if asked := _asked_ending(document):
        return asked
    if run_state is None:
        return Ending(cancelled=True, actor=UNKNOWN_PERSON, reason="its DAG run was deleted")
    if run_state == "success":
        reason = "its DAG run was marked as success by hand before the execution had ended"
        return Ending(cancelled=True, actor=UNKNOWN_PERSON, reason=reason)
    known = _known_failure(document)
    reason = (
        f"its DAG run is {run_state} and did not close the record{last_trouble(document.get('waitingFor'))}"
    )
    return Ending(cancelled=False, actor=UNKNOWN_PERSON, reason=f"{known}; {reason}" if known else reason)


def _asked_ending(document: ExecutionDocument) -> Ending | None:
    """The ending that a person, a real recovery or a gate asked for."""
    if words := cancel_words(document):
        return Ending(cancelled=True, actor=document["cancel"]["actor"], reason=words)
    if wave := refusing_wave(document):
        return Ending(cancelled=True, actor=wave["gate"]["actor"], reason=str(refused_gate(document)))
    return None


def _has_failed_wave(document: ExecutionDocument) -> bool:
    return any(wave["status"] == WaveStatus.FAILED for wave in document["waves"])


def _failure_reason(document: ExecutionDocument) -> str:
    known = _known_failure(document)
    return known or f"a task of its run failed, see the task logs{last_trouble(document.get('waitingFor'))}"


def _known_failure(document: ExecutionDocument) -> str | None:
    failed = [wave_label(w) for w in document["waves"] if w["status"] == WaveStatus.FAILED]
    if failed:
        return f"wave {', '.join(failed)} failed"
    return document.get("error") or _unanswered_gate(document)


def _unanswered_gate(document: ExecutionDocument) -> str | None:
    """The gate that still waits although the run has ended: its task was ended by hand, or died."""
    unanswered = (
        w for w in document["waves"] if "gate" in w and w["gate"]["decision"] == GateDecision.WAITING
    )
    wave = next(unanswered, None)
    return None if wave is None else f"the gate of wave {wave_label(wave)} was not answered"


def waves_with_running_jobs(document: ExecutionDocument) -> list[int]:
    """Numbers of the waves of which a job was still running when last seen."""
    return [wave["waveNumber"] for wave in document["waves"] if not all(map(has_ended, wave["jobs"]))]


def settle_deadline(document: ExecutionDocument) -> float:
    """
    Epoch seconds until which running jobs are followed; every wait has an end.

    Only waves whose jobs still run count, if there are any: a short time-out must not wait for a long one.
    """
    plan = plan_from_snapshot(document["planSnapshot"])
    running = waves_with_running_jobs(document)
    return max(
        (
            launch_began(wave) + SETTLE_FACTOR * plan.wave(wave["waveNumber"]).timeout.total_seconds()
            for wave in document["waves"]
            if wave.get("startTime") and (not running or wave["waveNumber"] in running)
        ),
        default=0.0,
    )


@dataclass(frozen=True)
class Pending:
    """
    What is still to come before an execution can be closed.

    :param running_waves: the waves whose jobs run; empty if a look after a pause is all that is needed.
    :param deadline: epoch seconds until which running jobs are followed.
    """

    what: str
    running_waves: tuple[int, ...] = ()
    deadline: float = 0.0
