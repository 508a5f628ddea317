"""
The status vocabulary, and the one table that says what each DRS state means.

No airflow and no boto3 here: engine, store, console and command line all read it. DRS sends states that its
API model does not know (``LAUNCH_END`` is one), so nothing here raises on an unknown value from AWS.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class ExecutionType(StrEnum):
    """What an execution is for; sent to DRS as ``isDrill``."""

    DRILL = "DRILL"
    RECOVERY = "RECOVERY"


class Priority(StrEnum):
    """How important a plan is beside others that want the same capacity in DRS, most important first."""

    CRITICAL = "critical"
    HIGH = "high"
    NORMAL = "normal"
    LOW = "low"


class ExecutionStatus(StrEnum):
    """Status of a whole execution; the last five are final."""

    PENDING = "PENDING"
    POLLING = "POLLING"
    PAUSED = "PAUSED"
    CANCELLING = "CANCELLING"
    COMPLETED = "COMPLETED"
    PARTIAL_SUCCESS = "PARTIAL_SUCCESS"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    SKIPPED = "SKIPPED"

    @property
    def is_final(self) -> bool:
        """A final status is never overwritten, except by a deliberate retry of a failed wave."""
        return not EXECUTION_TRANSITIONS[self]


class WaveStatus(StrEnum):
    """Status of one wave; the last four are final within one attempt."""

    NOT_STARTED = "NOT_STARTED"
    PENDING = "PENDING"
    POLLING = "POLLING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    SKIPPED = "SKIPPED"

    @property
    def is_final(self) -> bool:
        """A final wave changes no more, unless a new attempt begins."""
        return not WAVE_TRANSITIONS[self]

    @property
    def is_active(self) -> bool:
        """A start was requested and the wave has not ended."""
        return self in (WaveStatus.PENDING, WaveStatus.POLLING)


class SkipCause(StrEnum):
    """Why a wave is passed over: by choice, with its execution, or because one that it depends on failed."""

    NOT_CHOSEN = "NOT_CHOSEN"
    OTHER_TYPE = "OTHER_TYPE"
    DRY_RUN = "DRY_RUN"
    EXECUTION_SKIPPED = "EXECUTION_SKIPPED"
    DEPENDENCY = "DEPENDENCY"

    @property
    def is_choice(self) -> bool:
        """It was meant so: nothing went wrong, and what comes after the wave need not wait for it."""
        return self is not SkipCause.DEPENDENCY


class WaveStage(StrEnum):
    """What a running wave is at."""

    BEFORE_STEPS = "BEFORE_STEPS"
    LAUNCHING = "LAUNCHING"
    AFTER_STEPS = "AFTER_STEPS"


class StepStatus(StrEnum):
    """Status of a step before or after a wave; WAITING is for people, UNKNOWN an end that nobody saw."""

    NOT_STARTED = "NOT_STARTED"
    RUNNING = "RUNNING"
    WAITING = "WAITING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    TIMED_OUT = "TIMED_OUT"
    CANCELLED = "CANCELLED"
    SKIPPED = "SKIPPED"
    UNKNOWN = "UNKNOWN"

    @property
    def is_open(self) -> bool:
        """An attempt was begun and has not ended."""
        return self in (StepStatus.RUNNING, StepStatus.WAITING)


class StepDecision(StrEnum):
    """What a person said to a step; WAITING is the only one that still can change."""

    WAITING = "WAITING"
    DONE = "DONE"
    COULD_NOT = "COULD_NOT"
    RETRY = "RETRY"
    GO_ON = "GO_ON"
    STOP = "STOP"
    TIMED_OUT = "TIMED_OUT"


class GateDecision(StrEnum):
    """What came of a gate's question; WAITING is the only one that still can change."""

    WAITING = "WAITING"
    APPROVED = "APPROVED"
    REJECTED = "REJECTED"
    TIMED_OUT = "TIMED_OUT"


class FindingSeverity(StrEnum):
    """What a finding of the preflight means: an ERROR blocks the execution, a WARNING does not."""

    ERROR = "ERROR"
    WARNING = "WARNING"


class FailureDecision(StrEnum):
    """What people said to do about a failed wave; WAITING is the only one that still can change."""

    WAITING = "WAITING"
    RETRY = "RETRY"
    CONTINUE = "CONTINUE"
    STOP = "STOP"
    TIMED_OUT = "TIMED_OUT"


