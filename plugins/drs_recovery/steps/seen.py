"""What one try saw of a server, and what that of all servers comes to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from drs_recovery.statuses import StepStatus
from drs_recovery.steps.kind import Look, ServerResult

if TYPE_CHECKING:
    from drs_recovery.steps.kind import Recipient, StepRun

# Of servers that did not answer, so many are named.
_NAMED = 3


class Seen(NamedTuple):
    """What one try saw. :ivar final: whether another try could see nothing else."""

    ok: bool
    detail: str
    output: str = ""
    final: bool = False


def joined(run: StepRun, tried: Sequence[Seen]) -> Look:
    """One result of those of all servers."""
    pairs = list(zip(run.servers, tried, strict=True))
    ok = any(seen.ok for seen in tried) if run.any_server else all(seen.ok for seen in tried)
    shown = [(one, seen) for one, seen in pairs if seen.ok is ok]
    final = not ok and (all if run.any_server else any)(seen.final for seen in tried)
    outputs = list(dict.fromkeys(seen.output for _, seen in shown if seen.output))
    output = "\n".join(outputs if ok else outputs[:1])
    return Look(status_of(ok), _summary(shown), output, servers=_results(pairs), final=final)


def _results(pairs: Sequence[tuple[Recipient, Seen]]) -> tuple[ServerResult, ...]:
    return tuple(ServerResult(one.id, one.name, seen.ok, seen.detail) for one, seen in pairs)


def _summary(shown: Sequence[tuple[Recipient, Seen]]) -> str:
    named = [f"{one.name}: {seen.detail}" for one, seen in shown[:_NAMED]]
    more = [f"{len(shown) - _NAMED} more"] if len(shown) > _NAMED else []
    return "; ".join([*named, *more])


def status_of(ok: bool) -> StepStatus:
    """Of a try."""
    return StepStatus.SUCCEEDED if ok else StepStatus.FAILED
