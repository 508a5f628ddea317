"""Show questions, and beside the buttons what the approver must know; or who answered what."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import ValidationError

from drs_recovery.durations import words
from drs_recovery.event_labels import in_words
from drs_recovery.plan import plan_from_snapshot
from drs_recovery.statuses import (
    FailureDecision,
    FindingSeverity,
    GateDecision,
    StepDecision,
    WaveStatus,
)
from drs_recovery.store import AnyGate, Question, ServerStatus, StepRecord, Wave, step_label
from drs_recovery.web.allowed_actions import StepPlace, open_failure_gate, open_gate, open_step_gate
from drs_recovery.web.executions.points_in_time import data_sentence
from drs_recovery.web.executions.times import objectives_of
from drs_recovery.web.shared import (
    Mark,
    Sentence,
    Timestamp,
    compose,
    counted,
    decision_mark,
    listed,
    opening,
    severity_mark,
    wave_title,
)

if TYPE_CHECKING:
    from drs_recovery.store import Event, ExecutionDocument, Paused, PreflightFinding

# Everything that can happen to a question.
_ANSWERS = {
    "GATE_ANSWER_REFUSED",
    *(f"GATE_{decision}" for decision in GateDecision if decision is not GateDecision.WAITING),
    *(f"FAILURE_GATE_{decision}" for decision in FailureDecision if decision is not FailureDecision.WAITING),
    "STEP_ANSWER_REFUSED",
    *(f"STEP_ANSWER_{decision}" for decision in StepDecision if decision is not StepDecision.WAITING),
}


@dataclass(frozen=True)
class GateAnswer:
    """Something that happened to a question, such as ``Wave 2 approved``."""

    time: Timestamp
    actor: str
    what: str
    comment: str | None


@dataclass(frozen=True)
class GateView:
    """A question with its title, such as ``Approval before wave 2`` or ``What to do about wave 2``."""

    title: str
    question: str
    decision: Mark
    is_open: bool
    needs_second_person: bool
    comment: str | None
    sentence: Sentence


def gate_of(document: ExecutionDocument, wave: Wave) -> GateView | None:
    """The question before a wave; None if there is none, or it was not asked yet."""
    gate = wave.get("gate")
    return _view(gate, _approval(wave), open_gate(document, wave) is not None) if gate else None


def failure_gate_of(document: ExecutionDocument, wave: Wave) -> GateView | None:
    """The newest question about the failure of a wave; None if nobody was asked."""
    gate = wave.get("failureGate")
    return _view(gate, _decision(wave), open_failure_gate(document, wave) is not None) if gate else None


def step_gate_of(document: ExecutionDocument, step: StepRecord) -> GateView | None:
    """The newest question of a step; None if nobody was asked."""
    gate = step.get("gate")
    return _view(gate, _deed(step), open_step_gate(document, step) is not None) if gate else None


def _deed(step: StepRecord) -> str:
    is_failure = step["gate"].get("isFailure")
    return f"What to do about {step['name']}, which failed" if is_failure else f"To be done: {step['name']}"


def _approval(wave: Wave) -> str:
    return f"Approval before {wave_title(wave)}"


def _decision(wave: Wave) -> str:
    return f"What to do about {wave_title(wave)}, which failed"


def answers_to(events: Iterable[Event], number: int) -> tuple[GateAnswer, ...]:
    """Everything that happened to the questions of a wave, oldest first."""
    return tuple(
        GateAnswer(
            time=Timestamp.at(event["time"]),
            actor=event["actor"],
            what=in_words(event)[0],
            comment=": ".join(filter(None, map(event["detail"].get, ("reason", "comment")))) or None,
        )
        for event in events
        if event["event"] in _ANSWERS and event["detail"].get("wave") == number
    )


def approvers_of(question: Question | Paused) -> str:
    """Who may answer a question, such as ``dba-lead or dr-lead``."""
    return listed(list(map(str, question.get("approvers") or ())), "or") or "anyone who may run the plan"


def _view(gate: AnyGate, title: str, is_open: bool) -> GateView:
    return GateView(
        title=title,
        question=gate["message"],
        decision=decision_mark(gate["decision"]),
        is_open=is_open,
        needs_second_person=bool(gate.get("twoPerson")),
        comment=gate.get("comment"),
        sentence=_sentence(gate, is_open),
    )


def _sentence(gate: AnyGate, is_open: bool) -> Sentence:
    asked = compose("asked ", gate["since"])
    if "actor" in gate:
        when = compose(", ", gate["decidedTime"]) if "decidedTime" in gate else compose()
        return compose(f"{decision_mark(gate['decision']).word} by {gate['actor']}", when, "; ", asked)
    if not is_open:
        return compose("Not answered before the execution ended; ", asked)
    until = compose(", until ", gate["deadline"]) if "deadline" in gate else compose()
    return compose(f"Waits for {approvers_of(gate)}", until, "; ", asked)


_MOST_WARNINGS = 5


@dataclass(frozen=True)
class BriefingRow:
    """One thing to know."""

    label: str
    lines: tuple[Sentence, ...]
    mark: Mark | None = None


@dataclass(frozen=True)
class Briefing:
    """What an approver must know before answering a question."""

    wave: int
    title: str
    question: str
    rows: tuple[BriefingRow, ...]
    place: StepPlace | None = None


def briefings_of(document: ExecutionDocument, as_of: float) -> tuple[Briefing, ...]:
    """What is to be known about every question that waits."""
    found: list[Briefing] = []
    for wave in document["waves"]:
        if briefing := briefing_of(document, wave, as_of):
            found.append(briefing)
        asking = (step for step in wave.get("steps", ()) if open_step_gate(document, step))
        found.extend(_step_briefing(document, wave, step, as_of) for step in asking)
    return tuple(found)


def _step_briefing(document: ExecutionDocument, wave: Wave, step: StepRecord, as_of: float) -> Briefing:
    place = StepPlace(step["side"], step["stepNumber"])
    where = compose(f"{opening(step_label(step))} of {wave_title(wave)}")
    rows = (*_origin(document), BriefingRow("Step", (where,)), _outlook(document, as_of))
    return Briefing(wave["waveNumber"], _deed(step), step["gate"]["message"], rows, place)


def briefing_of(document: ExecutionDocument, wave: Wave, as_of: float) -> Briefing | None:
    """What is to be known about the question of a wave; None if none waits."""
    approval = open_gate(document, wave)
    gate = approval or open_failure_gate(document, wave)
    if gate is None:
        return None
    dependents = _dependent_waves(document, wave)
    concerned = [wave, *dependents]
    rows = (
        *_origin(document),
        _warnings(document, concerned),
        *_data(document, concerned),
        _outlook(document, as_of),
        BriefingRow("What follows", (_consequence(document, wave, dependents),)),
    )
    title = _approval(wave) if approval else _decision(wave)
    return Briefing(wave["waveNumber"], title, gate["message"], rows)


def _origin(document: ExecutionDocument) -> Iterator[BriefingRow]:
    yield BriefingRow("Started by", (compose(document["initiatedBy"], ", ", document["submittedTime"]),))
    for label, text in (("Ticket", document.get("ticket")), ("Reason", document.get("reason"))):
        yield BriefingRow(label, (compose(text or "none was given"),))


def _dependent_waves(document: ExecutionDocument, wave: Wave) -> list[Wave]:
    """The waves that come after a wave, directly or not, and are to run."""
    reached, found = {wave["waveNumber"]}, dict[int, Wave]()
    for _ in document["waves"]:
        for other in document["waves"]:
            if reached.intersection(other["dependsOn"]):
                reached.add(other["waveNumber"])
                if other["status"] == WaveStatus.NOT_STARTED:
                    found[other["waveNumber"]] = other
    found.pop(wave["waveNumber"], None)
    return [found[number] for number in sorted(found)]


def _warnings(document: ExecutionDocument, concerned: list[Wave]) -> BriefingRow:
    findings = document.get("findings")
    if findings is None:
        return BriefingRow("Checks", (compose("not known: the record does not say what the checks found"),))
    numbers = {None, *(wave["waveNumber"] for wave in concerned)}
    mine = [one for one in findings if one.get("waveNumber") in numbers]
    if not mine:
        other = f"; {counted(len(findings), 'finding')} about other waves" if findings else ""
        return BriefingRow("Checks", (compose(f"nothing was found{other}"),))
    lines = [compose(_finding(one)) for one in mine[:_MOST_WARNINGS]]
    if len(mine) > len(lines):
        lines.append(compose(f"and {len(mine) - len(lines)} more, see the checks below"))
    worst = any(one["severity"] == FindingSeverity.ERROR for one in mine)
    mark = severity_mark(FindingSeverity.ERROR if worst else FindingSeverity.WARNING)
    return BriefingRow("Checks", tuple(lines), mark)


def _finding(finding: PreflightFinding) -> str:
    server = finding.get("serverName") or finding.get("sourceServerId")
    return f"{f'{server}: ' if server else ''}{finding['what']}: {finding['remedy']}"


def _data(document: ExecutionDocument, concerned: list[Wave]) -> Iterator[BriefingRow]:
    """From when the data will be: of chosen snapshots, and how far behind the latest data is."""
    servers = [server for wave in concerned for server in wave["serverStatuses"]]
    chosen = [server for server in servers if "recoverySnapshotId" in server]
    if points := data_sentence(document, chosen):
        yield BriefingRow("Point in time", (points,))
    if len(chosen) < len(servers) or not servers:
        latest = [server for server in servers if "recoverySnapshotId" not in server]
        yield BriefingRow("Age of the data", (_age(document, latest),))


def _age(document: ExecutionDocument, servers: list[ServerStatus]) -> Sentence:
    lags = [float(server["replicationLag"]) for server in servers if server.get("replicationLag") is not None]
    if not lags:
        return compose("not known: the record does not say how far the replication was behind")
    unknown = len(servers) - len(lags)
    rest = f"; not known of {counted(unknown, 'server')}" if unknown else ""
    rpo = document["objectives"].get("rpo")
    limit = "" if rpo is None else f", {'more than' if max(lags) > rpo else 'within'} the RPO of {words(rpo)}"
    checked = document.get("admittedTime", document["submittedTime"])
    return compose(f"at most {words(max(lags))} behind the source when checked, ", checked, f"{limit}{rest}")


def _outlook(document: ExecutionDocument, as_of: float) -> BriefingRow:
    rto = objectives_of(document, as_of)[0]
    if not rto.target:
        return BriefingRow("RTO outlook", (compose("the plan has no recovery time objective"),))
    return BriefingRow("RTO outlook", (rto.sentence,), rto.mark)


def _consequence(document: ExecutionDocument, wave: Wave, dependents: list[Wave]) -> Sentence:
    launching = [wave, *dependents]
    servers = sum(len(one["serverStatuses"]) for one in launching)
    waves = "this wave" if not dependents else counted(len(launching), "wave")
    return compose(f"{counted(servers, 'server')} in {waves}; {_further_gates(document, dependents)}")


def _further_gates(document: ExecutionDocument, dependents: list[Wave]) -> str:
    """Which of the waves ask for an approval of their own."""
    if not dependents:
        return "no other wave waits for it"
    try:
        plan = plan_from_snapshot(document["planSnapshot"])
    except ValidationError:
        return "whether one of them asks again is not known"
    numbers = [
        one["waveNumber"]
        for one in dependents
        if plan.needs_gate(one["waveNumber"], document["executionType"])
    ]
    if not numbers:
        return "none of them asks again"
    names = f"wave{'' if len(numbers) == 1 else 's'} {listed([str(number) for number in numbers])}"
    if len(numbers) == len(dependents):
        return f"{names} {'asks' if len(numbers) == 1 else 'ask'} again"
    return f"only {names} {'asks' if len(numbers) == 1 else 'ask'} again"
