"""What a gate asks, and whom: the plan's pauses and the approval of a real recovery, as one question."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from drs_recovery.engine.judgement import wave_label
from drs_recovery.plan import Gate, RecoveryPlan
from drs_recovery.statuses import ExecutionType


@dataclass(frozen=True)
class Question:
    """
    One question to the approvers.

    :param subject: its headline.
    :param message: what to check before the answer.
    :param body: message and state of the execution, as Markdown.
    :param approvers: Airflow user ids; empty for everyone with the right to run the DAG.
    :param timeout: how long it stays open.
    :param continue_on_timeout: whether silence counts as approval.
    """

    subject: str
    message: str
    body: str
    approvers: tuple[str, ...]
    timeout: timedelta
    continue_on_timeout: bool


def question_of(document: Mapping[str, Any], plan: RecoveryPlan, number: int) -> Question:
    """
    Compose the question in front of a wave.

    A wave can have a pause of its own and the approval of a real recovery at once: then both messages are
    shown, and the approval decides who may answer and for how long.

    :param document: the execution document.
    :param plan: the plan with which the execution was opened.
    :param number: wave number, from 1.
    """
    wave = document["waves"][number - 1]
    gates = _gates(document, plan, number)
    message = " ".join(gate.message for gate in gates)
    return Question(
        subject=f"{document['executionType']} of {document['planName']}: start wave {wave_label(wave)}?",
        message=message,
        body=_body(document, message),
        approvers=next((gate.approvers for gate in gates if gate.approvers), ()),
        timeout=gates[0].timeout,
        continue_on_timeout=gates[0].on_timeout == "continue",
    )


def _gates(document: Mapping[str, Any], plan: RecoveryPlan, number: int) -> list[Gate]:
    real = document["executionType"] == ExecutionType.RECOVERY
    approval = plan.approval.recovery if real and number in plan.root_waves() else None
    return [gate for gate in (approval, plan.wave(number).pause_before) if gate is not None]


def _body(document: Mapping[str, Any], message: str) -> str:
    rows = "\n".join(
        f"| {wave['waveNumber']} | {_cell(wave['waveName'])} | {wave['status']} | "
        f"{wave['progress']['ready']} of {wave['progress']['totalServers']} |"
        for wave in document["waves"]
    )
    ticket = f" for ticket {document['ticket']}" if document.get("ticket") else ""
    return (
        f"{message}\n\n"
        f"Execution `{document['executionId']}`{ticket}, started by {document['initiatedBy']}.\n\n"
        f"| wave | name | status | servers ready |\n|---|---|---|---|\n{rows}\n"
    )


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
