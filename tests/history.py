"""
A model of the life of an execution, made from its events alone.

It is written from the promises of the design, not from the store's code: what it refuses must never happen,
and what it comes to must be what the records say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

FINAL = frozenset({"COMPLETED", "PARTIAL_SUCCESS", "FAILED", "CANCELLED", "SKIPPED"})
_ACTIVE = frozenset({"PENDING", "POLLING"})
_ENDED_WAVES = frozenset({"COMPLETED", "FAILED", "CANCELLED", "SKIPPED"})

# What each end of a wave may follow.
_BEFORE_END = {
    "COMPLETED": frozenset({"POLLING"}),
    "FAILED": frozenset({"NOT_STARTED", "PENDING", "POLLING"}),
    "CANCELLED": frozenset({"NOT_STARTED", "PENDING", "POLLING"}),
    "SKIPPED": frozenset({"NOT_STARTED"}),
}

_FAILURE_DECISIONS = ("RETRY", "CONTINUE", "STOP", "TIMED_OUT")

# The end of instances, from the wish to the proof.
_TERMINATIONS = frozenset(
    {"TERMINATION_REQUESTED", "TERMINATION_JOB_STARTED", "TERMINATION_FAILED", "INSTANCES_TERMINATED"}
)

# They change nothing of the execution.
_REMARKS = frozenset(
    {"NOTIFICATION_FAILED", "METRIC_FAILED", "INSTANCES_SWEPT", "INSTANCE_FOUND_LATE", "DRILL_PREEMPTED"}
)

# A launched job is written down even after the end, and a deliberate retry reopens it.
_ALLOWED_AFTER_THE_END = (
    _TERMINATIONS | _REMARKS | {"JOB_STARTED", "JOB_ADOPTED", "EXECUTION_REOPENED", "EXECUTION_TAKEN_OVER"}
)


class IllegalHistoryError(AssertionError):
    """Something happened that must not."""


@dataclass
class WaveLife:
    """A wave as its events make it."""

    status: str = "NOT_STARTED"
    jobs: list[str] = field(default_factory=list)
    gate: str | None = None
    failure_gate: str | None = None
    attempt: int = 0
    queued_attempt: int = 0
    has_restarted: bool = True
    asked_attempt: int = 0


class ExecutionLife:
    """
    An execution as its events make it.

    :param waves: numbers of its waves.
    :param skipped: numbers of those that it was opened without.
    """

    def __init__(self, waves: Iterable[int], skipped: Iterable[int] = ()) -> None:
        self.waves = {number: WaveLife() for number in waves}
        for number in skipped:
            self.waves[number].status = "SKIPPED"
        self.end: str | None = None
        self.statuses = ["PENDING"]
        self._opened = self._admitted = self._begun = self._cancelling = self._has_error = False
        self._reconciling = self._terminating = self._terminated = False
        self._waiting: list[int] = []
        self._controller: str | None = None
        self._rules: Mapping[str, Callable[[str, Mapping[str, Any]], None]] = {
            "EXECUTION_OPENED": self._open,
            "EXECUTION_ADMITTED": self._admit,
            "PREFLIGHT": self._note,
            "POINTS_IN_TIME_CHOSEN": self._note,
            "EXECUTION_CANCELLING": self._cancel,
            "EXECUTION_RECONCILED": self._reconcile,
            "EXECUTION_TAKEN_OVER": self._take_over,
            "EXECUTION_REOPENED": self._reopen,
            "EXECUTION_ERROR": self._error,
            **{f"EXECUTION_{status}": self._finish for status in FINAL},
            "GATE_OPENED": self._open_gate,
            **{f"GATE_{decision}": self._decide for decision in ("APPROVED", "REJECTED", "TIMED_OUT")},
            **dict.fromkeys(("GATE_ANSWER_REFUSED", "GATE_UPDATED"), self._refuse_answer),
            "FAILURE_GATE_OPENED": self._open_failure_gate,
            "FAILURE_GATE_UPDATED": self._note,
            **{f"FAILURE_GATE_{decision}": self._decide_failure for decision in _FAILURE_DECISIONS},
            "WAVE_REQUESTED": self._request,
            "WAVE_QUEUED": self._queue,
            "JOB_STARTED": self._add_job,
            "JOB_ADOPTED": self._add_job,
            "WAVE_POLLING": self._begin_polling,
            **{f"WAVE_{status}": self._end_wave for status in _BEFORE_END},
            "WAVE_RETRY_REQUESTED": self._retry,
            "WAVE_RETRIED": self._restart,
            "WAVES_REOPENED": self._reopen_waves,
            **dict.fromkeys(_TERMINATIONS, self._terminate),
            **dict.fromkeys(_REMARKS, self._note),
        }

    @property
    def status(self) -> str:
        """Status of the execution."""
        if self.end or self._cancelling:
            return self.end or "CANCELLING"
        if self.active_waves:
            return "POLLING"
        if self._waiting:
            return "PAUSED"
        return "POLLING" if self._begun else "PENDING"

    @property
    def active_waves(self) -> list[int]:
        """Waves that were asked for and have not ended."""
        return [number for number, wave in self.waves.items() if wave.status in _ACTIVE]

    @property
    def completed_waves(self) -> int:
        """How many waves ended well."""
        return sum(wave.status == "COMPLETED" for wave in self.waves.values())

    def live(self, event: Mapping[str, Any]) -> None:
        """
        Let one event happen.

        :raises IllegalHistoryError: it must not, after what happened before it.
        """
        name = event["event"]
        _demand(name in self._rules, f"the model does not know {name}")
        _demand(self._opened != (name == "EXECUTION_OPENED"), f"{name} before the opening, or a second one")
        _demand(self.end is None or name in _ALLOWED_AFTER_THE_END, f"{name} after EXECUTION_{self.end}")
        _demand(bool(event["actor"]), f"{name} without an actor")
        self._rules[name](name, event["detail"])
        if self.status != self.statuses[-1]:
            self.statuses.append(self.status)

    def contradictions(self, document: Mapping[str, Any]) -> list[str]:
        """List where the records say something else than the events."""
        pairs = {
            "status": (self.status, document["status"]),
            "activeWaves": (self.active_waves, document["activeWaves"]),
            "waitingGates": (self._waiting, document["waitingGates"]),
            "completedWaves": (self.completed_waves, document["completedWaves"]),
            "instancesTerminated": (self._terminated, document["instancesTerminated"]),
        }
        for wave in document["waves"]:
            number = wave["waveNumber"]
            life = self.waves[number]
            decision = (wave.get("gate") or {}).get("decision")
            pairs[f"status of wave {number}"] = life.status, wave["status"]
            pairs[f"gate of wave {number}"] = life.gate, decision
            failure = (wave.get("failureGate") or {}).get("decision")
            pairs[f"failure gate of wave {number}"] = life.failure_gate, failure
            pairs[f"attempt of wave {number}"] = max(life.attempt, 1), wave.get("attempt", 1)
            jobs = [job["jobId"] for job in wave["jobs"]]
            pairs[f"jobs of wave {number}"] = sorted(life.jobs), sorted(jobs)
        return [
            f"{name}: {told} by the events, {written} in the record"
            for name, (told, written) in pairs.items()
            if told != written
        ]

    def _open(self, _name: str, _detail: Mapping[str, Any]) -> None:
        self._opened = True

    def _admit(self, _name: str, _detail: Mapping[str, Any]) -> None:
        _demand(not self._admitted, "admitted twice")
        self._admitted = True

    def _cancel(self, _name: str, _detail: Mapping[str, Any]) -> None:
        _demand(not self._cancelling, "cancelled twice")
        self._cancelling = True

    def _reconcile(self, _name: str, _detail: Mapping[str, Any]) -> None:
        _demand(not self._reconciling, "closed from outside twice")
        self._reconciling = True

    def _take_over(self, _name: str, detail: Mapping[str, Any]) -> None:
        _demand(self._controller in (None, detail["from"]), f"taken from {detail['from']}, which has it not")
        _demand(detail["from"] != detail["to"], "taken over by its own installation")
        self._controller = detail["to"]

    def _reopen(self, name: str, detail: Mapping[str, Any]) -> None:
        _demand(self.end is not None, "an execution that lives is reopened")
        _demand(not self._terminating, "reopened while its instances are being terminated")
        self.end = None
        self._retry(name, detail)

    def _retry(self, name: str, detail: Mapping[str, Any]) -> None:
        number, wave = self._wave(detail)
        _demand(wave.status in ("FAILED", "CANCELLED"), f"{name} of wave {number}, which is {wave.status}")
        _demand(wave.attempt > 0, f"{name} of wave {number}, which was never started")
        _demand(detail["attempt"] == wave.attempt + 1, f"attempt {detail['attempt']} after {wave.attempt}")
        wave.status, wave.attempt, wave.has_restarted = "PENDING", wave.attempt + 1, False
        self._stop_waiting(number)
        if wave.failure_gate == "WAITING":
            wave.failure_gate = "RETRY"
        if name == "EXECUTION_REOPENED" or self._cancelling:
            self._cancelling = self._has_error = self._reconciling = False

    def _restart(self, name: str, detail: Mapping[str, Any]) -> None:
        number, wave = self._wave(detail)
        _demand(not wave.has_restarted, f"attempt {wave.attempt} of wave {number} restarts twice")
        _demand(detail["attempt"] == wave.attempt, f"{name} of attempt {detail['attempt']}")
        wave.has_restarted = True

    def _reopen_waves(self, _name: str, detail: Mapping[str, Any]) -> None:
        for number in detail["waves"]:
            wave = self.waves[number]
            _demand(wave.attempt == 0, f"wave {number} was started and is to start for the first time")
            _demand(wave.status in ("SKIPPED", "CANCELLED"), f"wave {number} is {wave.status} and reopened")
            wave.status = "NOT_STARTED"

    def _terminate(self, name: str, _detail: Mapping[str, Any]) -> None:
        _demand(self.end is not None, f"{name} of an execution that lives")
        _demand(not self._terminated, f"{name} when everything is gone")
        _demand(self._terminating or name == "TERMINATION_REQUESTED", f"{name} that nobody asked for")
        self._terminating, self._terminated = True, name == "INSTANCES_TERMINATED"

    def _note(self, _name: str, _detail: Mapping[str, Any]) -> None:
        pass

    def _error(self, _name: str, _detail: Mapping[str, Any]) -> None:
        _demand(not self._has_error, "a second error")
        self._has_error = True

    def _finish(self, name: str, detail: Mapping[str, Any]) -> None:
        status = name.removeprefix("EXECUTION_")
        for number in detail.get("cancelledWaves", []):
            self._end_wave("WAVE_CANCELLED", {"wave": number})
        for number in detail.get("skippedWaves", []):
            self._end_wave("WAVE_SKIPPED", {"wave": number})
        open_waves = [number for number, wave in self.waves.items() if wave.status not in _ENDED_WAVES]
        _demand(not open_waves, f"{status} while waves {open_waves} are open")
        fine = all(wave.status in ("COMPLETED", "SKIPPED") for wave in self.waves.values())
        _demand(fine or status != "COMPLETED", "COMPLETED, and not every wave is")
        begun = [number for number, wave in self.waves.items() if wave.attempt or wave.gate]
        _demand(not begun or status != "SKIPPED", f"SKIPPED after waves {begun} had begun")
        _demand(self.completed_waves > 0 or status != "PARTIAL_SUCCESS", "PARTIAL_SUCCESS of nothing")
        self.end, self._waiting = status, []

    def _open_gate(self, _name: str, detail: Mapping[str, Any]) -> None:
        number, wave = self._wave(detail)
        _demand(not self._cancelling, "a gate of an execution that is being cancelled")
        _demand(wave.gate is None, f"the gate of wave {number} opens twice")
        _demand(wave.status in ("NOT_STARTED", "SKIPPED"), f"a gate before wave {number}, {wave.status}")
        wave.gate, self._begun = "WAITING", True
        self._waiting.append(number)

    def _decide(self, name: str, detail: Mapping[str, Any]) -> None:
        number, wave = self._wave(detail)
        _demand(wave.gate == "WAITING", f"{name} of wave {number}, whose gate is {wave.gate}")
        wave.gate = name.removeprefix("GATE_")
        self._stop_waiting(number)

    def _refuse_answer(self, _name: str, detail: Mapping[str, Any]) -> None:
        number, wave = self._wave(detail)
        _demand(wave.gate == "WAITING", f"an answer refused by wave {number}, whose gate is {wave.gate}")

    def _open_failure_gate(self, name: str, detail: Mapping[str, Any]) -> None:
        number, wave = self._wave(detail)
        _demand(not self._cancelling, "a question in an execution that is being cancelled")
        _demand(wave.status == "FAILED", f"{name} of wave {number}, which is {wave.status}")
        _demand(detail["attempt"] == max(wave.attempt, 1), f"{name} of attempt {detail['attempt']}")
        _demand(detail["attempt"] > wave.asked_attempt, f"{name} twice of attempt {detail['attempt']}")
        wave.failure_gate, wave.asked_attempt, self._begun = "WAITING", detail["attempt"], True
        self._waiting.append(number)

    def _decide_failure(self, name: str, detail: Mapping[str, Any]) -> None:
        number, wave = self._wave(detail)
        _demand(wave.failure_gate == "WAITING", f"{name} of wave {number}, which is {wave.failure_gate}")
        wave.failure_gate = name.removeprefix("FAILURE_GATE_")
        self._stop_waiting(number)

    def _request(self, _name: str, detail: Mapping[str, Any]) -> None:
        number, wave = self._wave(detail)
        _demand(not self._cancelling, f"wave {number} starts while the execution is being cancelled")
        _demand(wave.status == "NOT_STARTED", f"wave {number} starts and is {wave.status}")
        _demand(wave.gate in (None, "APPROVED"), f"wave {number} starts behind a gate that is {wave.gate}")
        wave.status, wave.attempt, self._begun = "PENDING", 1, True

    def _queue(self, name: str, detail: Mapping[str, Any]) -> None:
        number, wave = self._wave(detail)
        _demand(not self._cancelling, f"wave {number} waits for room while the execution is being cancelled")
        _demand(wave.status == "PENDING", f"{name} of wave {number}, which is {wave.status}")
        _demand(wave.queued_attempt < detail["attempt"] == wave.attempt, f"{name} twice in an attempt")
        wave.queued_attempt = detail["attempt"]

    def _add_job(self, name: str, detail: Mapping[str, Any]) -> None:
        number, wave = self._wave(detail)
        _demand(wave.status not in ("NOT_STARTED", "SKIPPED"), f"{name} of wave {number}, {wave.status}")
        _demand(detail["jobId"] not in wave.jobs, f"job {detail['jobId']} twice")
        _demand(detail["attempt"] <= wave.attempt, f"{name} of attempt {detail['attempt']} of wave {number}")
        wave.jobs.append(detail["jobId"])

    def _begin_polling(self, _name: str, detail: Mapping[str, Any]) -> None:
        number, wave = self._wave(detail)
        _demand(wave.status == "PENDING", f"wave {number} is polled and is {wave.status}")
        _demand(bool(wave.jobs), f"wave {number} is polled without a job")
        wave.status = "POLLING"

    def _end_wave(self, name: str, detail: Mapping[str, Any]) -> None:
        number, wave = self._wave(detail)
        status = name.removeprefix("WAVE_")
        _demand(wave.status in _BEFORE_END[status], f"wave {number}: {wave.status} becomes {status}")
        wave.status = status
        self._stop_waiting(number)

    def _wave(self, detail: Mapping[str, Any]) -> tuple[int, WaveLife]:
        return detail["wave"], self.waves[detail["wave"]]

    def _stop_waiting(self, number: int) -> None:
        self._waiting = [other for other in self._waiting if other != number]


def life_of(events: Iterable[Mapping[str, Any]], document: Mapping[str, Any]) -> ExecutionLife:
    """
    Live through the history of an execution.

    :param events: every event of it, oldest first.
    :param document: its document; only the numbers of its waves are taken from it, and which never ran.
    :raises IllegalHistoryError: one must not have happened; its text tells the history up to there.
    """
    events = list(events)
    numbers = [wave["waveNumber"] for wave in document["waves"]]
    skipped_later = {event["detail"]["wave"] for event in events if event["event"] == "WAVE_SKIPPED"}
    skipped = {wave["waveNumber"] for wave in document["waves"] if wave["status"] == "SKIPPED"}
    life = ExecutionLife(numbers, skipped - skipped_later)
    for number, event in enumerate(events, start=1):
        try:
            life.live(event)
        except IllegalHistoryError as error:
            raise IllegalHistoryError(f"{error}\n{told(events[:number])}") from None
    return life


def told(events: Iterable[Mapping[str, Any]]) -> str:
    """Events as lines for a person."""
    return "\n".join(
        f"  {event['time']:.3f} {event['event']} {dict(event['detail'])} by {event['actor']}"
        for event in events
    )


def _demand(holds: bool, what: str) -> None:
    if not holds:
        raise IllegalHistoryError(what)
