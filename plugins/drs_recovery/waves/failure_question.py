"""What people are asked after a wave failed whose plan says ``on_failure: ask``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drs_recovery.plan.model import RecoveryPlan
from drs_recovery.plan.parts import DEFAULT_GATE_TIMEOUT
from drs_recovery.store.facts import attempt_of
from drs_recovery.waves.judgement import failures_of, wave_label, wave_of
from drs_recovery.waves.questions import Question


def failure_question(document: Mapping[str, Any], plan: RecoveryPlan, number: int) -> Question:
    """
    Compose the question; who may answer a pause before the wave may answer this one too, for as long.

    :param document: the execution document.
    :param plan: the plan with which the execution was opened.
    :param number: of the failed wave, from 1.
    """
    wave, pause = wave_of(document, number), plan.wave(number).pause_before
    message = _message(wave)
    return Question(
        subject=f"{document['executionType']} of {document['planName']}: wave {wave_label(wave)} failed",
        message=message,
        body=_body(document, message),
        approvers=pause.approvers if pause else (),
        timeout=pause.timeout if pause else DEFAULT_GATE_TIMEOUT,
        continue_on_timeout=False,
        two_person=False,
    )


def _message(wave: Mapping[str, Any]) -> str:
    """The failed servers and why; a wave that failed without any says why itself."""
    failures = failures_of(wave["serverStatuses"])
    reasons = [f"- {failure}" for failure in failures] or [str(wave.get("statusReason"))]
    attempt = attempt_of(wave)
    count = f" (attempt {attempt})" if attempt > 1 else ""
    return "\n".join([f"Wave {wave_label(wave)} failed{count}:", *reasons])


def _body(document: Mapping[str, Any], message: str) -> str:
    """The message as a block of code, so that nothing in it is read as Markdown."""
    block = "\n".join(f"    {line}" for line in message.splitlines())
    return (
        f"{block}\n\n"
        "Retry starts a new DRS job for the failed servers alone; launched servers stay. "
        "Continue lets the waves that depend on this one start. Stop passes over them.\n\n"
        f"Execution `{document['executionId']}`, without an answer it stops.\n"
    )
