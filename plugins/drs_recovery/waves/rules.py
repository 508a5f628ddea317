"""
Decide from the record whether a wave may start, what a failed wave means for others, and how a wave ended.

The state of a task says nothing: a person with edit rights can mark any task as success, and that must not
launch servers. A wave that is left out by choice passes on what it depends on itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from drs_recovery.durations import moment
from drs_recovery.exceptions import ExecutionCancelledError, ServerFailure, WaveFailedError, WaveRefusedError
from drs_recovery.statuses import (
    ExecutionStatus,
    ExecutionType,
    FailureDecision,
    GateDecision,
    ServerPhase,
    WaveStatus,
)
from drs_recovery.store import attempt_of, ended_as_planned, launch_began, unproven
from drs_recovery.waves import post_launch

if TYPE_CHECKING:
    from drs_recovery.plan import RecoveryPlan, SuccessRule
    from drs_recovery.plan import Wave as PlanWave
    from drs_recovery.store import (
        Execution,
        ExecutionDocument,
        PollError,
        ServerStatus,
        WaitingFor,
        Wave,
        WaveRecord,
    )


def wave_label(wave: WaveRecord) -> str:
    """``2 "Application"``: how messages name a wave."""
    return f'{wave["waveNumber"]} "{wave["waveName"]}"'


def wave_of(document: ExecutionDocument, number: int) -> Wave:
    """
    One wave of the execution.

    :raises WaveRefusedError: the execution was opened without this wave: the plan's graph changed meanwhile.
    """
    for wave in document["waves"]:
        if wave["waveNumber"] == number:
            return wave
    raise WaveRefusedError(
        f"the execution has no wave {number}: the plan file was changed after the execution was opened with "
        f"{len(document['waves'])} waves. Start a new execution to run the changed plan"
    )


def has_launched(server: ServerStatus) -> bool:
    """Whether a server launched and its required post-launch actions are done: only details are missing."""
    phase = server["phase"]
    actions_done = server.get("postLaunchActionsStatus") in post_launch.DONE
    return phase is ServerPhase.LAUNCHED or (phase is ServerPhase.POST_LAUNCH and actions_done)


def needs_no_more_polls(server: ServerStatus) -> bool:
    """Whether the server's job has nothing to add."""
    return has_launched(server) or server["phase"].is_end


def failures_of(servers: Sequence[ServerStatus]) -> tuple[ServerFailure, ...]:
    """The failed servers of a wave, from its SERVER records."""
    return tuple(
        ServerFailure(
            server_id=server["sourceServerId"],
            name=server["serverName"],
            reason=server.get("error") or "no reason is known",
            critical=bool(server["critical"]),
        )
        for server in servers
        if server["phase"] == ServerPhase.FAILED
    )


def shortfall(rule: SuccessRule, servers: Sequence[ServerStatus]) -> str | None:
    """
    Say why a wave is not a success, or None if it is.

    :param rule: the plan's ``success_when``.
    """
    failed = failures_of(servers)
    return rule.shortfall(
        total=len(servers), failed=len(failed), failed_critical=len([f for f in failed if f.critical])
    )


def last_trouble(waiting: WaitingFor | None, failed_look: PollError | None = None) -> str:
    """
    What a wave, or the opening of an execution, waited for until the end; goes behind another reason.

    :param waiting: ``waitingFor`` of the record.
    :param failed_look: ``lastPollError`` of a wave.
    """
    trouble = waiting or failed_look
    if trouble is None:
        return ""
    since = f" (since {moment(trouble['since'])})" if "since" in trouble else ""
    return f"; before that: {trouble['message']}{since}"


def check_dependencies(document: ExecutionDocument, plan: RecoveryPlan, number: int) -> None:
    """
    Demand that every wave before this one is completed, or failed and may.

    :raises WaveRefusedError: naming the one that is not.
    """
    for other in _waves_before(document, plan, number, _is_left_out):
        if not _lets_dependents_start(other, plan):
            raise WaveRefusedError(
                f"wave {wave_label(wave_of(document, number))} does not start: "
                f"it depends on wave {wave_label(other)}, which is {other['status']}"
            )


def blocked_by(document: ExecutionDocument, plan: RecoveryPlan, number: int) -> str | None:
    """Say which failure before a wave keeps it from ever starting, or None."""
    for other in _waves_before(document, plan, number, _has_not_run):
        if other["status"] == WaveStatus.FAILED and not _lets_dependents_start(other, plan):
            return f"it depends on wave {wave_label(other)}, which failed"
        if other["status"] == WaveStatus.SKIPPED:
            return f"it depends on wave {wave_label(other)}, which was skipped"
    return None


def _lets_dependents_start(wave: Wave, plan: RecoveryPlan) -> bool:
    if wave["status"] != WaveStatus.FAILED:
        return ended_as_planned(wave)
    return plan.wave(wave["waveNumber"]).on_failure == "continue" or _may_fail(wave)


def _may_fail(wave: Wave) -> bool:
    """Whether people said to go on without it; what they said of an earlier attempt does not count."""
    gate = wave.get("failureGate")
    return bool(
        gate and gate["decision"] == FailureDecision.CONTINUE and attempt_of(gate) == attempt_of(wave)
    )