class ServerPhase(StrEnum):
    """How far one server has come, in this order; FAILED and TERMINATED are ends."""

    PENDING = "PENDING"
    SNAPSHOT = "SNAPSHOT"
    CONVERSION = "CONVERSION"
    LAUNCH = "LAUNCH"
    LAUNCHED = "LAUNCHED"
    POST_LAUNCH = "POST_LAUNCH"
    READY = "READY"
    FAILED = "FAILED"
    TERMINATED = "TERMINATED"

    @property
    def rank(self) -> int:
        """Position on the way; a poll never moves a server to a lower one."""
        return _PHASE_RANKS[self]

    @property
    def is_end(self) -> bool:
        """The server's part in the execution is over."""
        return self in (ServerPhase.READY, ServerPhase.FAILED, ServerPhase.TERMINATED)


_PHASE_RANKS = {phase: rank for rank, phase in enumerate(ServerPhase)}

_S, _W = ExecutionStatus, WaveStatus

EXECUTION_TRANSITIONS: Mapping[ExecutionStatus, frozenset[ExecutionStatus]] = MappingProxyType(
    {
        _S.PENDING: frozenset(set(_S) - {_S.PENDING}),
        # Only what has not begun can be skipped.
        _S.POLLING: frozenset(set(_S) - {_S.PENDING, _S.POLLING, _S.SKIPPED}),
        _S.PAUSED: frozenset(set(_S) - {_S.PENDING, _S.PAUSED, _S.SKIPPED}),
        _S.CANCELLING: frozenset({_S.COMPLETED, _S.PARTIAL_SUCCESS, _S.FAILED, _S.CANCELLED}),
        _S.COMPLETED: frozenset(),
        _S.PARTIAL_SUCCESS: frozenset(),
        _S.FAILED: frozenset(),
        _S.CANCELLED: frozenset(),
        _S.SKIPPED: frozenset(),
    }
)

WAVE_TRANSITIONS: Mapping[WaveStatus, frozenset[WaveStatus]] = MappingProxyType(
    {
        _W.NOT_STARTED: frozenset({_W.PENDING, _W.FAILED, _W.CANCELLED, _W.SKIPPED}),
        _W.PENDING: frozenset({_W.POLLING, _W.FAILED, _W.CANCELLED}),
        _W.POLLING: frozenset({_W.COMPLETED, _W.FAILED, _W.CANCELLED}),
        _W.COMPLETED: frozenset(),
        _W.FAILED: frozenset(),
        _W.CANCELLED: frozenset(),
        _W.SKIPPED: frozenset(),
    }
)

# What a wave can be retried from: each attempt ends once, and only a deliberate retry begins another one.
RETRYABLE_WAVES: frozenset[WaveStatus] = frozenset({_W.FAILED, _W.CANCELLED})

# For readers of records, in which a status of a later release is a plain text.
FINAL_EXECUTIONS: frozenset[str] = frozenset(status for status in _S if status.is_final)
ACTIVE_WAVES: frozenset[str] = frozenset(status for status in _W if status.is_active)
OPEN_STEPS: frozenset[str] = frozenset(status for status in StepStatus if status.is_open)
ENDED_SERVERS: frozenset[str] = frozenset(phase for phase in ServerPhase if phase.is_end)


class LaunchOutcome(StrEnum):
    """What a DRS ``launchStatus`` means for the judge of a wave."""

    RUNNING = "running"
    LAUNCHED = "launched"
    FAILED = "failed"


# Source: ``LaunchStatus`` in botocore's drs/2020-02-26 model. A TERMINATED server lost its instance again.
LAUNCH_OUTCOMES: Mapping[str, LaunchOutcome] = MappingProxyType(
    {
        "PENDING": LaunchOutcome.RUNNING,
        "IN_PROGRESS": LaunchOutcome.RUNNING,
        "LAUNCHED": LaunchOutcome.LAUNCHED,
        "FAILED": LaunchOutcome.FAILED,
        "TERMINATED": LaunchOutcome.FAILED,
    }
)


def launch_outcome(launch_status: str) -> LaunchOutcome:
    """
    Classify a ``launchStatus``; a value that AWS added later counts as still running.

    :param launch_status: as DRS sent it.
    """
    return LAUNCH_OUTCOMES.get(launch_status, LaunchOutcome.RUNNING)


