"""
Waves whose tasks all ended without a verdict, such as killed ones: judged by the record, like any other.

What a failure means for the waves behind is for the plan to say, and takes a wave that has ended.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from drs_recovery.closing.outcome import UNKNOWN_PERSON, Pending
from drs_recovery.exceptions import TransitionRefusedError, WaveFailedError, WaveRefusedError
from drs_recovery.hooks import AWS_ERRORS, Clients, describe, is_transient
from drs_recovery.jobs import awaited_parts
from drs_recovery.plan import RecoveryPlan, plan_from_snapshot
from drs_recovery.statuses import GateDecision, ServerPhase, WaveStage, WaveStatus
from drs_recovery.store import ServerSeen, WavePoll, WaveRef, attempt_began, is_store_away, unproven
from drs_recovery.waves import (
    LATE_START_SECONDS,
    WaveEnd,
    WaveWatcher,
    check_dependencies,
    deadline_of,
    end_open_steps,
    gate_is_asked,
    last_trouble,
    record_late_jobs,
    wave_label,
    wave_of,
)

if TYPE_CHECKING:
    from drs_recovery.store import ExecutionDocument, ExecutionStore, Wave

log = logging.getLogger(__name__)


def is_left_open(document: ExecutionDocument, plan: RecoveryPlan, number: int) -> bool:
    """
    Whether a wave whose tasks have ended still needs its end.

    One that was not even asked for needs it only if others start in spite of it, and if nothing but its own
    task kept it from starting: no question, and no wave before it.
    """
    wave = wave_of(document, number)
    status = wave["status"]
    if status is not WaveStatus.NOT_STARTED:
        return status.is_active
    gate = wave.get("gate")
    is_approved = gate is not None and gate["decision"] == GateDecision.APPROVED
    if gate_is_asked(document, plan, number) and not is_approved:
        return False
    try:
        check_dependencies(document, plan, number)
    except WaveRefusedError:
        return False
    return plan.wave(number).on_failure == "continue"


def end_left_wave(store: ExecutionStore, document: ExecutionDocument, number: int) -> Pending | None:
    """
    Take such a wave one step towards its end.

    :return: what is still to come; None if the wave has ended.
    """
    document = _without_open_steps(store, document, number)
    try:
        return _end_of_start(store, document, wave_of(document, number)) or follow_to_end(
            store, document, number
        )
    except (WaveFailedError, TransitionRefusedError) as ended:
        log.warning("execution %s: no verdict on wave %s: %s", document["executionId"], number, ended)
        return None


def _without_open_steps(store: ExecutionStore, document: ExecutionDocument, number: int) -> ExecutionDocument:
    """Nobody follows the wave's steps any more: say what became of those that were begun."""
    steps = wave_of(document, number).get("steps", ())
    if not end_open_steps(store, Clients(), steps, "its task ended", UNKNOWN_PERSON, cancelled=False):
        return document
    return store.get_document(document["executionId"])


def follow_to_end(
    store: ExecutionStore, document: ExecutionDocument, number: int, *, launch_only: bool = False
) -> Pending | None:
    """
    Look once at a wave whose jobs are started, and judge it when nothing is to come any more.

    :param launch_only: whether steps are to come behind its launch.
    :return: what is still to come; None if the wave is COMPLETED, or its after-steps may begin.
    :raises WaveFailedError: it is FAILED.
    """
    ref, plan = WaveRef(document["executionId"], number), plan_from_snapshot(document["planSnapshot"])
    look = WaveWatcher(store).look(ref)
    deadline = deadline_of(plan.wave(number), store.get_wave(ref))
    if not look.settled and time.time() < deadline:
        return Pending(f"DRS jobs of wave {number} still run", (number,), deadline)
    wave_end = WaveEnd(store, plan, ref)
    wave_end.judge(look.problem)
    if missing := wave_end.look_for_details(Clients()).waits_for:
        return Pending(f"the details of {', '.join(missing)}")
    (wave_end.end_launch if launch_only else wave_end.end)()
    return None


def _end_of_start(store: ExecutionStore, document: ExecutionDocument, wave: Wave) -> Pending | None:
    """Nothing more is started: find what was, and fail what was not."""
    if wave["status"] == WaveStatus.POLLING:
        return None
    ref = WaveRef.of(wave)
    if wave.get("stage") is WaveStage.BEFORE_STEPS:
        missing = ", ".join(unproven(wave.get("steps", ()))) or "it was still waiting to begin"
        reason = f"its steps ended before its launch: {missing}"
        store.waves.fail(ref, reason)
        raise WaveFailedError(wave_label(wave), missing)
    if wave["status"] == WaveStatus.PENDING and (pending := _late_jobs(store, document, wave)):
        return pending
    trouble = last_trouble(wave.get("waitingFor"), wave.get("lastPollError"))
    reason = f"its steps ended before all of its jobs were started{trouble}"
    now, servers = store.get_wave(ref), store.get_servers(ref)
    if not any("jobId" in server for server in servers):
        store.waves.fail(ref, reason)
        raise WaveFailedError(wave_label(now), reason)
    unstarted = [one for part in awaited_parts(now, servers) for one in part.server_ids]
    failed = tuple(ServerSeen(one, phase=ServerPhase.FAILED, fields={"error": reason}) for one in unstarted)
    store.polls.record(ref, WavePoll(servers=failed, is_look=False))
    store.waves.start_polling(ref)
    return None


def _late_jobs(store: ExecutionStore, document: ExecutionDocument, wave: Wave) -> Pending | None:
    """Look for jobs whose answer was lost; the process that asked for one may live on for a moment."""
    number = wave["waveNumber"]
    deadline = deadline_of(plan_from_snapshot(document["planSnapshot"]).wave(number), wave)
    try:
        if record_late_jobs(store, document, wave):
            return None
    except AWS_ERRORS as error:
        if is_store_away(error):
            raise
        log.warning("wave %s: late jobs not found yet: %s", number, describe(error))
        if is_transient(error) and time.time() < deadline:
            return Pending(f"DRS did not return the jobs of wave {number}: {describe(error)}")
    waiting = wave.get("waitingFor")
    alive = max(attempt_began(wave), waiting["time"] if waiting else 0.0)
    if time.time() < alive + LATE_START_SECONDS:
        return Pending(f"a job of wave {number} may still turn up")
    return None
