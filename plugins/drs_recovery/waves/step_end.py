"""End the steps that nobody follows any more: their tasks were cancelled, or died."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from drs_recovery.statuses import StepStatus
from drs_recovery.store import StepRef
from drs_recovery.waves.step_life import StepLife

if TYPE_CHECKING:
    from drs_recovery.hooks import Clients
    from drs_recovery.store import ExecutionStore, StepRecord


def end_open_steps(
    store: ExecutionStore,
    clients: Clients,
    steps: Iterable[StepRecord],
    reason: str,
    actor: str,
    *,
    cancelled: bool,
) -> bool:
    """
    Stop what can be stopped, and say of each step what became of it.

    :return: False if none was open.
    """
    open_steps = [step for step in steps if step["status"].is_open]
    for step in open_steps:
        ref = StepRef(step["executionId"], step["waveNumber"], step["side"], step["stepNumber"])
        life = StepLife(store, ref, clients)
        if not cancelled and not life.planned.kind.is_question:
            # It may have ended well while nobody looked.
            life.look()
        status = StepStatus.CANCELLED if cancelled or not _has_begun(life) else StepStatus.UNKNOWN
        life.stop(status, reason, actor)
    return bool(open_steps)


def _has_begun(life: StepLife) -> bool:
    """Whether something was started in AWS that may go on."""
    return bool(life.record["attempts"][-1].get("externalIds"))
