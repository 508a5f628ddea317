"""The first step: resolve the plan's servers and create the execution record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from drs_recovery.engine.clients import Clients
from drs_recovery.engine.resolution import GroupResolver
from drs_recovery.engine.run_options import RunOptions
from drs_recovery.exceptions import ExecutionRefusedError
from drs_recovery.operators.base import PlanOperator, fails_for_good
from drs_recovery.statuses import ExecutionType

if TYPE_CHECKING:
    from airflow.sdk.definitions.context import Context


class OpenExecutionOperator(PlanOperator):
    """
    Open an execution of a plan: record first, then servers, so that even a refused one leaves its reason.

    :return: the execution id.
    """

    def execute(self, context: Context) -> str:
        """Create what is not there yet; a retry goes on with the record of the first try."""
        execution_id = self.execution_id_of(context)
        with fails_for_good():
            options = self.create_record(context)
            findings = [*options.findings, *self._live_findings(execution_id, options)]
            if findings:
                self._refuse(execution_id, findings)
            self._add_servers(execution_id, options)
        return execution_id

    def _live_findings(self, execution_id: str, options: RunOptions) -> list[str]:
        """A drill waits for no other execution of its plan, and a real recovery starts once, not twice."""
        if options.dry_run:
            return []
        disturbing = (
            set(ExecutionType) if options.execution_type is ExecutionType.DRILL else {ExecutionType.RECOVERY}
        )
        return [
            _live_finding(other)
            for other in self.store.find_live(self.plan.id)
            if other["executionId"] != execution_id and other["executionType"] in disturbing
        ]

    def _add_servers(self, execution_id: str, options: RunOptions) -> None:
        resolution = GroupResolver(Clients()).resolve(self.plan, options.waves)
        if resolution.findings:
            self._refuse(execution_id, resolution.findings)
        for number, servers in resolution.servers.items():
            self.store.add_servers(execution_id, number, servers)

    def _refuse(self, execution_id: str, findings: list[str]) -> None:
        error = ExecutionRefusedError(findings)
        self.store.set_error(execution_id, str(error))
        raise error


def _live_finding(other: Mapping[str, Any]) -> str:
    return (
        f"{other['executionType']} {other['executionId']} of this plan (DAG run {other['dagRunId']}) is "
        f"{other['status']}: wait for its end or cancel it"
    )
