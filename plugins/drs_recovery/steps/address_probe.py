"""What probes of addresses share: they look at each server side by side, and say what they saw."""

from __future__ import annotations

from abc import abstractmethod
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Literal

from drs_recovery.steps.kind import DRILL, FAILBACK, RECOVERY, Look, StepKind
from drs_recovery.steps.on_instance import OnInstances
from drs_recovery.steps.reach import ProbeRefusedError, Reach
from drs_recovery.steps.seen import Seen, joined, status_of

if TYPE_CHECKING:
    from drs_recovery.steps.kind import StepRun

TRY_SECONDS = 10.0
"""For which one try waits for its answer."""

_SIDE_BY_SIDE = 16

Via = Literal["worker", "ssm"]


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

    @abstractmethod
    def script(self, arguments: Any, *, windows: bool) -> tuple[str, ...]:
        """Lines that try once on an instance: of a shell, or of PowerShell."""

    @abstractmethod
    def script_seen(self, arguments: Any, output: str) -> Seen:
        """What the output of a script that ended well means."""

    def look(self, run: StepRun) -> Look:
        """Try each server, or the one address; on the instances themselves if the plan says so."""
        if run.servers and run.servers[0].arguments.via == "ssm":
            return OnInstances(self.script, self.script_seen).look(run)
        reach = Reach.of(run)
        if not run.servers:
            seen = self._tried(reach, run.arguments, run)
            return Look(status_of(seen.ok), seen.detail, seen.output, final=seen.final)
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


def in_words(error: OSError) -> str:
    """What kept an answer from coming, without the numbers of the operating system."""
    if isinstance(error, TimeoutError):
        return f"no answer within {TRY_SECONDS:.0f} s"
    return (error.strerror or str(error) or type(error).__name__).lower()
