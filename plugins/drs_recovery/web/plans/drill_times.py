"""What the charts of drills are drawn from: how long each drill, or each of its waves, took to be ready."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from drs_recovery.statuses import ExecutionStatus, WaveStatus
from drs_recovery.store.facts import is_drill, is_good_drill
from drs_recovery.web.plans.inputs import Record
from drs_recovery.web.shared.marks import mark_of, wave_mark
from drs_recovery.web.shared.runs import coverage_note

MOST_DRILLS = 20
"""How many drills a chart shows: as many as the expected duration looks back on."""

_PARTLY = "◐"


@dataclass(frozen=True)
class DrillTime:
    """
    What a bar shows of one drill; the times are seconds after the start of its first wave.

    :param drill: EXECUTION record.
    :param outcome: in words.
    :param begin: where the bar begins.
    :param end: where it ends; None where nothing ran, so that there is no bar.
    :param is_measured: whether ``end`` is when everything was ready.
    :param mark: sign of what it is instead.
    """

    drill: Record
    outcome: str
    begin: float = 0.0
    end: float | None = None
    is_measured: bool = False
    mark: str = ""


def chart_drills(executions: Sequence[Record]) -> list[Record]:
    """
    The drills that charts show, oldest first.

    :param executions: EXECUTION records, newest first; what is no drill or has not ended is passed over.
    """
    drills = [one for one in executions if is_drill(one) and ExecutionStatus(one["status"]).is_final]
    return drills[:MOST_DRILLS][::-1]


def plan_time(drill: Record) -> DrillTime:
    """
    How long the whole plan took in one drill.

    :param drill: EXECUTION record of a drill that has ended.
    """
    mark, note = mark_of(drill), coverage_note(drill)
    outcome = f"{mark.word}, {note}" if note else mark.word
    if is_good_drill(drill) and "rto" in drill.get("measured", {}):
        return DrillTime(drill, outcome, end=float(drill["measured"]["rto"]), is_measured=True)
    has_started = "startTime" in drill
    sign = _PARTLY if drill["status"] == ExecutionStatus.COMPLETED else mark.icon
    return DrillTime(drill, outcome, end=float(drill["duration"]) if has_started else None, mark=sign)


def wave_time(drill: Record, waves: Sequence[Record], name: str) -> DrillTime:
    """
    When a wave was ready in one drill.

    :param drill: EXECUTION record of a drill that has ended.
    :param waves: its WAVE records.
    :param name: of the wave: it keeps its history when it gets another number.
    """
    wave = next((wave for wave in waves if wave["waveName"] == name), None)
    if wave is None:
        return DrillTime(drill, "No such wave then")
    mark = wave_mark(wave["status"])
    if "startTime" not in wave or "endTime" not in wave or "startTime" not in drill:
        return DrillTime(drill, mark.word)
    is_completed = wave["status"] == WaveStatus.COMPLETED
    begin, end = (max(0.0, float(wave[key]) - float(drill["startTime"])) for key in ("startTime", "endTime"))
    return DrillTime(drill, mark.word, begin, end, is_completed, "" if is_completed else mark.icon)
