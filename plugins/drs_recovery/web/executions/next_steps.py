"""Tell what to do now: the button to press, what to fix, or nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from drs_recovery.statuses import ExecutionStatus, WaveStage, WaveStatus
from drs_recovery.store import foreign_controller, is_live, was_cancelled, why_read_only
from drs_recovery.web.allowed_actions import ANSWERS, ActionKind
from drs_recovery.web.executions.costs import InstancesState, RunningInstances
from drs_recovery.web.executions.failures import preflight_of
from drs_recovery.web.shared import Sentence, compose, counted, cut, listed, opening, wave_title

if TYPE_CHECKING:
    from drs_recovery.store import Event, ExecutionDocument
    from drs_recovery.web.airflow import AirflowRun
    from drs_recovery.web.executions.actions import Actions, OfferedAction


@dataclass(frozen=True)
class NextStep:
    """What the person should do now, such as ``Approve or reject wave 2`` or ``Nothing: wait``."""

    sentence: Sentence
    actions: tuple[OfferedAction, ...]


def next_step(document: ExecutionDocument, actions: Actions, instances: RunningInstances) -> NextStep:
    """Say what to do."""
    answers = _offered(actions, *ANSWERS)
    if answers:
        return NextStep(compose(f"{_answer(answers)}."), answers)
    return (
        _while_it_lives(document, actions) if is_live(document) else _after_it(document, actions, instances)
    )


def _offered(actions: Actions, *kinds: ActionKind) -> tuple[OfferedAction, ...]:
    return tuple(action for action in actions.offered if action.kind in kinds)


def _answer(answers: tuple[OfferedAction, ...]) -> str:
    gates, failures = _of(answers, ActionKind.APPROVE), _of(answers, ActionKind.DECIDE)
    steps = _of(answers, ActionKind.ANSWER)
    # Who started an execution may only reject where a second person must approve.
    rejections = [number for number in _of(answers, ActionKind.REJECT) if number not in gates]
    asked = [
        *([f"approve or reject {_waves(gates)}"] if gates else []),
        *([f"have a second person approve {_waves(rejections)}, or reject it"] if rejections else []),
        *([f"decide what to do about {_waves(failures)}"] if failures else []),
        *([f"answer {counted(len(steps), 'step')} of {_waves(dict.fromkeys(steps))}"] if steps else []),
    ]
    return opening("; ".join(asked))


def _while_it_lives(document: ExecutionDocument, actions: Actions) -> NextStep:
    status = document["status"]
    if status is ExecutionStatus.PAUSED:
        reasons = [one.reason for one in actions.withheld if one.kind in ANSWERS]
        return NextStep(compose(" ".join(["Wait for the answer.", *reasons])), ())
    if retries := _offered(actions, ActionKind.RETRY):
        waves = _waves(_of(retries, ActionKind.RETRY))
        return NextStep(compose(f"Fix the cause, then retry {waves}; or wait for the other waves."), retries)
    if status is ExecutionStatus.CANCELLING:
        return NextStep(compose("Nothing: wait until everything that was launched is on record."), ())
    return NextStep(compose("Nothing: wait. This page updates automatically."), ())


def _after_it(document: ExecutionDocument, actions: Actions, instances: RunningInstances) -> NextStep:
    if instances.state is InstancesState.TERMINATION_FAILED:
        again = _offered(actions, ActionKind.TERMINATE)
        return NextStep(compose("Fix the problem that blocks the termination, then request it again."), again)
    # What serves users is not to be ended by a button that offers itself.
    terminate = tuple(one for one in _offered(actions, ActionKind.TERMINATE) if not one.is_set_aside)
    if document["status"] == ExecutionStatus.SKIPPED:
        text = "Nothing: the schedule starts the next drill. To drill before that, start one."
        return NextStep(compose(text), ())
    if was_cancelled(document):
        return NextStep(_after_cancellation(document, instances, terminate), terminate)
    if document["status"] == ExecutionStatus.COMPLETED:
        return _after_success(document, instances, terminate)
    if retries := _offered(actions, ActionKind.RETRY):
        step = compose(
            f"Fix the cause, then retry {_waves(_of(retries, ActionKind.RETRY))}",
            _or_terminate(instances, terminate),
        )
        return NextStep(step, (*retries, *terminate))
    about = f" {_about_instances(document, instances, terminate)}" if instances.count else ""
    return NextStep(compose(f"Fix the cause, then start a new execution.{about}"), terminate)


def _after_cancellation(
    document: ExecutionDocument, instances: RunningInstances, terminate: tuple[OfferedAction, ...]
) -> Sentence:
    waits = instances.state is InstancesState.RUNNING and instances.count and document["isDrill"]
    if not (waits and terminate):
        return compose(_about_instances(document, instances, terminate))
    it, them, are = ("It", "it", "is") if instances.count == 1 else ("They", "them", "are")
    left = f"{counted(instances.count, 'instance')} {are} left. {it} {are}"
    if "terminateAfter" not in document:
        return compose(f"{left} never terminated automatically: terminate {them} when no longer needed.")
    when = document["terminateAfter"]
    return compose(f"{left} terminated at ", when, f"; terminate {them} now if no longer needed.")


def _after_success(
    document: ExecutionDocument, instances: RunningInstances, terminate: tuple[OfferedAction, ...]
) -> NextStep:
    preflight = preflight_of(document)
    if document.get("dryRun") and preflight and preflight.findings:
        return NextStep(compose(f"Fix the findings ({preflight.summary}), then check again."), ())
    return NextStep(compose(_about_instances(document, instances, terminate)), terminate)


def _about_instances(
    document: ExecutionDocument, instances: RunningInstances, terminate: tuple[OfferedAction, ...]
) -> str:
    if instances.state is InstancesState.TERMINATING:
        return "Nothing: wait until the instances are terminated."
    if not instances.count and instances.may_grow:
        return "Check the jobs in the DRS console: they may have launched unrecorded instances."
    if not instances.count:
        return "Nothing is left to do."
    if not document["isDrill"]:
        return _after_recovery(document)
    if not terminate:
        return f"No action available: {counted(instances.count, 'instance')} of it may still run."
    return "No action needed; terminate the instances when they are no longer needed."


def _after_recovery(document: ExecutionDocument) -> str:
    if document["status"] == ExecutionStatus.COMPLETED:
        return "Send users to the recovered servers: their addresses, and what comes next, are on this page."
    return "Decide what to do with the instances: they run until they are terminated."


def _or_terminate(instances: RunningInstances, terminate: tuple[OfferedAction, ...]) -> str:
    return (
        "; or terminate the instances, after which no wave can be retried."
        if instances.count and terminate
        else "."
    )


def _waves(numbers: Iterable[int | None]) -> str:
    """Such as ``wave 2`` or ``waves 2 and 3``."""
    names = [str(number) for number in numbers]
    return f"{'wave' if len(names) == 1 else 'waves'} {listed(names)}"


def _of(actions: tuple[OfferedAction, ...], kind: ActionKind) -> list[int | None]:
    return [action.wave for action in actions if action.kind is kind]


# Of a DAG run; while it is in another one, its tasks do not run any more.
_RUN_GOES_ON = frozenset({"queued", "running", "restarting"})

# Seconds. A wave is looked at every half minute or so, more rarely under throttling.
_SILENCE = 300

_LONGEST_REASON = 300


@dataclass(frozen=True)
class Notice:
    """Something about the page itself or what stands behind it that a person must not overlook."""

    text: Sentence
    is_serious: bool


def notices_for(
    document: ExecutionDocument,
    events: Sequence[Event],
    airflow: AirflowRun | None,
    as_of: float,
    installation: str | None = None,
) -> tuple[Notice, ...]:
    """Everything of that kind."""
    return (
        *(_of_controller(document, installation) or _of_airflow(document, airflow)),
        *_of_waiting(document),
        *_of_silence(document, as_of),
        *_of_messages(events),
    )


def _of_controller(document: ExecutionDocument, installation: str | None) -> tuple[Notice, ...]:
    """That a newer release, or another installation, whose Airflow is not asked, runs the execution."""
    if reason := why_read_only(document):
        text = f"You see the record of this execution, and nothing acts on it here: {reason}."
        return (Notice(compose(text), is_serious=True),)
    controller = foreign_controller(document, installation)
    if controller is None:
        return ()
    text = (
        f"This execution belongs to the Airflow installation {controller}: what you see is its record; "
        "to act on it, use that installation."
    )
    return (Notice(compose(text), is_serious=False),)


def _of_airflow(document: ExecutionDocument, airflow: AirflowRun | None) -> Iterator[Notice]:
    if not is_live(document):
        return
    if airflow is None:
        text = "Airflow could not be asked about the DAG run: what you see is the record alone."
        yield Notice(compose(text), is_serious=False)
    elif airflow.state not in _RUN_GOES_ON:
        run = "was deleted" if airflow.state is None else f"is {airflow.state}"
        text = (
            f"The DAG run {run}, and the record is not closed yet. If its last step does not do it, the DAG "
            "housekeeping does within about 20 minutes, and follows every DRS job to its end."
        )
        yield Notice(compose(text), is_serious=True)


def _of_silence(document: ExecutionDocument, as_of: float) -> Iterator[Notice]:
    """A wave whose jobs run and that nobody has looked at for long, or whose last look failed."""
    for wave in document["waves"]:
        launches = wave["status"] == WaveStatus.POLLING and wave.get("stage") != WaveStage.AFTER_STEPS
        if not (launches and is_live(document)):
            continue
        looked = wave.get("lastPolledTime", wave.get("attemptTime", wave["startTime"]))
        if as_of - looked > _SILENCE:
            text = f"There has been no news of {wave_title(wave)} since "
            yield Notice(compose(text, looked, ": DRS may be further ahead than this page shows."), True)
        if error := wave.get("lastPollError"):
            why = cut(error["message"], _LONGEST_REASON)
            text = f"DRS could not be asked about {wave_title(wave)}; it is tried again: {why}"
            yield Notice(compose(text), is_serious=False)


def _of_waiting(document: ExecutionDocument) -> Iterator[Notice]:
    """What keeps the execution from being opened, or a wave from being started."""
    if not is_live(document):
        return
    delayed = [("the opening of this execution", document.get("waitingFor"))]
    delayed += [(f"the start of {wave_title(wave)}", wave.get("waitingFor")) for wave in document["waves"]]
    for subject, waiting in delayed:
        if waiting:
            text = f" {subject} waits; it is tried again: {cut(waiting['message'], _LONGEST_REASON)}"
            yield Notice(compose("Since ", waiting["since"], text), is_serious=False)


def _of_messages(events: Sequence[Event]) -> Iterator[Notice]:
    failed = [event for event in events if event["event"] == "NOTIFICATION_FAILED"]
    if failed:
        why = cut(str(failed[-1]["detail"].get("error", "")), _LONGEST_REASON)
        text = f"{counted(len(failed), 'message')} about this execution could not be sent, the last one at "
        yield Notice(compose(text, failed[-1]["time"], f": {why}" if why else "."), is_serious=False)
