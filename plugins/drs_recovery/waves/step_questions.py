"""Put the questions of steps: what a person is to do, and what to do about a step that failed."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from drs_recovery.plan import escaped, plan_from_snapshot
from drs_recovery.store import step_label
from drs_recovery.waves.questions import Question, message_values
from drs_recovery.waves.rules import wave_label, wave_of
from drs_recovery.waves.step_run import filled

if TYPE_CHECKING:
    from drs_recovery.store import ExecutionDocument, StepRef
    from drs_recovery.waves.step_life import StepLife


def step_question(
    document: ExecutionDocument, ref: StepRef, life: StepLife, *, is_failure: bool, timeout: timedelta
) -> Question:
    """Compose the question of a step; who may answer a gate of the wave may answer about a failure, too."""
    plan, wave = plan_from_snapshot(document["planSnapshot"]), wave_of(document, ref.wave)
    planned, record = life.planned, life.record
    if is_failure:
        pause = plan.wave(ref.wave).pause_before
        message = f"{step_label(record)} {record['status']}: {record.get('error', 'no reason is known')}"
        approvers = pause.approvers if pause else ()
        explained = "Go on takes a reason, and ends the execution as PARTIAL_SUCCESS at best."
    else:
        raw = planned.step.arguments.model_dump(mode="json")
        arguments = filled(planned, raw, message_values(document, plan, ref.wave))
        message, approvers, explained = arguments.message, arguments.approvers, ""
    subject = (
        f"{document['executionType']} of {document['planName']}: wave {wave_label(wave)}, {record['name']}"
    )
    return Question(
        subject=f"{subject} failed" if is_failure else subject,
        message=message,
        body=_body(document, message, explained),
        approvers=tuple(approvers),
        timeout=timeout,
        continue_on_timeout=False,
        two_person=False,
    )


def _body(document: ExecutionDocument, message: str, explained: str) -> str:
    """The message as a block of code, so that nothing in it is read as Markdown."""
    block = "\n".join(f"    {line}" for line in message.splitlines())
    ticket = f" for ticket {escaped(document['ticket'])}" if document.get("ticket") else ""
    return (
        f"{block}\n\n{explained}\n\n"
        f"Execution `{document['executionId']}`{ticket}, started by {escaped(document['initiatedBy'])}.\n"
    )
