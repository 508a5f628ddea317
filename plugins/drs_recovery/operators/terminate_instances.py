"""The step that terminates the instances of an execution because somebody asked for it."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NoReturn

from airflow.providers.standard.triggers.temporal import TimeDeltaTrigger

from drs_recovery.exceptions import TerminationFailedError
from drs_recovery.hooks import Clients
from drs_recovery.operators.base import RecoveryOperator, fails_for_good, until_deadline
from drs_recovery.operators.outages import outlives_outages
from drs_recovery.settings import poll_interval, termination_timeout
from drs_recovery.termination import TerminationLook, TerminationRequest, Terminator, read_request

if TYPE_CHECKING:
    from airflow.sdk.definitions.context import Context

# Pauses double while AWS has trouble, up to this many times the usual one.
_LONGEST_PAUSE_FACTOR = 8


class TerminateInstancesOperator(RecoveryOperator):
    """
    Terminate the instances that an execution recorded, and wait in the triggerer until they are gone.

    Safe to run any number of times, also side by side: every look asks DRS what still exists and what is
    under way. Throttling, 5xx, lost answers, conflicts and full quotas are survived until the time-out
    (``[drs_recovery] termination_timeout``); then, or when DRS refuses an instance for good, the task fails
    and names what is left. All others are terminated all the same. An outage of the execution store does not
    count: the step goes on behind it with all of its time.
    """

    @outlives_outages
    def execute(self, context: Context) -> str:
        """Check the request, record it, look for the first time."""
        return self._go_on(context, time.time() + termination_timeout(), 0)

    @outlives_outages
    def execute_complete(self, context: Context, event: Any, deadline: float = 0.0, troubles: int = 0) -> str:
        """
        Look again.

        :param deadline: epoch seconds at which waiting ends.
        """
        return self._go_on(context, deadline, troubles)

    def _go_on(self, context: Context, deadline: float, troubles: int) -> str:
        dag_run = context["dag_run"]
        request_id = f"{dag_run.dag_id}/{dag_run.run_id}"
        with fails_for_good():
            request = read_request(
                self.store, dag_run.conf or {}, context["params"], request_id, self.installation
            )
            actor = str(dag_run.triggering_user_name or dag_run.run_type.value)
            self.store.terminations.request(request.execution_id, actor, request_id, request.detail)
            look = Terminator(self.store, Clients()).look(
                request.execution_id, request.waves, allow_recovery=request.include_recovery
            )
            if not look.is_settled and time.time() < deadline:
                self._pause(request, look, deadline, troubles + 1 if look.problems else 0)
            with self.announcing(request.execution_id):
                return self._report(request, look)

    def _pause(
        self, request: TerminationRequest, look: TerminationLook, deadline: float, troubles: int
    ) -> NoReturn:
        self.log.info("execution %s: waiting for %s", request.execution_id, look.waits_for)
        pause = poll_interval() * min(2.0**troubles, _LONGEST_PAUSE_FACTOR)
        pause = until_deadline(max(pause, look.retry_after or 0.0), deadline)
        self.defer(
            trigger=TimeDeltaTrigger(timedelta(seconds=pause)),
            method_name="execute_complete",
            kwargs={"deadline": deadline, "troubles": troubles},
        )

    def _report(self, request: TerminationRequest, look: TerminationLook) -> str:
        failures = list(look.refusals)
        if not look.is_settled:
            failures.append(f"still there after {termination_timeout():.0f} seconds: {look.waits_for}")
        with self.announcing(request.execution_id):
            if failures:
                error = TerminationFailedError(failures)
                self.store.terminations.record_failure(request.execution_id, str(error))
                raise error
        self.log.info("execution %s: its instances are gone", request.execution_id)
        return request.execution_id
