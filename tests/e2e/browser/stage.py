"""The executions that the browser tests look at: started together, since one after the other takes long."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from drs_recovery.store.keys import execution_id
from tests.e2e.console_plans import (
    ASKED,
    CANCELLED,
    CONTESTED,
    HOSTILE,
    MARKUP,
    REAL,
    REJECTED,
    RETRIED,
    WAITING,
)
from tests.e2e.drills import Drills, Running, until
from tests.e2e.made_plans import MadePlan

_PATIENCE = 240.0
# Simulated seconds that the first wave of the cancelled drill takes longer, so that people can step in.
_SLOW = 1800


class Stage:
    """
    Executions on a running stack.

    :param drills: of the stack.
    """

    def __init__(self, drills: Drills) -> None:
        self.drills = drills
        self._runs: dict[str, Running] = {}

    def set_up(self) -> None:
        """Start what does not have to be watched from its first second."""
        sandbox = self.drills.sandbox
        sandbox.add_servers(*({**server, "name": MARKUP} for server in HOSTILE.descriptions()))
        for plan in (HOSTILE, RETRIED, ASKED):
            server = plan.server_ids(1)[-1]
            sandbox.add_fault("launch_failed", server=server, raw_error=f"no capacity {MARKUP}", times=1)
        sandbox.add_fault("slow_launch", server=CANCELLED.server_ids(1)[0], seconds=_SLOW)
        for plan in (WAITING, CONTESTED, REJECTED, RETRIED, ASKED):
            self.start(plan)
        self.start(HOSTILE, reason=MARKUP, ticket=MARKUP[:60])
        self.start(REAL, execution_type="RECOVERY")

    def start(self, plan: MadePlan, **conf: Any) -> Running:
        """Trigger a plan as an administrator."""
        self._runs[plan.id] = self.drills.run(plan.id, **conf)
        return self._runs[plan.id]

    def page_of(self, plan: MadePlan) -> str:
        """Path of the newest execution's page."""
        run = self._runs[plan.id]
        return f"/recovery/executions/{execution_id(run.dag_id, run.run_id)}"

    def run_of(self, plan: MadePlan) -> Running:
        """The newest execution of a plan."""
        return self._runs[plan.id]

    def document(self, plan: MadePlan) -> dict[str, Any]:
        """Record of the newest execution; empty before there is one."""
        return self._runs[plan.id].look()

    def await_record(
        self, plan: MadePlan, what: str, holds: Callable[[dict[str, Any]], bool]
    ) -> dict[str, Any]:
        """
        Wait until the record says something.

        :param plan: whose newest execution it is.
        :param what: is waited for, for the error.
        :param holds: whether a record says it.
        """
        until(lambda: bool(self.document(plan)) and holds(self.document(plan)), what, _PATIENCE)
        return self.document(plan)

    def await_status(self, plan: MadePlan, *statuses: str) -> dict[str, Any]:
        """Wait until the execution has one of some statuses."""
        what = f"{plan.id} is {' or '.join(statuses)}"
        return self.await_record(plan, what, lambda document: document["status"] in statuses)