# ``JobType`` of botocore's model.
TERMINATION_JOB = "TERMINATE"

JOB_PENDING = "PENDING"
JOB_STARTED = "STARTED"
JOB_COMPLETED = "COMPLETED"
# Ours, not AWS's: DRS took the job and never listed it, so that nothing is to be heard of it.
JOB_UNLISTED = "UNLISTED"

# Nothing more comes of a job in one of these states; one that AWS adds later counts as under way.
ENDED_JOBS: frozenset[str] = frozenset({JOB_COMPLETED, JOB_UNLISTED})


# Source: ``JobLogEvent`` in botocore's model, plus LAUNCH_END, which DRS sends although the model lacks it.
# Events that say nothing about how far a server is map to None. After SNAPSHOT_END and CONVERSION_END there
# is an idle gap of up to minutes until the next START; the server stays in the phase that ended.
LOG_EVENT_PHASES: Mapping[str, ServerPhase | None] = MappingProxyType(
    {
        "JOB_START": None,
        "SERVER_SKIPPED": None,
        "CLEANUP_START": None,
        "CLEANUP_END": None,
        "CLEANUP_FAIL": None,
        "SNAPSHOT_START": ServerPhase.SNAPSHOT,
        "SNAPSHOT_END": ServerPhase.SNAPSHOT,
        "SNAPSHOT_FAIL": ServerPhase.SNAPSHOT,
        "USING_PREVIOUS_SNAPSHOT": ServerPhase.SNAPSHOT,
        "USING_PREVIOUS_SNAPSHOT_FAILED": ServerPhase.SNAPSHOT,
        "CONVERSION_START": ServerPhase.CONVERSION,
        "CONVERSION_END": ServerPhase.CONVERSION,
        "CONVERSION_FAIL": ServerPhase.CONVERSION,
        "LAUNCH_START": ServerPhase.LAUNCH,
        "LAUNCH_END": ServerPhase.LAUNCH,
        "LAUNCH_FAILED": ServerPhase.LAUNCH,
        "JOB_CANCEL": None,
        "JOB_END": None,
        # Recovery of networks belongs to jobs that this project does not start.
        "DEPLOY_NETWORK_CONFIGURATION_START": None,
        "DEPLOY_NETWORK_CONFIGURATION_END": None,
        "DEPLOY_NETWORK_CONFIGURATION_FAILED": None,
        "UPDATE_NETWORK_CONFIGURATION_START": None,
        "UPDATE_NETWORK_CONFIGURATION_END": None,
        "UPDATE_NETWORK_CONFIGURATION_FAILED": None,
        "UPDATE_LAUNCH_TEMPLATE_START": None,
        "UPDATE_LAUNCH_TEMPLATE_END": None,
        "UPDATE_LAUNCH_TEMPLATE_FAILED": None,
        "NETWORK_RECOVERY_FAIL": None,
    }
)

# The events that explain why a server did not come up, most telling last.
FAULT_EVENTS: tuple[str, ...] = (
    "JOB_CANCEL",
    "CLEANUP_FAIL",
    "SERVER_SKIPPED",
    "SNAPSHOT_FAIL",
    "USING_PREVIOUS_SNAPSHOT_FAILED",
    "CONVERSION_FAIL",
    "LAUNCH_FAILED",
)


# What people can answer when they are asked about a failed wave: the options of Airflow's form.
RETRY, CONTINUE, STOP = "Retry the failed servers", "Continue with the next waves", "Stop"

FAILURE_ANSWERS: Mapping[str, FailureDecision] = {
    RETRY: FailureDecision.RETRY,
    CONTINUE: FailureDecision.CONTINUE,
    STOP: FailureDecision.STOP,
}

# The same of a manual step, and of a step that failed.
MANUAL_ANSWERS: Mapping[str, StepDecision] = {
    "Done": StepDecision.DONE,
    "Could not be done": StepDecision.COULD_NOT,
}
STEP_FAILURE_ANSWERS: Mapping[str, StepDecision] = {
    "Try again": StepDecision.RETRY,
    "Go on without it": StepDecision.GO_ON,
    "Stop": StepDecision.STOP,
}
