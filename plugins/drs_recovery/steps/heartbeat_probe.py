"""Read the time of the newest heartbeat in the recovered data: how much data is really lost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from drs_recovery.plan import Line, PlanModel
from drs_recovery.steps.address_probe import AddressProbe
from drs_recovery.steps.http_probe import KIND as HTTP_PROBE
from drs_recovery.steps.http_probe import HttpProbeArguments, answered, judged
from drs_recovery.steps.seen import Seen

if TYPE_CHECKING:
    from drs_recovery.steps.address_probe import Via
    from drs_recovery.steps.kind import StepRun
    from drs_recovery.steps.reach import Reach

# Clocks differ; a heartbeat from later than that was not written before the recovery.
_AHEAD_SECONDS = 300.0
# Of what is no time, so much is told.
_MOST_TOLD = 60


class HeartbeatProbeArguments(PlanModel):
    """Where the time is read, and how it is written."""

    http: HttpProbeArguments | None = Field(
        default=None, description="Keys of an http_probe, whose answer is the time alone."
    )
    ssm_command: Line | None = Field(
        default=None, description="Command that an instance runs, and whose output is the time alone."
    )
    format: Literal["iso8601", "epoch", "epoch_ms"] = Field(
        default="iso8601", description="How the time is written: ISO 8601, or (milli)seconds since 1970."
    )

    @property
    def via(self) -> Via:
        """From where it is read."""
        return "ssm" if self.http is None else self.http.via


class HeartbeatProbe(AddressProbe):
    """Expects a time, however old: the record says the age, and nothing else can know what is too old."""

    key = "heartbeat_probe"
    title = "Read the time of the newest heartbeat in the recovered data, for a measured RPO."
    arguments = HeartbeatProbeArguments

    def acts_per_server(self, arguments: Mapping[str, Any]) -> bool:
        """If the command runs on each server, or the request goes there."""
        asked = arguments.get("http")
        return not isinstance(asked, Mapping) or HTTP_PROBE.acts_per_server(asked)

    def problems(self, arguments: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], str]]:
        """One source; a command is code, into which no value is filled."""
        if (arguments.get("http") is None) == (arguments.get("ssm_command") is None):
            yield (), "give either http or ssm_command"
        if "{{" in str(arguments.get("ssm_command", "")):
            yield ("ssm_command",), "placeholders are values, never part of a command"
        if isinstance(asked := arguments.get("http"), Mapping):
            yield from ((("http", *keys), text) for keys, text in HTTP_PROBE.problems(asked))

    def attempt(self, reach: Reach, arguments: Any, run: StepRun) -> Seen:
        """Ask once."""
        answer = answered(reach, arguments.http, run)
        if isinstance(answer, Seen):
            return answer
        seen = judged(answer, arguments.http)
        return self._read(arguments, answer.body) if seen.ok else seen

    def script(self, arguments: Any, *, windows: bool) -> tuple[str, ...]:
        """The command, or the request."""
        if arguments.http is None:
            return (arguments.ssm_command,)
        return HTTP_PROBE.script(arguments.http, windows=windows)

    def script_seen(self, arguments: Any, output: str) -> Seen:
        """The time that it told."""
        if arguments.http is None:
            return self._read(arguments, output)
        seen = HTTP_PROBE.script_seen(arguments.http, output)
        return self._read(arguments, output.partition("\n")[2]) if seen.ok else seen

    def _read(self, arguments: Any, text: str) -> Seen:
        words, now = text.strip(), datetime.now(UTC)
        try:
            moment = _moment(words, arguments.format)
        except (ValueError, OverflowError, OSError):
            told = repr(words[:_MOST_TOLD])
            return Seen(ok=False, detail=f"{told} is no time of format {arguments.format}")
        if (moment - now).total_seconds() > _AHEAD_SECONDS:
            return Seen(ok=False, detail=f"the newest heartbeat is of the future: {moment.isoformat()}")
        stamp = moment.isoformat(timespec="seconds")
        return Seen(ok=True, detail=f"the newest heartbeat is of {stamp}", output=stamp)


def _moment(words: str, written: str) -> datetime:
    if written == "iso8601":
        moment = datetime.fromisoformat(words)
        if moment.tzinfo is None:
            raise ValueError("a time without a time zone is no moment")
        return moment.astimezone(UTC)
    return datetime.fromtimestamp(float(words) / (1000 if written == "epoch_ms" else 1), UTC)


KIND = HeartbeatProbe()
