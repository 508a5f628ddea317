"""
Say as pure functions what is wrong with the records of an execution in a replica of a global table.

A global table copies each record for itself: of a transaction that was cut off by the loss of a Region, some
records are there and others are not.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from drs_recovery.statuses import (
    ExecutionStatus,
    FailureDecision,
    GateDecision,
    StepDecision,
    StepStatus,
    WaveStage,
    WaveStatus,
)
from drs_recovery.store.keys import wave_of_step
from drs_recovery.store.rules import is_proven, standing_status
from drs_recovery.store.server_types import progress_of
from drs_recovery.store.step_rules import has_failed

if TYPE_CHECKING:
    from drs_recovery.store.expressions import Item
    from drs_recovery.store.facts import Record

UNKNOWN_BASIS = -1
"""``askedBy`` of a wave whose tasks run in another Airflow now, which counts tries from the beginning."""

_LOST_END = "its end is not in this copy of the table"


@dataclass
class Mending:
    """
    What makes records agree.

    :param told: what was wrong, for people.
    """

    execution: Item = field(default_factory=dict)
    waves: dict[int, Item] = field(default_factory=dict)
    told: list[str] = field(default_factory=list)


def mending_of(
    execution: Record, waves: Sequence[Record], servers: Iterable[Record], steps: Iterable[Record]
) -> Mending:
    """Count everything anew, and let waves and their execution say the same."""
    found, by_wave = Mending(), _by_wave(waves, servers)
    after = [_mended_wave(execution, wave, by_wave[wave["waveNumber"]], found) for wave in waves]
    everywhere = [server for some in by_wave.values() for server in some]
    _count(execution, after, everywhere, list(steps), found)
    return found


def _by_wave(waves: Iterable[Record], servers: Iterable[Record]) -> Mapping[int, list[Record]]:
    by_wave: dict[int, list[Record]] = {wave["waveNumber"]: [] for wave in waves}
    for server in servers:
        by_wave.setdefault(server["waveNumber"], []).append(server)
    return by_wave


def _mended_wave(execution: Record, wave: Record, servers: Sequence[Record], found: Mending) -> Item:
    changes, number = _end_of(execution, wave, servers), wave["waveNumber"]
    if changes:
        found.told.append(f"wave {number} was {wave['status']} and is {changes['status']}")
    progress = progress_of(server["phase"] for server in servers)
    if wave["progress"] != progress:
        changes["progress"] = progress
        found.told.append(f"the servers of wave {number} are counted anew")
    if changes:
        found.waves[number] = changes
    return {**wave, **changes}


def _end_of(execution: Record, wave: Record, servers: Sequence[Record]) -> Item:
    """Changes of a wave whose status and what stands around it contradict each other."""
    status = wave["status"]
    if execution["status"].is_final:
        if not status.is_active:
            return {}
        if execution["status"] is ExecutionStatus.COMPLETED:
            return {"status": WaveStatus.COMPLETED}
        return {"status": WaveStatus.FAILED, "statusReason": _LOST_END}
    if status is WaveStatus.COMPLETED and not all(map(is_proven, servers)):
        # Its tasks look at its servers again, and judge it.
        return {
            "status": WaveStatus.POLLING if wave["jobs"] else WaveStatus.PENDING,
            **({"stage": WaveStage.LAUNCHING} if "stage" in wave else {}),
            "endTime": None,
            "duration": None,
        }
    return {}


def _count(
    execution: Record,
    waves: Sequence[Record],
    servers: Sequence[Record],
    steps: Sequence[Record],
    found: Mending,
) -> None:
    completed = sum(wave["status"] == WaveStatus.COMPLETED for wave in waves)
    counted: Item = {
        "completedWaves": completed,
        "totalWaves": max(len(waves), execution["totalWaves"]),
        "progress": progress_of(server["phase"] for server in servers),
    }
    if not execution["status"].is_final:
        counted |= _standing(execution, waves, steps)
    found.execution = {name: value for name, value in counted.items() if execution.get(name) != value}
    found.told += [f"{name} was {execution.get(name)} and is {counted[name]}" for name in found.execution]


def _standing(execution: Record, waves: Sequence[Record], steps: Sequence[Record]) -> Item:
    active = sorted(wave["waveNumber"] for wave in waves if wave["status"].is_active)
    waiting = sorted((wave for wave in waves if _open_gate(wave)), key=lambda wave: _open_gate(wave)["since"])
    numbers = [wave["waveNumber"] for wave in waiting]
    starts = [wave["startTime"] for wave in waves if "startTime" in wave]
    began = {"startTime": min(starts)} if starts and "startTime" not in execution else {}
    admitted = {"admittedTime": min(starts)} if starts and "admittedTime" not in execution else {}
    asking = _asking_steps(steps, active)
    asked = {"waitingSteps": asking} if asking or "waitingSteps" in execution else {}
    at_work = set(active).difference(map(wave_of_step, asking))
    status = standing_status(execution["status"], at_work, [*numbers, *asking])
    if status is ExecutionStatus.PENDING and starts:
        status = ExecutionStatus.POLLING
    return {"status": status, "activeWaves": active, "waitingGates": numbers, **asked, **began, **admitted}


def _asking_steps(steps: Iterable[Record], active_waves: Collection[int]) -> list[str]:
    """Record keys of the steps that wait for people, the longest waiting first."""
    asking = [step for step in steps if _is_asking(step) and step["waveNumber"] in active_waves]
    return [step["recordKey"] for step in sorted(asking, key=lambda step: step["gate"]["since"])]


def _is_asking(step: Record) -> bool:
    """Whether a step waits for people: for what they do, or for what they say about its failure."""
    is_open = (step.get("gate") or {}).get("decision") == StepDecision.WAITING
    return is_open and (step["status"] is StepStatus.WAITING or has_failed(step))


def _open_gate(wave: Record) -> Item:
    """The open question of a wave; empty if there is none."""
    gate, failure = wave.get("gate") or {}, wave.get("failureGate") or {}
    if gate.get("decision") == GateDecision.WAITING and not wave["status"].is_active:
        return dict(gate)
    is_open = failure.get("decision") == FailureDecision.WAITING and wave["status"] == WaveStatus.FAILED
    return dict(failure) if is_open else {}
