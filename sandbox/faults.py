"""The faults that are switched on: checked when they come in, matched when something happens."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any

from sandbox.clock import SimulatedClock
from sandbox.fault_kinds import FAULT_KINDS, Family, FaultKind
from sandbox.fields import filled, unknown

Values = Mapping[str, Any]


class FaultRefusedError(ValueError):
    """A fault has an unknown kind or key, or a value that does not fit; the text lists what is known."""


@dataclass
class Allowance:
    """Calls that a throttled client may make: so many a second, and as many at once after a pause."""

    per_second: float
    left: float
    since: float

    def takes(self, now: float) -> bool:
        """Whether a call at a wall time is within it, and count it."""
        most = max(1.0, self.per_second)
        self.left = min(most, self.left + (now - self.since) * self.per_second)
        self.since = now
        if self.left < 1.0:
            return False
        self.left -= 1.0
        return True


@dataclass
class Fault:
    """
    A fault that is switched on.

    :param values: every field of the kind, defaults filled in.
    :param posted: wall time, seconds since 1970.
    """

    id: str
    kind: FaultKind
    values: Values
    posted: float
    matched: int = 0
    struck: int = 0
    allowance: Allowance | None = None

    def document(self) -> dict[str, Any]:
        """As the control API shows it."""
        given = {key: value for key, value in self.values.items() if value is not None}
        return {
            "id": self.id,
            "kind": self.kind.name,
            **given,
            "matched": self.matched,
            "struck": self.struck,
        }

    def applies_to(self, subject: Values) -> bool:
        """
        Whether every field that names a subject fits it.

        :param subject: field to a value, or to a collection of which one must fit.
        """
        return all(_fits(self.values.get(field), actual) for field, actual in subject.items())

    @property
    def is_spent(self) -> bool:
        """It has struck as often as it may."""
        times = self.values.get("times")
        return times is not None and self.struck >= times


class FaultBook:
    """Every fault that is switched on; safe to use from many threads."""

    def __init__(self, clock: Callable[[], SimulatedClock]) -> None:
        self._clock = clock
        self._lock = Lock()
        self._faults: list[Fault] = []
        self._numbers = 0

    def add(self, document: Any) -> Fault:
        """
        Switch a fault on.

        :param document: ``{"kind": …, field: value, …}``.
        :raises FaultRefusedError: when it does not fit the table.
        """
        return self.add_all([document])[0]

    def add_all(self, documents: Sequence[Any]) -> list[Fault]:
        """
        Switch several faults on: all of them, or none.

        :raises FaultRefusedError: when one does not fit the table.
        """
        accepted = [checked(document) for document in documents]
        posted = self._clock().wall()
        with self._lock:
            added = []
            for kind, values in accepted:
                self._numbers += 1
                rate = values.get("per_second")
                allowance = rate and Allowance(rate, max(1.0, rate), posted)
                added.append(Fault(f"fault-{self._numbers}", kind, values, posted, allowance=allowance))
            self._faults += added
        return added

    def documents(self) -> list[dict[str, Any]]:
        """Every fault, oldest first."""
        with self._lock:
            return [fault.document() for fault in self._faults]

    def clear(self) -> None:
        """Switch everything off."""
        with self._lock:
            self._faults.clear()

    def remove(self, fault_id: str) -> bool:
        """Switch one fault off; False when there is none with that id."""
        with self._lock:
            before = len(self._faults)
            self._faults = [fault for fault in self._faults if fault.id != fault_id]
            return len(self._faults) < before

    def standing(self, kind: str, **subject: Any) -> Values | None:
        """The newest READ fault of a kind that fits."""
        return next(reversed(self.all_standing(kind, **subject)), None)

    def all_standing(self, kind: str, **subject: Any) -> list[Values]:
        """The READ faults of a kind that fit, oldest first."""
        with self._lock:
            return [fault.values for fault in self._faults if _is(fault, kind, subject)]

    def strike(self, kinds: Collection[str], **subject: Any) -> dict[str, Values]:
        """
        Take the START or RUN faults that fit, and count them as struck.

        :param subject: such as ``server="s-…"``, or ``server=[…]`` for a whole job.
        :returns: kind to values.
        """
        struck: dict[str, Values] = {}
        with self._lock:
            for fault in self._faults:
                name = fault.kind.name
                if name in kinds and name not in struck and not fault.is_spent and fault.applies_to(subject):
                    fault.struck += 1
                    struck[name] = fault.values
        return struck

    def strike_call(self, service: str, operation: str, region: str) -> list[Fault]:
        """The CALL faults that change this call: delays first, then at most one other."""
        subject = {"service": service, "operation": operation, "region": region}
        delays: list[Fault] = []
        answers: list[Fault] = []
        with self._lock:
            for fault in self._faults:
                if fault.kind.family is Family.CALL and fault.applies_to(subject) and self._is_due(fault):
                    chosen = delays if fault.kind.name == "delay" else answers
                    if chosen is delays or not answers:
                        fault.struck += 1
                        chosen.append(fault)
        return delays + answers

    def _is_due(self, fault: Fault) -> bool:
        fault.matched += 1
        limit = fault.values["for_seconds"]
        if fault.is_spent or (limit is not None and self._clock().wall() - fault.posted > limit):
            return False
        if fault.allowance is not None and fault.allowance.takes(self._clock().wall()):
            return False
        turn = fault.matched - fault.values["after"]
        return bool(turn > 0 and turn % fault.values["every"] == 0)


def checked(document: Any) -> tuple[FaultKind, Values]:
    """
    Check a fault against the table.

    :returns: its kind, and every field with defaults filled in.
    :raises FaultRefusedError: naming what is wrong and what is known.
    """
    if not isinstance(document, Mapping):
        raise FaultRefusedError(f"a fault is an object with a kind, not {document!r}")
    kind = _kind_of(document.get("kind"))
    given = {key: value for key, value in document.items() if key != "kind"}
    values, problems = filled(kind.fields, given)
    if problems:
        raise FaultRefusedError(f"fault {kind.name}: " + "; ".join(problems))
    return kind, values


def _kind_of(name: Any) -> FaultKind:
    kind = FAULT_KINDS.get(name) if isinstance(name, str) else None
    if kind is None:
        raise FaultRefusedError(unknown("fault kind", str(name), FAULT_KINDS))
    return kind


def _is(fault: Fault, kind: str, subject: Values) -> bool:
    return fault.kind.name == kind and fault.applies_to(subject)


def _fits(wanted: Any, actual: Any) -> bool:
    if wanted is None:
        return True
    return wanted in actual if isinstance(actual, list) else wanted == actual
