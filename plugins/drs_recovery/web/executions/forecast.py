"""Foresee when each wave, and the execution, ends."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from drs_recovery.statuses import ExecutionStatus, WaveStatus
from drs_recovery.store import USUAL_WAVE_SECONDS, critical_path, ended_as_planned, launch_began
from drs_recovery.web.allowed_actions import is_at_work
from drs_recovery.web.shared import waves_before

if TYPE_CHECKING:
    from drs_recovery.store import ExecutionDocument, Wave


@dataclass(frozen=True)
class Forecast:
    """When a wave should run."""

    start: float
    end: float


def usual_seconds(document: ExecutionDocument) -> dict[int, float]:
    """
    How long each wave should take: as in earlier executions, else DRS's usual time.

    :return: by the number of the wave, without those that are left out; empty if nothing is expected.
    """
    expected = document.get("expectedDuration")
    if not expected or document.get("dryRun"):
        return {}
    waves = [wave for wave in document["waves"] if wave["status"] != WaveStatus.SKIPPED]
    known = {wave["waveNumber"]: float(wave["expectedDuration"]) for wave in waves if _has_past(wave)}
    other = USUAL_WAVE_SECONDS[document["executionType"]]
    if not known:
        # Records of earlier releases have one time for all: an equal part for each of the longest chain.
        dependencies = {wave["waveNumber"]: wave["dependsOn"] for wave in document["waves"]}
        longest = critical_path(dependencies, {wave["waveNumber"]: 1.0 for wave in waves})
        other = float(expected) / max(1.0, longest)
    return {wave["waveNumber"]: known.get(wave["waveNumber"], other) for wave in waves}


def forecasts(document: ExecutionDocument, as_of: float) -> dict[int, Forecast]:
    """When each wave that has not begun should run; those that may never run have no forecast."""
    return _foreseen(document, as_of)[0]


def expected_end(document: ExecutionDocument, as_of: float) -> float | None:
    """When an execution should end if every question is answered now; None if that is unknown."""
    ends = _foreseen(document, as_of)[1].values()
    known = [end for end in ends if end is not None]
    return max(known) if known and len(known) == len(ends) else None


def estimated_end(document: ExecutionDocument, as_of: float) -> float | None:
    """
    When an execution that is at work should end.

    :return: epoch seconds; None while an answer or the end is waited for, which may take any time, or when a
        wave has taken longer than expected.
    """
    if not is_at_work(document) or is_late(document, as_of):
        return None
    return expected_end(document, as_of)


def _foreseen(
    document: ExecutionDocument, as_of: float
) -> tuple[dict[int, Forecast], dict[int, float | None]]:
    """Forecasts of waves that have not begun, and the end of each wave, known or foreseen."""
    usual = usual_seconds(document)
    status = document["status"]
    if not usual or status.is_final or status is ExecutionStatus.CANCELLING:
        return {}, {}
    ends = {wave["waveNumber"]: _expected_end(wave, usual, as_of) for wave in document["waves"]}
    found: dict[int, Forecast] = {}
    # A wave depends on waves that may come behind it in the plan: each pass settles one more step of a chain.
    for _ in document["waves"]:
        for wave in document["waves"]:
            number = wave["waveNumber"]
            before = [ends[other["waveNumber"]] for other in waves_before(document, wave)]
            if wave["status"] == WaveStatus.NOT_STARTED and None not in before:
                start = max([as_of, *(end for end in before if end is not None)])
                found[number] = Forecast(start, start + usual[number])
                ends[number] = start + usual[number]
    return found, ends


def is_late(document: ExecutionDocument, as_of: float) -> bool:
    """Whether a wave that runs has taken longer than it should."""
    usual = usual_seconds(document)
    return any(
        wave["status"].is_active
        and "queue" not in wave
        and as_of - launch_began(wave) > usual.get(wave["waveNumber"], math.inf)
        for wave in document["waves"]
    )


def _has_past(wave: Wave) -> bool:
    return wave.get("expectedDuration") is not None


def _expected_end(wave: Wave, usual: Mapping[int, float], as_of: float) -> float | None:
    """When a wave has ended or should end; None if what depends on it cannot count on it."""
    if wave["status"].is_active:
        # Nobody knows how long a wave waits for capacity in DRS.
        began = as_of if "queue" in wave else launch_began(wave)
        return max(as_of, began + usual[wave["waveNumber"]])
    if ended_as_planned(wave):
        return float(wave.get("endTime", 0.0))
    return None
