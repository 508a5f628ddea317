"""Attempts at a wave, as pure functions over records: number, beginning, time in the queue for DRS."""

from __future__ import annotations

from drs_recovery.store.expressions import Item
from drs_recovery.store.rules import Record


def attempt_of(record: Record) -> int:
    """Number of the attempt that a WAVE, a SERVER or an entry of a job belongs to, from 1."""
    return int(record.get("attempt", 1))


def attempt_began(wave: Record) -> float:
    """When the wave's attempt was asked for, in epoch seconds."""
    return float(wave.get("attemptTime", wave["startTime"]))


def wanted_since(execution: Record, wave: Record) -> float:
    """
    Since when nothing but room in DRS keeps the wave's attempt from starting, in epoch seconds.

    Where people or other waves come first, that is when it was asked for. Otherwise it is when Airflow began
    the run: executions get their turn in the order of their triggers, whichever task is faster.
    """
    # A record of an earlier release does not say when its run began.
    if waits_for_nobody(wave) and "runStartTime" in execution:
        return float(execution["runStartTime"])
    return attempt_began(wave)


def waits_for_nobody(wave: Record) -> bool:
    """Whether neither people nor other waves come before the wave's attempt."""
    return attempt_of(wave) == 1 and not wave["dependsOn"] and not wave.get("gate")


def launch_began(wave: Record) -> float:
    """When the wave's attempt could begin to launch, in epoch seconds: behind its time in a queue for DRS."""
    return max(attempt_began(wave), float(wave.get("queueEndTime", 0)))


def was_queued(wave: Record) -> bool:
    """Whether the wave's attempt waits, or has waited, for room in DRS."""
    return "queuedTime" in wave


def left_queue(wave: Record, now: float) -> Item:
    """
    What it makes of a WAVE record that every job got its room; nothing if the attempt never had to wait.

    :param wave: WAVE record.
    :param now: epoch seconds.
    """
    return {"queue": None, "queueEndTime": now} if was_queued(wave) else {}
