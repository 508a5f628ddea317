"""The steps before and after the launch of a wave: how far each is, what was seen last, who answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from drs_recovery.durations import moment, words
from drs_recovery.plan import BEFORE, step_kinds
from drs_recovery.statuses import ACTIVE_WAVES, OPEN_STEPS, StepStatus, WaveStage, WaveStatus
from drs_recovery.store import has_failed
from drs_recovery.web.executions.gates import GateView, step_gate_of
from drs_recovery.web.shared import (
    WOULD_BE_DONE,
    Clock,
    Mark,
    Sentence,
    clock,
    compose,
    counted,
    cut,
    step_mark,
)

if TYPE_CHECKING:
    from drs_recovery.store import ExecutionDocument, StepRecord, StepServers, Wave

# Of each output; beside many steps there is less room.
_LONGEST_OUTPUT, _LONGEST_OF_MANY, _FEW_STEPS = 4_000, 500, 20
_LONGEST_TEXT, _LONGEST_SEEN = 1_000, 120


@dataclass(frozen=True)
class StepServerRow:
    """A server for which a step has not succeeded."""

    server_id: str
    name: str
    detail: str


@dataclass(frozen=True)
class StepView:
    """
    A step.

    :param kind: its key in the plan, such as ``http_probe``.
    :param title: what the kind does, in a sentence; empty of one that this version does not know.
    :param seen: what was seen last, such as ``HTTP 503 from 10.0.1.20, 14 tries in 10 min``.
    :param trouble: why it could not be looked at last time.
    :param attempts: how many there were.
    :param servers: such as ``3 of 4 servers``; None where it acts on none.
    :param more_failures: how many servers failed that are not among the failures.
    """

    side: str
    number: int
    name: str
    kind: str
    title: str
    mark: Mark
    seen: Sentence | None
    is_trouble: bool
    trouble: str | None
    attempts: int
    clock: Clock | None
    servers: str | None
    failures: tuple[StepServerRow, ...]
    more_failures: int
    output: str | None
    gate: GateView | None

    @property
    def is_before(self) -> bool:
        """Whether it runs before the launch."""
        return self.side == BEFORE


def step_views(document: ExecutionDocument, wave: Wave, as_of: float) -> tuple[StepView, ...]:
    """The steps of a wave, in the order in which they run."""
    many = sum(len(one.get("steps", ())) for one in document["waves"]) > _FEW_STEPS
    longest = _LONGEST_OF_MANY if many else _LONGEST_OUTPUT
    return tuple(_view(document, wave, step, as_of, longest) for step in wave.get("steps", ()))


def _view(document: ExecutionDocument, wave: Wave, step: StepRecord, as_of: float, longest: int) -> StepView:
    servers, kind = step.get("servers"), step_kinds().get(step["kind"])
    failures = servers["failures"] if servers else []
    return StepView(
        side=step["side"],
        number=step["stepNumber"],
        name=step["name"],
        kind=step["kind"],
        title=kind.title if kind else "",
        mark=_mark(wave, step),
        seen=_seen(wave, step, is_probe=bool(kind and kind.is_probe)),
        is_trouble=has_failed(step),
        trouble=cut(step["lastLookError"], _LONGEST_TEXT) if "lastLookError" in step else None,
        attempts=len(step["attempts"]),
        clock=clock(step["startTime"], step.get("endTime"), as_of) if "startTime" in step else None,
        servers=_servers(servers) if servers else None,
        failures=tuple(
            StepServerRow(one["sourceServerId"], one["serverName"], one["detail"]) for one in failures
        ),
        more_failures=servers["total"] - servers["succeeded"] - len(failures) if servers else 0,
        output=cut(step["output"], longest) if step.get("output") else None,
        gate=step_gate_of(document, step),
    )


def _mark(wave: Wave, step: StepRecord) -> Mark:
    left_out_alone = step["status"] == StepStatus.SKIPPED and wave["status"] != WaveStatus.SKIPPED
    return WOULD_BE_DONE if left_out_alone else step_mark(step["status"])


def _servers(servers: StepServers) -> str:
    return f"{servers['succeeded']} of {counted(servers['total'], 'server')}"


def _seen(wave: Wave, step: StepRecord, *, is_probe: bool) -> Sentence | None:
    """What was seen last, or why it failed; what the wave says, or a question, is not said again."""
    told = step.get("error") or step.get("detail")
    is_asked = "gate" in step and not step["gate"].get("isFailure")
    if not told or is_asked or wave["status"] == WaveStatus.SKIPPED:
        return None
    told = cut(told, _LONGEST_TEXT)
    if step["status"] not in OPEN_STEPS or "lastLookTime" not in step:
        return compose(told)
    return compose(f"{told}{_tries(step, is_probe=is_probe)}; last looked at ", step["lastLookTime"])


def _tries(step: StepRecord, *, is_probe: bool) -> str:
    if step.get("tries", 0) < 2:
        return ""
    looks = counted(step["tries"], *(("try", "tries") if is_probe else ("look",)))
    return f", {looks} in {words(step['lastLookTime'] - step['startTime'])}"


def steps_sentence(wave: Wave) -> str | None:
    """What a wave is at that waits or runs its steps, as the rest of a sentence; None if it is at neither."""
    side = _SIDES.get(wave.get("stage", "")) if wave["status"] in ACTIVE_WAVES else None
    if side is None:
        return None
    at = next((step for step in wave.get("steps", ()) if step["status"] in OPEN_STEPS), None)
    if at is None:
        waits = side == "before" and "waitUntil" in wave and not _has_begun(wave)
        return f"it waits until {moment(wave['waitUntil'])}" if waits else f"its steps {side} the launch run"
    does = "waits for an answer" if at["status"] == StepStatus.WAITING else "runs"
    seen = f": {cut(at['detail'], _LONGEST_SEEN)}" if does == "runs" and at.get("detail") else ""
    return f'step "{at["name"]}" {side} the launch {does}{seen}'


def _has_begun(wave: Wave) -> bool:
    return any(step["attempts"] for step in wave.get("steps", ()))


_SIDES: Mapping[str, str] = {WaveStage.BEFORE_STEPS: "before", WaveStage.AFTER_STEPS: "after"}
