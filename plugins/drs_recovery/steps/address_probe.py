"""What probes of addresses share: they look at each server side by side, and say what they saw."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

from pydantic import WithJsonSchema

from drs_recovery.statuses import StepStatus
from drs_recovery.steps.kind import DRILL, FAILBACK, RECOVERY, Look, ServerResult, StepKind
from drs_recovery.steps.reach import ProbeRefusedError, Reach

if TYPE_CHECKING:
    from drs_recovery.steps.kind import Recipient, StepRun

TRY_SECONDS = 10.0
"""For which one try waits for its answer."""

_SIDE_BY_SIDE = 16
# Of servers that did not answer, so many are named.
_NAMED = 3

Via = Annotated[Literal["worker"], WithJsonSchema({"const": "worker"})]


class Seen(NamedTuple):
    """What one try saw. :ivar final: whether another try could see nothing else."""

    ok: bool
    detail: str
    output: str = ""
    final: bool = False


class AddressProbe(StepKind):
    """Tries an address, or one of each server; all must answer in the same look."""

    is_probe = True
    takes_servers = True
    only = (DRILL, RECOVERY, FAILBACK)

    @abstractmethod
    def attempt(self, reach: Reach, arguments: Any, run: StepRun) -> Seen:
        """
        Try once.

        :param arguments: of the kind, with all placeholders filled in.
        :raises ProbeRefusedError: it must not go there.
        :raises OSError: no answer.
        """

    def look(self, run: StepRun) -> Look:
        """Try each server, or the one address."""
        reach = Reach.of(run)
        if not run.servers:
            seen = self._tried(reach, run.arguments, run)
            return Look(_status(seen.ok), seen.detail, seen.output, final=seen.final)
        with ThreadPoolExecutor(min(len(run.servers), _SIDE_BY_SIDE)) as threads:
            tried = list(threads.map(lambda one: self._tried(reach, one.arguments, run), run.servers))
        return joined(run, tried)

    def _tried(self, reach: Reach, arguments: Any, run: StepRun) -> Seen:
        try:
            return self.attempt(reach, arguments, run)
        except ProbeRefusedError as refused:
            return Seen(ok=False, detail=str(refused), final=True)
        except OSError as error:
            return Seen(ok=False, detail=in_words(error))


def joined(run: StepRun, tried: Sequence[Seen]) -> Look:
    """One result of those of all servers."""
    pairs = list(zip(run.servers, tried, strict=True))
    ok = any(seen.ok for seen in tried) if run.any_server else all(seen.ok for seen in tried)
    shown = [(one, seen) for one, seen in pairs if seen.ok is ok]
    final = not ok and (all if run.any_server else any)(seen.final for seen in tried)
    output = next((seen.output for _, seen in shown if seen.output), "")
    return Look(_status(ok), _summary(shown), output, servers=_results(pairs), final=final)


def _results(pairs: Sequence[tuple[Recipient, Seen]]) -> tuple[ServerResult, ...]:
    return tuple(ServerResult(one.id, one.name, seen.ok, seen.detail) for one, seen in pairs)


def _summary(shown: Sequence[tuple[Recipient, Seen]]) -> str:
    named = [f"{one.name}: {seen.detail}" for one, seen in shown[:_NAMED]]
    more = [f"{len(shown) - _NAMED} more"] if len(shown) > _NAMED else []
    return "; ".join([*named, *more])


def _status(ok: bool) -> StepStatus:  # what it says
    return StepStatus.SUCCEEDED if ok else StepStatus.FAILED


def in_words(error: OSError) -> str:
    """What kept an answer from coming, without the numbers of the operating system."""
    if isinstance(error, TimeoutError):
        return f"no answer within {TRY_SECONDS:.0f} s"
    return (error.strerror or str(error) or type(error).__name__).lower()
