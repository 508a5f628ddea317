"""Which AWS calls the sandbox got, so that a test can ask what its subject really did."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from threading import Lock
from typing import Any

# Enough for an hour of a hundred calls a second; older calls stay in the counts only.
KEPT_CALLS = 360_000


@dataclass(frozen=True)
class Call:
    """
    One AWS call.

    :param time: when it came in, UTC, ISO-8601.
    :param service: signing name, such as ``drs``.
    :param operation: such as ``DescribeJobs``.
    :param region: the Region it was signed for.
    :param status: HTTP status, or ``reset`` for a connection that was closed without an answer.
    :param fault: kind of the fault that changed the answer, or None.
    :param principal: ARN of the role's session with whose key it was signed; None for all other keys.
    """

    time: str
    service: str
    operation: str
    region: str
    status: int | str
    fault: str | None = None
    principal: str | None = None


class CallLog:
    """The calls since the start or the last :meth:`clear`; safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self.clear()

    def clear(self) -> None:
        """Forget every call."""
        with self._lock:
            self._calls: deque[Call] = deque(maxlen=KEPT_CALLS)
            self._counts: Counter[str] = Counter()

    def record(self, call: Call) -> None:
        """Keep one call."""
        with self._lock:
            self._calls.append(call)
            self._counts[f"{call.service}.{call.operation}"] += 1

    def report(self, service: str | None = None, operation: str | None = None) -> dict[str, Any]:
        """
        Counts by ``service.operation`` and the calls in order.

        :param service: only calls of this service.
        :param operation: only calls of this operation.
        """
        with self._lock:
            calls = [asdict(call) for call in self._select(service, operation)]
            return {"counts": dict(self._counts), "calls": calls}

    def _select(self, service: str | None, operation: str | None) -> Iterator[Call]:
        for call in self._calls:
            if service in (None, call.service) and operation in (None, call.operation):
                yield call
