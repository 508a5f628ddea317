"""Steps in the execution store: begun, looked at, asked about, ended; each transition with its event."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from drs_recovery.exceptions import StoreError, TransitionRefusedError
from drs_recovery.statuses import ExecutionStatus, StepDecision, StepStatus, WaveStage, WaveStatus
from drs_recovery.store.base import StoreBase
from drs_recovery.store.documents import public
from drs_recovery.store.first_forms import ENGINE, NewEvent
from drs_recovery.store.keys import step_key
from drs_recovery.store.rules import demand_live, seconds_between
from drs_recovery.store.step_rules import (
    ATTEMPT_FIELDS,
    BEFORE,
    LONGEST_OUTPUT,
    answered_gate,
    attempt_number,
    demand_steps_hold,
    has_failed,
    in_order,
    servers_field,
    shortened,
    step_subject,
)
from drs_recovery.store.step_types import StepSeen
from drs_recovery.store.transaction import (
    execution_growth,
    execution_update,
    record_update,
    retried_on_conflict,
)
from drs_recovery.store.values import limited, present

if TYPE_CHECKING:
    from drs_recovery.store.expressions import Item
    from drs_recovery.store.refs import StepRef
    from drs_recovery.store.step_types import StepQuestion, StepRecord

# What an answer makes of a manual step.
_MANUAL_ENDS: Mapping[StepDecision, StepStatus] = {
    StepDecision.DONE: StepStatus.SUCCEEDED,
    StepDecision.COULD_NOT: StepStatus.FAILED,
    StepDecision.TIMED_OUT: StepStatus.TIMED_OUT,
}


class Steps(StoreBase):
    """Every transition of a step."""

    def get(self, ref: StepRef) -> StepRecord:
        """
        Read a STEP record.

        :raises StoreError: there is none.
        """
        return cast("StepRecord", public(self._read(ref)[2]))

    def _read(self, ref: StepRef) -> tuple[Item, Item, Item]:
        """EXECUTION, WAVE and STEP of one moment."""
        execution, wave = self._read_together(ref.of_wave)
        step = self.table.get(step_key(*ref))
        if step is None:
            raise StoreError(f"execution {ref.execution_id} has no step {ref.side} {ref.number} of its wave")
        return execution, wave, step

    @retried_on_conflict
    def begin(
        self, ref: StepRef, asked_by: int = 0, *, again: bool = False, is_retry: bool = False
    ) -> StepRecord:
        """
        Begin an attempt at a step, unless one runs: before that, nothing may be started for it.

        :param asked_by: ``max_tries`` of its task, which grows with each clear: a step that succeeded runs
            again when it was cleared since.
        :param again: whether one that failed is to be attempted again.
        :param is_retry: whether that is one of the ``retries`` of the plan.
        :raises TransitionRefusedError: it has ended, one before it does not hold, or the wave is elsewhere.
        """
        execution, wave = self._read_together(ref.of_wave)
        steps = self._read_steps(ref.of_wave)
        step = next(one for one in steps if (one["side"], one["stepNumber"]) == (ref.side, ref.number))
        if step["status"].is_open:
            return cast("StepRecord", public(step))
        self._demand_can_begin(execution, wave, step, steps)
        cleared = step["status"] is StepStatus.SUCCEEDED and asked_by > step.get("askedBy", 0)
        if not (step["status"] is StepStatus.NOT_STARTED or cleared or (again and has_failed(step))):
            raise TransitionRefusedError(step_subject(step), step["status"], StepStatus.RUNNING)
        now = self._now()
        attempt = {"number": attempt_number(step) + 1, "startTime": now, "status": StepStatus.RUNNING}
        changes = {
            **dict.fromkeys(ATTEMPT_FIELDS),
            "status": StepStatus.RUNNING,
            "attempts": [*step["attempts"], attempt],
            "startTime": now,
            "askedBy": asked_by,
            "firstAttempt": step.get("firstAttempt", 1) if is_retry else attempt["number"],
            "gate": answered_gate(step),
        }
        event = NewEvent("STEP_STARTED", _detail(step, attempt=attempt["number"], cleared=cleared or None))
        update = record_update(step, changes)
        self._commit(event, [execution_update(execution, now, {}), update])
        return cast("StepRecord", public(update.after))

    def _demand_can_begin(self, execution: Item, wave: Item, step: Item, steps: Sequence[Item]) -> None:
        subject = step_subject(step)
        status = demand_live(execution, subject, StepStatus.RUNNING)
        if status is ExecutionStatus.CANCELLING:
            raise TransitionRefusedError(
                subject, f"part of an execution that is {status}", StepStatus.RUNNING
            )
        is_there = (
            wave["status"] is WaveStatus.PENDING and wave.get("stage") is WaveStage.BEFORE_STEPS
            if step["side"] == BEFORE
            else wave["status"] is WaveStatus.POLLING and wave.get("stage") is WaveStage.AFTER_STEPS
        )
        if not is_there:
            where = f"part of a wave that is {wave['status']} ({wave.get('stage', 'not begun')})"
            raise TransitionRefusedError(subject, where, StepStatus.RUNNING)
        earlier = [
            one
            for one in in_order(steps)
            if one["side"] == step["side"] and one["stepNumber"] < step["stepNumber"]
        ]
        demand_steps_hold(earlier, subject, "behind steps that do not hold", StepStatus.RUNNING)

    @retried_on_conflict
    def observe(self, ref: StepRef, attempt: int, seen: StepSeen) -> StepRecord:
        """
        Write down what a look saw, unless the attempt has ended; only what changed is written.

        :raises ExecutionNotFoundError, StoreError: there is no such step.
        """
        execution, _, step = self._read(ref)
        if attempt_number(step) != attempt or not step["status"].is_open:
            return cast("StepRecord", public(step))
        now = self._now()
        changes = {**_seen_changes(step, seen), "lastLookTime": now}
        update = record_update(step, changes)
        self.table.transact([execution_growth(execution, now, {}, {}), update])
        return cast("StepRecord", public(update.after))

    @retried_on_conflict
    def end(
        self,
        ref: StepRef,
        attempt: int,
        status: StepStatus,
        seen: StepSeen,
        error: str | None = None,
        actor: str = ENGINE,
    ) -> StepRecord:
        """
        End an attempt, once: what it ended with stands.

        :param error: why it did not succeed.
        """
        execution, _, step = self._read(ref)
        if attempt_number(step) != attempt or not step["status"].is_open:
            return cast("StepRecord", public(step))
        now = self._now()
        changes = {**_seen_changes(step, seen), **_end_changes(step, seen, status, error, now)}
        return self._end(
            execution, step, changes, NewEvent(f"STEP_{status}", _end_detail(step, changes), actor)
        )

    def _end(self, execution: Item, step: Item, changes: Item, event: NewEvent) -> StepRecord:
        update = record_update(step, changes)
        waiting = [key for key in execution.get("waitingSteps", ()) if key != step["recordKey"]]
        standing = self._standing_of_steps(execution, waiting)
        self._commit(event, [execution_update(execution, self._now(), standing), update])
        return cast("StepRecord", public(update.after))

    def _standing_of_steps(self, execution: Item, waiting: Sequence[str], asked: Item | None = None) -> Item:
        return self._standing(
            execution,
            execution["activeWaves"],
            execution["waitingGates"],
            waiting_steps=waiting,
            asked=asked,
        )

    @retried_on_conflict
    def ask(self, ref: StepRef, question: StepQuestion) -> StepRecord:
        """
        Record that people are asked; the execution is PAUSED if it waits for nothing but people.

        The question of this attempt that was asked before stands, but for its message, approvers and task
        until the first answer.

        :raises TransitionRefusedError: the step is not at this question, or the execution ends.
        """
        execution, _, step = self._read(ref)
        self._demand_can_ask(execution, step, question)
        known, attempt = step.get("gate") or {}, attempt_number(step)
        is_this_one = known.get("attempt") == attempt and bool(known.get("isFailure")) == question.is_failure
        if is_this_one and known["decision"] != StepDecision.WAITING:
            return cast("StepRecord", public(step))
        now = self._now()
        asked: Item = {"message": limited(question.message), "approvers": list(question.approvers)}
        asked["taskId"] = question.task_id
        opening = {
            "decision": StepDecision.WAITING,
            "attempt": attempt,
            "since": now,
            "deadline": question.deadline,
            **present({"isFailure": question.is_failure or None, "askedAfter": known.get("decidedTime")}),
        }
        gate = {**(known if is_this_one else opening), **asked}
        if is_this_one and gate == known and step["recordKey"] in execution.get("waitingSteps", ()):
            return cast("StepRecord", public(step))
        changes: Item = {"gate": gate, **({} if question.is_failure else {"status": StepStatus.WAITING})}
        update = record_update(step, changes)
        others = [key for key in execution.get("waitingSteps", ()) if key != step["recordKey"]]
        standing = self._standing_of_steps(execution, [*others, step["recordKey"]], update.after)
        event = NewEvent("STEP_ASKED", _detail(step, attempt=attempt, message=asked["message"]))
        self._commit(event, [execution_update(execution, now, standing), update])
        return cast("StepRecord", public(update.after))

    def _demand_can_ask(self, execution: Item, step: Item, question: StepQuestion) -> None:
        subject = step_subject(step)
        if demand_live(execution, subject, StepStatus.WAITING) is ExecutionStatus.CANCELLING:
            raise TransitionRefusedError(subject, "part of an execution that is ending", StepStatus.WAITING)
        is_at_it = has_failed(step) if question.is_failure else step["status"].is_open
        if not is_at_it:
            raise TransitionRefusedError(subject, step["status"], StepStatus.WAITING)

    @retried_on_conflict
    def decide(
        self,
        ref: StepRef,
        decision: StepDecision,
        actor: str,
        comment: str | None = None,
        decided_time: float | None = None,
    ) -> StepRecord:
        """
        Record the answer to a step's question; the first one stands, a later one changes nothing.

        The answer of a manual step is its end.

        :raises TransitionRefusedError: nothing is asked, or the execution has ended.
        """
        execution, _, step = self._read(ref)
        gate = step.get("gate")
        if gate and gate["decision"] != StepDecision.WAITING:
            return cast("StepRecord", public(step))
        demand_live(execution, step_subject(step), decision)
        if not gate:
            raise TransitionRefusedError(step_subject(step), "not asked about", decision)
        now = self._now()
        answered = {**gate, "decision": decision, "actor": actor, **present({"comment": comment})}
        answered["decidedTime"] = now if decided_time is None else decided_time
        changes: Item = {"gate": answered}
        if not gate.get("isFailure"):
            said = _WORDS[decision].format(actor) + (f": {comment}" if comment else "")
            status = _MANUAL_ENDS[decision]
            error = None if status is StepStatus.SUCCEEDED else said
            seen = StepSeen(detail=said)
            changes |= {**_seen_changes(step, seen), **_end_changes(step, seen, status, error, now)}
        detail = _detail(step, attempt=gate["attempt"], comment=comment)
        return self._end(execution, step, changes, NewEvent(f"STEP_ANSWER_{decision}", detail, actor))

    @retried_on_conflict
    def refuse_answer(
        self, ref: StepRef, actor: str, reason: str, answered_time: float | None = None
    ) -> None:
        """
        Record an answer that does not count; the question stays open.

        :param answered_time: when they answered; from now on only later answers count.
        """
        execution, _, step = self._read(ref)
        gate = {**step["gate"], **present({"askedAfter": answered_time})}
        event = NewEvent("STEP_ANSWER_REFUSED", _detail(step, reason=reason), actor)
        update = execution_update(execution, self._now(), {})
        self._commit(event, [update, record_update(step, {"gate": gate})])


_WORDS: Mapping[StepDecision, str] = {
    StepDecision.DONE: "done by {}",
    StepDecision.COULD_NOT: "could not be done, says {}",
    StepDecision.TIMED_OUT: "nobody answered in time",
}


def _detail(step: Item, **more: Any) -> Item:
    """What events say of a step."""
    about = {
        "wave": step["waveNumber"],
        "side": step["side"],
        "step": step["stepNumber"],
        "name": step["name"],
    }
    return {**about, **present(more)}


def _end_detail(step: Item, changes: Item) -> Item:
    return _detail(
        step, attempt=attempt_number(step), reason=changes.get("error") or changes.get("detail") or None
    )


def _seen_changes(step: Item, seen: StepSeen) -> Item:
    """Changes of a step by a look; external ids are kept in the attempt."""
    texts = {"detail": shortened(seen.detail), "output": shortened(seen.output, LONGEST_OUTPUT)}
    changes: Item = {name: text for name, text in texts.items() if text and text != step.get(name)}
    if seen.tries:
        changes["tries"] = seen.tries
    if (servers := servers_field(seen.servers, seen.failures)) and servers != step.get("servers"):
        changes["servers"] = servers
    problem = seen.problem and shortened(seen.problem)
    if problem != step.get("lastLookError"):
        changes["lastLookError"] = problem
    *earlier, newest = step["attempts"]
    ids = {**newest.get("externalIds", {}), **seen.external_ids}
    if ids and ids != newest.get("externalIds"):
        changes["attempts"] = [*earlier, {**newest, "externalIds": ids}]
    return changes


def _end_changes(step: Item, seen: StepSeen, status: StepStatus, error: str | None, now: float) -> Item:
    *earlier, newest = _seen_changes(step, seen).get("attempts") or step["attempts"]
    end = max(now, step["startTime"])
    told = error and shortened(error)
    return {
        "status": status,
        "endTime": end,
        "duration": seconds_between(step["startTime"], end),
        "error": told,
        "attempts": [*earlier, {**newest, "status": status, "endTime": end, **present({"error": told})}],
    }
