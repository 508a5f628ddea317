"""Decide as pure functions over STEP records: whether they hold, which are repeated, how they change."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from drs_recovery.exceptions import TransitionRefusedError
from drs_recovery.statuses import StepDecision, StepStatus
from drs_recovery.store.keys import step_key, step_order

if TYPE_CHECKING:
    from drs_recovery.store.expressions import Item
    from drs_recovery.store.facts import Record

BEFORE, AFTER = "before", "after"

LONGEST_OUTPUT = 4000
"""Characters of a step's output on record."""

_MOST_FAILURES = 20
_LONGEST_DETAIL = 1000

_FAILURES = frozenset({StepStatus.FAILED, StepStatus.TIMED_OUT, StepStatus.UNKNOWN})

# What a step has only from its newest attempt.
ATTEMPT_FIELDS = (
    "startTime",
    "endTime",
    "duration",
    "detail",
    "output",
    "error",
    "tries",
    "lastLookTime",
    "lastLookError",
    "servers",
)


def in_order(steps: Iterable[Item]) -> list[Item]:
    """STEP records in the order in which they run."""
    return sorted(steps, key=step_order)


def attempt_number(step: Record) -> int:
    """Number of a step's newest attempt, from 1; 0 before the first."""
    attempts = step["attempts"]
    return int(attempts[-1]["number"]) if attempts else 0


def has_failed(step: Record) -> bool:
    """Whether the newest attempt ended, and not well."""
    return step["status"] in _FAILURES


def gone_on(step: Record) -> bool:
    """Whether a person said to go on without it; what they said of an earlier attempt does not count."""
    gate = step.get("gate") or {}
    is_newest = gate.get("attempt") == attempt_number(step)
    return has_failed(step) and is_newest and gate.get("decision") == StepDecision.GO_ON


def step_waits(execution: Record, step: Record) -> bool:
    """Whether people are asked about a step now; the end of an execution closes a question unanswered."""
    key = step_key(step["executionId"], step["waveNumber"], step["side"], step["stepNumber"])
    is_open = (step.get("gate") or {}).get("decision") == StepDecision.WAITING
    return is_open and key.record_key in execution.get("waitingSteps", ())


def step_holds(step: Record) -> bool:
    """Whether what comes behind a step may start: it succeeded, was left out, or may fail."""
    if step["status"] in (StepStatus.SUCCEEDED, StepStatus.SKIPPED):
        return True
    return gone_on(step) or (has_failed(step) and step["onFailure"] == "continue")


def unproven(steps: Iterable[Record]) -> list[str]:
    """Steps that keep a wave from going on, in words."""
    return [f"{step_label(step)} is {step['status']}" for step in steps if not step_holds(step)]


def step_label(step: Record) -> str:
    """How messages name a step."""
    return f'step {step["side"]} {step["stepNumber"]} "{step["name"]}"'


def step_subject(step: Record) -> str:
    """How errors name a step."""
    return f"{step_label(step)} of wave {step['waveNumber']}"


def demand_steps_hold(steps: Iterable[Record], wave: str, current: str, wanted: str) -> None:
    """
    Refuse what needs steps that do not hold.

    :param wave: how errors name it.
    """
    if missing := unproven(steps):
        raise TransitionRefusedError(wave, f"{current}: {', '.join(missing)}", wanted)


def to_repeat(steps: Sequence[Item], *, is_relaunched: bool = False) -> list[Item]:
    """
    The steps that a new attempt at their wave repeats.

    Before-steps that hold are done. After-steps prove the instances: new ones are proven from the first step
    on, the same ones from the first step that does not hold.
    """
    before = [step for step in steps if step["side"] == BEFORE and not step_holds(step)]
    after = [step for step in in_order(steps) if step["side"] == AFTER]
    first = next((place for place, step in enumerate(after) if not step_holds(step)), len(after))
    repeated = [*([] if is_relaunched else before), *after[0 if is_relaunched else first :]]
    return [step for step in repeated if step["status"] not in (StepStatus.NOT_STARTED, StepStatus.SKIPPED)]


def reset_changes(step: Item) -> Item:
    """Changes of a step that is to run again; its attempts stay on record."""
    gate = answered_gate(step)
    return {"status": StepStatus.NOT_STARTED, "gate": gate, **dict.fromkeys(ATTEMPT_FIELDS)}


def answered_gate(step: Record) -> Item | None:
    """
    The question of an attempt that is over, if it was answered.

    It stays on record until the next one: Airflow keeps the answer, too, which is none to that.
    """
    gate: Item = step.get("gate") or {}
    return gate if gate and gate["decision"] != StepDecision.WAITING else None


def shortened(text: str, longest: int = _LONGEST_DETAIL) -> str:
    """A text as a step's record has room for it."""
    return text if len(text) <= longest else f"{text[: longest - 20]} [... shortened]"


def servers_field(total: int, failures: Sequence[tuple[str, str, str]]) -> Any:
    """``servers`` of a step; None if it acts on none."""
    if not total:
        return None
    named = [
        {"sourceServerId": server_id, "serverName": name, "detail": shortened(detail, 300)}
        for server_id, name, detail in failures[:_MOST_FAILURES]
    ]
    return {"total": total, "succeeded": total - len(failures), "failures": named}
