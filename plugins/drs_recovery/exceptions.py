"""
Every error this package raises on purpose.

::

    DrsRecoveryError
    ├── PlanError                    a plan file (or several) cannot be used; carries every problem
    ├── SettingError                 a setting of [drs_recovery] makes no sense
    ├── StoreError
    │   ├── ExecutionNotFoundError   no execution with that id
    │   ├── TransitionRefusedError   the record is in a state that forbids this change
    │   │   └── NewerRecordError     a newer release wrote the record
    │   └── StoreConflictError       other writers came first, again and again; nothing was written
    └── ExecutionError
        ├── ExecutionRefusedError    the execution may not start (bad parameter, unresolved group, live drill)
        ├── WaveRefusedError         a wave may not start (no approval, an unfinished dependency)
        │   └── ExecutionCancelledError   somebody asked to cancel the execution
        ├── WaveFailedError          servers of a wave failed; carries each server and its reason
        ├── JobStartError            DRS definitely refused to start a job
        ├── InstallationTakenError   another Airflow installation has claimed the name of this one
        ├── TerminationRefusedError  nothing may be terminated (live execution, wrong confirmation)
        └── TerminationFailedError   instances are left that should be gone; carries each and the reason

``NotStartedError`` stands apart: it says when to try again, and ends nothing.

No airflow and no boto3 here: the plan linter and the readers of the store use this module without them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

# Names in a plan can hold anything; none may forge a second line or reach a terminal as a command.
_BREAKS_A_LINE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


class DrsRecoveryError(Exception):
    """Base class: catch this to catch all that the package raises on purpose."""


@dataclass(frozen=True, order=True)
class PlanProblem:
    """
    One thing that is wrong in a plan file.

    :param place: path inside the document such as ``waves[1].servers[0]``; empty for the whole file.
    """

    file: str
    place: str
    message: str

    def __str__(self) -> str:
        """``file: place: message`` in one line, the one form in which users see a problem."""
        text = ": ".join(part for part in (self.file, self.place, self.message) if part)
        return _BREAKS_A_LINE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


class PlanError(DrsRecoveryError):
    """A plan cannot be used; the text has one line for each problem."""

    def __init__(self, problems: Sequence[PlanProblem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class SettingError(DrsRecoveryError, ValueError):
    """A setting of ``[drs_recovery]`` makes no sense; the text says which, and what was expected."""


class StoreError(DrsRecoveryError):
    """Base class of errors of the execution store."""


class ExecutionNotFoundError(StoreError):
    """The store has no execution with that id."""

    def __init__(self, execution_id: str) -> None:
        self.execution_id = execution_id
        super().__init__(f"there is no execution {execution_id} in the store")


class TransitionRefusedError(StoreError):
    """
    The record is in a state from which the asked change is not allowed; nothing was written.

    :param subject: what should have changed, such as ``wave 2``.
    """

    def __init__(self, subject: str, current: str, wanted: str) -> None:
        self.subject, self.current, self.wanted = subject, current, wanted
        super().__init__(f"{subject} is {current} and cannot become {wanted}")


class ForeignExecutionError(TransitionRefusedError):
    """Another Airflow installation runs the execution, and it alone changes it; nothing was written."""

    def __init__(self, execution_id: str, controller: str, installation: str) -> None:
        subject, current = f"execution {execution_id}", f"run by the Airflow installation {controller}"
        super().__init__(subject, current, f"changed by {installation}")


class NewerRecordError(TransitionRefusedError):
    """A newer release wrote the record, by rules that this one does not know; nothing was written."""

    def __init__(self, execution_id: str, reason: str) -> None:
        super().__init__(f"execution {execution_id}", "read-only here", f"changed: {reason}")


class StoreConflictError(StoreError):
    """
    Another writer changed the records between reading and writing; nothing was written.

    The store reads again and retries by itself; it lets this error out only when that did not help for long.
    """

    def __init__(self, record_keys: Sequence[str]) -> None:
        self.record_keys = tuple(record_keys)
        super().__init__(
            f"other writers changed {', '.join(self.record_keys) or 'the record'} at the same time"
        )


class ExecutionError(DrsRecoveryError):
    """Base class of errors that end a step of an execution."""


class ExecutionRefusedError(ExecutionError):
    """The execution may not start."""

    def __init__(self, findings: Sequence[str]) -> None:
        self.findings = tuple(findings)
        super().__init__("the execution may not start:\n" + "\n".join(f"- {finding}" for finding in findings))


class WaveRefusedError(ExecutionError):
    """A wave may not start: its gate has no recorded approval or a wave it depends on is not completed."""


class ExecutionCancelledError(WaveRefusedError):
    """Somebody asked to cancel the execution: its steps stop, its last one closes the record."""

    def __init__(self, actor: str, reason: str) -> None:
        self.actor, self.reason = actor, reason
        super().__init__(f"the execution was cancelled by {actor}: {reason}")


@dataclass(frozen=True)
class ServerFailure:
    """
    Why one server of a wave failed.

    :param reason: log event, DRS's ``rawError`` and what to do, as one sentence.
    """

    server_id: str
    name: str
    reason: str
    critical: bool

    def __str__(self) -> str:
        """``name (id): reason``."""
        kind = "" if self.critical else ", not critical"
        return f"{self.name} ({self.server_id}{kind}): {self.reason}"


class WaveFailedError(ExecutionError):
    """A wave did not reach its success condition."""

    def __init__(self, wave: str, reason: str, failures: Sequence[ServerFailure] = ()) -> None:
        self.wave, self.reason, self.failures = wave, reason, tuple(failures)
        lines = [f"wave {wave} failed: {reason}", *(f"- {failure}" for failure in failures)]
        super().__init__("\n".join(lines))


class InstancesInUseError(ExecutionError):
    """A launch would end instances of a real recovery."""

    def __init__(self, findings: Sequence[str]) -> None:
        self.findings = tuple(findings)
        lines = (f"- {finding}" for finding in findings)
        super().__init__(
            "instances of a real recovery are in use, and a launch would end them:\n" + "\n".join(lines)
        )


class JobStartError(ExecutionError):
    """DRS definitely refused StartRecovery, so that trying again cannot help."""


class InstallationTakenError(ExecutionError):
    """Another Airflow installation has claimed the name of this one, so owners of records are unclear."""

    def __init__(self, name: str, table: str, since: str) -> None:
        self.name = name
        super().__init__(
            f"nothing is done: another Airflow installation uses table {table} under the name {name!r} "
            f"since {since}. Give this one its own name ([drs_recovery] installation). If this is "
            f"that very installation with a new database, delete the record (installation:{name}, "
            "INSTALLATION) of the table"
        )


class AirflowApiError(DrsRecoveryError):
    """Airflow's REST API did not do what it was asked for."""

    def __init__(self, request: str, reason: str, status: int | None = None) -> None:
        self.status = status
        super().__init__(f"Airflow did not carry out {request}: {reason}")


class TerminationRefusedError(ExecutionError):
    """No instance is terminated: the request itself is wrong."""

    def __init__(self, findings: Sequence[str]) -> None:
        self.findings = tuple(findings)
        super().__init__("nothing is terminated:\n" + "\n".join(f"- {finding}" for finding in findings))


class TerminationFailedError(ExecutionError):
    """Instances that should be gone are left; the others are terminated all the same."""

    def __init__(self, failures: Sequence[str]) -> None:
        self.failures = tuple(failures)
        super().__init__("not terminated:\n" + "\n".join(f"- {failure}" for failure in failures))


class NotStartedError(Exception):
    """
    The job was not started, or not seen to be; trying again later may help.

    :param pause: seconds until the next try; None for the usual time between two looks.
    """

    def __init__(self, reason: str, pause: float | None) -> None:
        self.pause = pause
        super().__init__(reason)
