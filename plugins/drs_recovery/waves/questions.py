"""Put the questions of gates and of failed waves: the text, the approvers, the deadline."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from drs_recovery.durations import moment, words
from drs_recovery.hooks import describe
from drs_recovery.plan import (
    DEFAULT_GATE_TIMEOUT,
    LATEST,
    PLAN_VALUES,
    Gate,
    RecoveryApproval,
    RecoveryPlan,
    Values,
    escaped,
    render_message,
)
from drs_recovery.statuses import ExecutionType, ServerPhase
from drs_recovery.store import attempt_of, data_times
from drs_recovery.waves.rules import failures_of, wave_label, wave_of

if TYPE_CHECKING:
    from drs_recovery.store import ExecutionDocument, Wave

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Question:
    """
    One question to the approvers.

    :param approvers: Airflow user ids; empty for everyone with the right to run the DAG.
    """

    subject: str
    message: str
    body: str
    approvers: tuple[str, ...]
    timeout: timedelta
    continue_on_timeout: bool
    two_person: bool


def question_of(document: ExecutionDocument, plan: RecoveryPlan, number: int) -> Question:
    """
    Compose the question in front of a wave.

    A wave can have a pause of its own and the approval of a real recovery at once: then both messages are
    shown, and the approval decides who may answer and for how long.
    """
    wave = document["waves"][number - 1]
    gates = _gates(document, plan, number)
    two_person = any(isinstance(gate, RecoveryApproval) and gate.two_person for gate in gates)
    values = message_values(document, plan, number)
    message = _message(document, gates, values, str, two_person=two_person)
    shown = _message(document, gates, values, escaped, two_person=two_person)
    return Question(
        subject=f"{document['executionType']} of {document['planName']}: start wave {wave_label(wave)}?",
        message=message,
        body=_body(document, shown),
        approvers=next((gate.approvers for gate in gates if gate.approvers), ()),
        timeout=gates[0].timeout,
        continue_on_timeout=gates[0].on_timeout == "continue",
        two_person=two_person,
    )


def message_values(document: ExecutionDocument, plan: RecoveryPlan, number: int) -> Values:
    """The results so far, by the names that messages of gates use."""
    execution = {
        "id": document["executionId"],
        "type": document["executionType"],
        "ticket": document.get("ticket"),
        "reason": document.get("reason"),
        "started_by": document["initiatedBy"],
    }
    waves = {wave["waveName"]: _wave_values(wave) for wave in document["waves"]}
    return Values(
        {
            "plan": Values({name: getattr(plan, name) for name in PLAN_VALUES}),
            "execution": Values(execution),
            "wave": waves[wave_of(document, number)["waveName"]],
            "waves": Values(waves),
        }
    )


def _wave_values(wave: Wave) -> Values:
    failed = [s["serverName"] for s in wave["serverStatuses"] if s["phase"] == ServerPhase.FAILED]
    return Values(
        {
            "number": wave["waveNumber"],
            "name": wave["waveName"],
            "status": wave["status"],
            "reason": wave.get("statusReason"),
            "servers_total": wave["progress"]["totalServers"],
            "servers_ready": wave["progress"]["ready"],
            "servers_failed": wave["progress"]["failed"],
            "failed_servers": ", ".join(failed),
        }
    )


def _message(
    document: ExecutionDocument,
    gates: Sequence[Gate],
    values: Values,
    written: Callable[[object], str],
    *,
    two_person: bool,
) -> str:
    parts = [_filled(gate.message, values, written) for gate in gates]
    if two_person:
        parts.append(
            f"The approval of a second person is needed: {written(document['initiatedBy'])} started it."
        )
    return " ".join(parts)


def _filled(message: str, values: Values, written: Callable[[object], str]) -> str:
    """A question that cannot be put nicely is put as it was written: a gate never fails of its message."""
    try:
        return render_message(message, values, written)
    except Exception as error:
        # Whoever wrote the plan can mend it, and no traceback through this program helps them.
        log.warning("the message of a gate cannot be filled in: %s: %s", describe(error), message)
        return message


def _gates(document: ExecutionDocument, plan: RecoveryPlan, number: int) -> list[Gate]:
    execution_type, pause = document["executionType"], plan.wave(number).pause_before
    real = execution_type == ExecutionType.RECOVERY
    approval = plan.approval.recovery if real and number in plan.root_waves() else None
    asked = pause if pause is not None and pause.is_for(execution_type) else None
    return [gate for gate in (approval, asked) if gate is not None]


def _body(document: ExecutionDocument, message: str) -> str:
    rows = "\n".join(
        f"| {wave['waveNumber']} | {escaped(wave['waveName'])} | {wave['status']} | "
        f"{wave['progress']['ready']} of {wave['progress']['totalServers']} |"
        for wave in document["waves"]
    )
    ticket = f" for ticket {escaped(document['ticket'])}" if document.get("ticket") else ""
    return (
        f"{message}\n\n"
        f"Execution `{document['executionId']}`{ticket}, started by {escaped(document['initiatedBy'])}.\n\n"
        f"{_data(document)}"
        f"| wave | name | status | servers ready |\n|---|---|---|---|\n{rows}\n"
    )


def _data(document: ExecutionDocument) -> str:
    """From when the data is, where somebody chose that."""
    servers = [server for wave in document["waves"] for server in wave["serverStatuses"]]
    chosen = [server for server in servers if "recoverySnapshotId" in server]
    times = data_times(chosen)
    if times is None:
        return ""
    span = f"{moment(times['oldest'])} to {moment(times['newest'])}, spread {words(times['spread'])}"
    wish = f"wish for all: {document['requestedPointInTime']}" if _is_time(document) else "chosen by server"
    latest = f"; {len(servers) - len(chosen)} from the latest data" if len(chosen) < len(servers) else ""
    return f"Data of {len(chosen)} of {len(servers)} servers: {span} ({wish}){latest}.\n\n"


def _is_time(document: ExecutionDocument) -> bool:
    wish = document.get("requestedPointInTime")
    return isinstance(wish, str) and wish != LATEST


def failure_question(document: ExecutionDocument, plan: RecoveryPlan, number: int) -> Question:
    """Compose the question; who may answer a pause before the wave may answer this one too, for as long."""
    wave, pause = wave_of(document, number), plan.wave(number).pause_before
    message = _failure_message(wave)
    return Question(
        subject=f"{document['executionType']} of {document['planName']}: wave {wave_label(wave)} failed",
        message=message,
        body=_failure_body(document, message),
        approvers=pause.approvers if pause else (),
        timeout=pause.timeout if pause else DEFAULT_GATE_TIMEOUT,
        continue_on_timeout=False,
        two_person=False,
    )


def _failure_message(wave: Wave) -> str:
    """The failed servers and why; a wave that failed without any says why itself."""
    failures = failures_of(wave["serverStatuses"])
    reasons = [f"- {failure}" for failure in failures] or [str(wave.get("statusReason"))]
    attempt = attempt_of(wave)
    count = f" (attempt {attempt})" if attempt > 1 else ""
    return "\n".join([f"Wave {wave_label(wave)} failed{count}:", *reasons])


def _failure_body(document: ExecutionDocument, message: str) -> str:
    """The message as a block of code, so that nothing in it is read as Markdown."""
    block = "\n".join(f"    {line}" for line in message.splitlines())
    return (
        f"{block}\n\n"
        "Retry starts a new DRS job for the failed servers alone; launched servers stay. "
        "Continue lets the waves that depend on this one start. Stop passes over them.\n\n"
        f"Execution `{document['executionId']}`, without an answer it stops.\n"
    )
