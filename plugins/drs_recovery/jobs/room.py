"""
Room in DRS for one job: taken on condition that nobody else took any since it was looked at.

What others start in the place by other means is seen in DRS's list of jobs.
"""

from __future__ import annotations

import time
from dataclasses import replace

from drs_recovery.exceptions import StoreConflictError
from drs_recovery.hooks.drs import START_RECOVERY_SECONDS
from drs_recovery.jobs.reservations import PlaceQueue
from drs_recovery.jobs.schedule import PlaceState, Turn, turn_of
from drs_recovery.jobs.starter import SHORT_PAUSE, NotStartedError
from drs_recovery.store.executions import ExecutionStore
from drs_recovery.store.queue_entries import QueueEntry
from drs_recovery.store.transaction import retried_on_conflict

# Clocks of two hosts may differ by so many seconds.
CLOCK_MARGIN = 60.0

# A request that was sent is answered, or its job listed, within so many seconds after the room was taken.
RESERVATION_SECONDS = START_RECOVERY_SECONDS + CLOCK_MARGIN


class QueuedError(NotStartedError):
    """
    It is not the job's turn.

    :param turn: where it stands.
    :param entry: of the job, as the queue has it.
    """

    def __init__(self, turn: Turn, entry: QueueEntry) -> None:
        self.turn, self.entry = turn, entry
        super().__init__(turn.reason, None)


def take_room(store: ExecutionStore, place: PlaceQueue, entry: QueueEntry) -> QueueEntry:
    """
    Take room for a job; also if an earlier try took it and died, so that it lasts for this one.

    :param store: the execution store.
    :param place: the queue of its place.
    :param entry: of the job.
    :return: the entry as it is in the queue now.
    :raises QueuedError: it is not its turn.
    :raises NotStartedError: DRS cannot be asked, or so many take room just now that it was not to be had.
    """
    try:
        return _take_room(store, place, entry)
    except StoreConflictError as error:
        raise NotStartedError(f"many executions start jobs at once: {error}", SHORT_PAUSE) from error


@retried_on_conflict
def _take_room(store: ExecutionStore, place: PlaceQueue, entry: QueueEntry) -> QueueEntry:
    state = place.look()
    mine = state.queue.standing(entry)
    if state.job_of(mine) is not None:
        raise NotStartedError("DRS lists the job of an earlier request, whose answer was lost", SHORT_PAUSE)
    ghosts = _ghosts(state, mine)
    # What got room last is looked for by whoever takes room next; the next but one takes it out.
    stays = {mine.order, state.queue.last}
    store.queue.leave(place.name, [one for one in (*state.over(), *ghosts) if one.order not in stays])
    turn = turn_of(mine, replace(state, queue=state.queue.without(ghosts)))
    # Room that is taken stays taken, whoever comes: the request it was taken for may be under way.
    if not (turn.is_now or mine.has_room(state.time)):
        raise QueuedError(turn, mine)
    return store.queue.reserve(state.queue, mine, time.time() + RESERVATION_SECONDS, place.limits)


def _ghosts(state: PlaceState, mine: QueueEntry) -> list[QueueEntry]:
    """What earlier attempts at the wave have left in the queue."""
    of_wave = state.queue.of_wave(mine.execution_id, mine.wave_number)
    return [one for one in of_wave if one.waits and one.attempt < mine.attempt]
