"""
Drills whose time is over: terminate what they left, one look a pass, so that no pass waits for AWS.

A pass starts what has to be started and goes on; the next one sees what became of it.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from drs_recovery.exceptions import DrsRecoveryError, ExecutionNotFoundError, TerminationFailedError
from drs_recovery.hooks import PASSING_TROUBLE, Clients, describe
from drs_recovery.installation import elsewhere, installation
from drs_recovery.opening import needed_by
from drs_recovery.statuses import ExecutionType
from drs_recovery.store import is_store_away
from drs_recovery.termination.targets import recorded_instances
from drs_recovery.termination.terminate import TerminationLook, Terminator

if TYPE_CHECKING:
    from drs_recovery.store import Execution, ExecutionStore

ACTOR = "housekeeping"

# One request for each drill, however many passes it takes.
_REQUEST_ID = "terminate_after"

_TROUBLE: tuple[type[Exception], ...] = (*PASSING_TROUBLE, DrsRecoveryError)

log = logging.getLogger(__name__)


@dataclass
class DuePass:
    """
    What one pass came to, by execution id.

    :param failed: executions whose instances people must look after, and why.
    """

    terminated: list[str] = field(default_factory=list)
    under_way: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)


class DueTerminations:
    """Terminate the instances of drills from their ``terminateAfter`` on."""

    def __init__(self, store: ExecutionStore) -> None:
        self._store = store
        self._terminator = Terminator(store, Clients())

    def run(self) -> DuePass:
        """
        Look once at every drill that is due; trouble with one is no trouble of the others.

        :raises errors of the store: it is away, and no drill can be looked at.
        """
        result, name = DuePass(), installation(self._store)
        for execution_id, since in self._store.terminations.due():
            try:
                if self._is_due(execution_id, since, name):
                    self.terminate(execution_id, result)
            except _TROUBLE as error:
                if is_store_away(error):
                    raise
                log.warning("execution %s: not terminated this time: %s", execution_id, describe(error))
                result.under_way[execution_id] = describe(error)
            except Exception as error:  # whatever is wrong with one drill, the others are cleaned up
                log.exception("execution %s: not terminated", execution_id)
                result.failed[execution_id] = describe(error)
        return result

    def _is_due(self, execution_id: str, since: float, name: str) -> bool:
        """Whether a record of what is due is still true, and ours; one that is not true goes away."""
        try:
            execution = self._store.get_execution(execution_id)
        except ExecutionNotFoundError:
            pass
        else:
            if elsewhere(execution, name):
                return False
            if execution.get("terminateAfter") == since and not execution["instancesTerminated"]:
                return True
        self._store.terminations.forget_due(execution_id, since)
        return False

    def terminate(self, execution_id: str, result: DuePass) -> None:
        """Look once at the instances of a drill whose time is over."""
        execution = self._store.get_execution(execution_id)
        if not _may_be_cleaned_up(execution):
            return
        if why := self._needed(execution_id):
            result.under_way[execution_id] = why
            return
        self._store.terminations.request(execution_id, ACTOR, _REQUEST_ID, {"reason": "its time is over"})
        look = self._terminator.look(execution_id)
        failures = _failures(look)
        if failures:
            error = str(TerminationFailedError(failures))
            self._store.terminations.record_failure(execution_id, error)
            result.failed[execution_id] = error
        elif look.is_settled:
            result.terminated.append(execution_id)
        else:
            result.under_way[execution_id] = look.waits_for

    def _needed(self, execution_id: str) -> str | None:
        """Who needs the servers, drill or not: nobody waits for a clean-up, which can wait itself."""
        document = self._store.get_document(execution_id)
        servers = {instance.server_id for instance in recorded_instances(document)}
        need = needed_by(self._store, document, servers, ExecutionType)
        if need is None:
            return None
        self._store.terminations.postpone(execution_id, need.execution_id, need.reason)
        return need.reason


def _may_be_cleaned_up(execution: Execution) -> bool:
    ended = execution["status"].is_final
    return ended and bool(execution["isDrill"]) and not execution.get("keepInstances")


def _failures(look: TerminationLook) -> list[str]:
    """What needs a person: refusals, and instances that no job ends and DRS does not know any more."""
    if look.jobs_run or look.problems:
        return list(look.refusals)
    stray = [f"{name}: EC2 has it, but DRS does not list it: terminate it in EC2" for name in look.unlisted]
    return [*look.refusals, *stray]