def _waves_before(
    document: ExecutionDocument, plan: RecoveryPlan, number: int, passes_on: Callable[[Wave], bool]
) -> Iterator[Wave]:
    """The waves on which a wave depends; in place of one that passes on, those on which that one depends."""
    waiting, seen = list(plan.dependencies(number)), set[int]()
    while waiting:
        current = waiting.pop(0)
        if current in seen:
            continue
        seen.add(current)
        wave = wave_of(document, current)
        if passes_on(wave):
            waiting.extend(plan.dependencies(current))
        else:
            yield wave


def _is_left_out(wave: Wave) -> bool:
    return wave["status"] == WaveStatus.SKIPPED and ended_as_planned(wave)


def _has_not_run(wave: Wave) -> bool:
    return wave["status"] == WaveStatus.NOT_STARTED or _is_left_out(wave)


_REFUSING_GATES = frozenset({GateDecision.REJECTED, GateDecision.TIMED_OUT})


def refused_gate(document: ExecutionDocument) -> str | None:
    """Say which gate of the execution was not approved, by whom and why, or None."""
    wave = refusing_wave(document)
    if wave is None:
        return None
    gate = wave["gate"]
    comment = f": {gate['comment']}" if gate.get("comment") else ""
    return f"the gate of wave {wave_label(wave)} was {gate['decision']} by {gate.get('actor')}{comment}"


def refusing_wave(document: ExecutionDocument) -> Wave | None:
    """The wave whose gate was rejected or not answered in time, or None."""
    refusing = (wave for wave in document["waves"] if _decision(wave) in _REFUSING_GATES)
    return next(refusing, None)


def skip_reason(document: ExecutionDocument, number: int) -> str | None:
    """Say why this wave is passed over without being a failure, or None."""
    wave = wave_of(document, number)
    if wave["status"] == WaveStatus.SKIPPED:
        return str(wave.get("statusReason", "this wave is skipped"))
    return refused_gate(document)


def gate_is_asked(document: ExecutionDocument, plan: RecoveryPlan, number: int) -> bool:
    """
    Whether this execution has a question in front of this wave.

    A wave that was left out needs no pause, but the approval of a real recovery is asked at the plan's first
    waves even if they are left out: it is for the execution.
    """
    wave = wave_of(document, number)
    execution_type = document["executionType"]
    if document.get("dryRun") or not plan.needs_gate(number, execution_type):
        return False
    if wave["status"] != WaveStatus.SKIPPED:
        return True
    return execution_type is ExecutionType.RECOVERY and number in plan.root_waves()


def check_may_start(document: ExecutionDocument, plan: RecoveryPlan, number: int) -> None:
    """
    Demand what a wave needs before it launches anything.

    :raises WaveRefusedError: with what is missing and what to do.
    """
    label = wave_label(wave_of(document, number))
    check_admitted(document)
    check_not_ending(document)
    check_dependencies(document, plan, number)
    for gated in sorted({number, *plan.root_ancestors(number)}):
        if gate_is_asked(document, plan, gated):
            _check_gate(document, label, gated)


def check_steps_hold(wave: Wave, side: str) -> None:
    """
    Demand that the steps of one side of a wave hold, however their tasks got green.

    :raises WaveRefusedError: naming those that do not.
    """
    if missing := unproven(step for step in wave.get("steps", ()) if step["side"] == side):
        raise WaveRefusedError(
            f"wave {wave_label(wave)} does not go on: {', '.join(missing)}. Marking the task of a step as "
            "success does not make it one: clear that task"
        )


def check_admitted(execution: Execution) -> None:
    """
    Demand that ``open_execution`` found nothing against the execution, however its task got green.

    :raises WaveRefusedError: it did not, or has not come to an end.
    """
    if "admittedTime" not in execution:
        why = execution.get("error") or "open_execution has not come to its end"
        raise WaveRefusedError(f"nothing is started: the execution was not admitted: {why}")


def check_not_ending(execution: Execution) -> None:
    """
    Demand that the execution may still launch something.

    :raises ExecutionCancelledError: somebody asked to cancel it.
    :raises WaveRefusedError: it ends or is over.
    """
    check_not_cancelled(execution)
    status = execution["status"]
    if status is ExecutionStatus.CANCELLING or status.is_final:
        raise WaveRefusedError(f"nothing more is started: the execution is {status}")


def check_not_cancelled(execution: Execution) -> None:
    """
    Demand that nobody asked to cancel the execution.

    :raises ExecutionCancelledError: with who asked, and why.
    """
    if cancel := execution.get("cancel"):
        raise ExecutionCancelledError(cancel["actor"], cancel["reason"])


def _check_gate(document: ExecutionDocument, label: str, gated: int) -> None:
    gate_wave = wave_of(document, gated)
    if _decision(gate_wave) != GateDecision.APPROVED:
        raise WaveRefusedError(
            f"wave {label} does not start: the store has no approval of the gate of wave "
            f"{wave_label(gate_wave)}. Marking the gate's task as success does not approve it: "
            "clear the task and answer the question"
        )


def _decision(wave: WaveRecord) -> str | None:
    gate = wave.get("gate")
    return gate["decision"] if gate else None


def deadline_of(plan_wave: PlanWave, wave: WaveRecord) -> float:
    """
    Epoch seconds at which the time-out of a wave's attempt ends.

    It bounds first the wait for room in DRS, and then anew the launch: a wave that had to wait for others
    launches as slowly as any.
    """
    return launch_began(wave) + plan_wave.timeout.total_seconds()


def recorded_failure(wave: WaveRecord) -> WaveFailedError:
    """The failure that the record of an ended attempt holds, for a step that runs again after it."""
    return WaveFailedError(wave_label(wave), str(wave.get("statusReason")))
