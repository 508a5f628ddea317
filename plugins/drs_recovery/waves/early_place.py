"""
A place in the queues for room in DRS for an execution whose first start is a matter of seconds.

Between its first step and the start of its first wave, executions that were triggered later would otherwise
overtake it: whose task Airflow runs first is chance.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from drs_recovery.exceptions import WaveRefusedError
from drs_recovery.hooks.clients import Clients
from drs_recovery.hooks.errors import FORESEEN_ERRORS, describe
from drs_recovery.jobs.parts import parts_of_attempt
from drs_recovery.plan.model import plan_from_snapshot
from drs_recovery.statuses import WaveStatus
from drs_recovery.store.executions import ExecutionStore
from drs_recovery.store.facts import waits_for_nobody
from drs_recovery.waves.admission import Admission, leave_queues
from drs_recovery.waves.rules import check_not_ending, gate_is_asked

log = logging.getLogger(__name__)


def take_early_place(store: ExecutionStore, clients: Clients, document: Mapping[str, Any]) -> None:
    """
    Let the first wave join the queues, if it waits for nobody and nothing.

    Best effort: a wave that is in no queue joins when its own step runs.

    :param store: the execution store.
    :param clients: hooks by place.
    :param document: the document of an execution that may start.
    """
    wave = _early_wave(document)
    # A record that an earlier release has opened does not say where in the queue the place would be.
    if wave is None or "runStartTime" not in document:
        return
    try:
        _join(store, clients, document, wave)
    except Exception as error:
        why, unforeseen = describe(error), not isinstance(error, FORESEEN_ERRORS)
        message = "wave %s joins no queue before its own step: %s"
        log.warning(message, wave["waveNumber"], why, exc_info=unforeseen)


def give_up_early_place(store: ExecutionStore, clients: Clients, document: Mapping[str, Any]) -> None:
    """
    Take the wave out of the queues if its own step never ran.

    :param store: the execution store.
    :param clients: hooks by place.
    :param document: the document of an execution that ends.
    """
    if wave := _early_wave(document):
        leave_queues(store, clients, wave, wave["serverStatuses"])


def _join(
    store: ExecutionStore, clients: Clients, document: Mapping[str, Any], wave: Mapping[str, Any]
) -> None:
    line = Admission(store, clients, document, wave)
    for part in parts_of_attempt(wave, wave["serverStatuses"]):
        line.join(part)
    try:
        # Whoever closes the execution may have looked at the queue before this.
        check_not_ending(store.get_execution(document["executionId"]))
    except WaveRefusedError:
        leave_queues(store, clients, wave, wave["serverStatuses"])


def _early_wave(document: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """
    The first wave that has no question to people before it and that nobody has asked to start yet.

    Of several side by side it is the last one, since the queue goes by their numbers: in front of the others
    its place would keep them from starting until its own step runs.
    """
    plan = plan_from_snapshot(document["planSnapshot"])
    about_to_start = (
        wave
        for wave in reversed(document["waves"])
        if wave["status"] == WaveStatus.NOT_STARTED
        and waits_for_nobody(wave)
        and not gate_is_asked(document, plan, wave["waveNumber"])
    )
    return next(about_to_start, None)
