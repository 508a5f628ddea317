"""When waves that have not begun should run, if the execution takes as long as usual."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from drs_recovery.statuses import ExecutionStatus, WaveStatus
from drs_recovery.store_rules import ended_as_planned
from drs_recovery.wave_attempts import attempt_began
from drs_recovery.web.views.dependencies import waves_before

Record = Mapping[str, Any]


@dataclass(frozen=True)
class Forecast:
    """
    When a wave should run.

    :param start: epoch seconds.
    :param end: epoch seconds.
    """

    start: float
    end: float


def usual_wave_seconds(document: Record) -> float | None:
    """
    How long a wave usually takes: an equal part for each of the waves that run one after another.

    :param document: the execution document.
    """
    expected = document.get("expectedDuration")
    if not expected or document.get("dryRun"):
        return None
    depths: dict[int, int] = {}
    # A wave depends on waves that may come behind it in the plan: each pass settles one more step of a chain.
    for _ in document["waves"]:
        for wave in document["waves"]:
            before = max((depths.get(number, 0) for number in wave["dependsOn"]), default=0)
            depths[wave["waveNumber"]] = before + (wave["status"] != WaveStatus.SKIPPED)
    return float(expected) / max(1, *depths.values())


def forecasts(document: Record, as_of: float) -> dict[int, Forecast]:
    """
    When each wave that has not begun should run; those that may never run have no forecast.

    :param document: the execution document.
    :param as_of: the moment of the page.
    :return: by the number of the wave.
    """
    usual = usual_wave_seconds(document)
    status = ExecutionStatus(document["status"])
    if usual is None or status.is_final or status is ExecutionStatus.CANCELLING:
        return {}
    ends = {wave["waveNumber"]: _end(wave, usual, as_of) for wave in document["waves"]}
    found: dict[int, Forecast] = {}
    for _ in document["waves"]:
        for wave in document["waves"]:
            before = [ends[other["waveNumber"]] for other in waves_before(document, wave)]
            if wave["status"] == WaveStatus.NOT_STARTED and None not in before:
                start = max([as_of, *(end for end in before if end is not None)])
                found[wave["waveNumber"]] = Forecast(start, start + usual)
                ends[wave["waveNumber"]] = start + usual
    return found


def _end(wave: Record, usual: float, as_of: float) -> float | None:
    """When a wave has ended or should end; None if what depends on it cannot count on it."""
    if WaveStatus(wave["status"]).is_active:
        return max(as_of, attempt_began(wave) + usual)
    if ended_as_planned(wave):
        return float(wave.get("endTime", 0.0))
    return None
