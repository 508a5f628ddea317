"""What must not be overlooked about the page itself, or about what stands behind it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from drs_recovery.statuses import WaveStatus
from drs_recovery.web.airflow import AirflowRun
from drs_recovery.web.allowed_actions import is_live
from drs_recovery.web.shared.formatting import Sentence, counted, cut, said, wave_title

Record = Mapping[str, Any]

# Of a DAG run; while it is in another one, its tasks do not run any more.
_RUN_GOES_ON = frozenset({"queued", "running", "restarting"})

# Seconds. A wave is looked at every half minute or so, more rarely under throttling.
_SILENCE = 300

_LONGEST_REASON = 300


@dataclass(frozen=True)
class Notice:
    """
    Something about the page itself or what stands behind it that a person must not overlook.

    :param text: a sentence.
    :param is_serious: whether the page may not show what is true.
    """

    text: Sentence
    is_serious: bool


def notices_for(
    document: Record,
    events: Sequence[Record],
    airflow: AirflowRun | None,
    as_of: float,
    installation: str | None = None,
) -> tuple[Notice, ...]:
    """
    Everything of that kind.

    :param document: the execution document.
    :param events: of the execution, oldest first.
    :param airflow: what Airflow says of the DAG run; None if it could not be asked.
    :param as_of: the moment of the page.
    :param installation: name of this Airflow installation.
    """
    return (
        *(_of_controller(document, installation) or _of_airflow(document, airflow)),
        *_of_waiting(document),
        *_of_silence(document, as_of),
        *_of_messages(events),
    )


def _of_controller(document: Record, installation: str | None) -> tuple[Notice, ...]:
    """That the execution is run by another installation, whose Airflow is not asked."""
    controller = document.get("controller")
    if controller is None or controller == installation:
        return ()
    text = (
        f"This execution belongs to the Airflow installation {controller}: what you see is its record; "
        "to act on it, use that installation."
    )
    return (Notice(said(text), is_serious=False),)


def _of_airflow(document: Record, airflow: AirflowRun | None) -> Iterator[Notice]:
    if not is_live(document):
        return
    if airflow is None:
        text = "Airflow could not be asked about the DAG run: what you see is the record alone."
        yield Notice(said(text), is_serious=False)
    elif airflow.state not in _RUN_GOES_ON:
        run = "was deleted" if airflow.state is None else f"is {airflow.state}"
        text = (
            f"The DAG run {run}, and the record is not closed yet. If its last step does not do it, the DAG "
            "housekeeping does within about 20 minutes, and follows every DRS job to its end."
        )
        yield Notice(said(text), is_serious=True)


def _of_silence(document: Record, as_of: float) -> Iterator[Notice]:
    """A wave whose jobs run and that nobody has looked at for long, or whose last look failed."""
    for wave in document["waves"]:
        if wave["status"] != WaveStatus.POLLING or not is_live(document):
            continue
        looked = wave.get("lastPolledTime", wave.get("attemptTime", wave["startTime"]))
        if as_of - looked > _SILENCE:
            text = f"There has been no news of {wave_title(wave)} since "
            yield Notice(said(text, looked, ": DRS may be further ahead than this page shows."), True)
        if error := wave.get("lastPollError"):
            why = cut(error["message"], _LONGEST_REASON)
            text = f"DRS could not be asked about {wave_title(wave)}; it is tried again: {why}"
            yield Notice(said(text), is_serious=False)


def _of_waiting(document: Record) -> Iterator[Notice]:
    """What keeps the execution from being opened, or a wave from being started."""
    if not is_live(document):
        return
    delayed = [("the opening of this execution", document)]
    delayed += [(f"the start of {wave_title(wave)}", wave) for wave in document["waves"]]
    for what, record in delayed:
        if waiting := record.get("waitingFor"):
            why = cut(waiting["message"], _LONGEST_REASON)
            yield Notice(said("Since ", waiting["since"], f" {what} waits; it is tried again: {why}"), False)


def _of_messages(events: Sequence[Record]) -> Iterator[Notice]:
    failed = [event for event in events if event["event"] == "NOTIFICATION_FAILED"]
    if failed:
        why = cut(str(failed[-1]["detail"].get("error", "")), _LONGEST_REASON)
        text = f"{counted(len(failed), 'message')} about this execution could not be sent, the last one at "
        yield Notice(said(text, failed[-1]["time"], f": {why}" if why else "."), is_serious=False)
