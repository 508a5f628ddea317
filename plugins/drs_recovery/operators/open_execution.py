"""The first step: create the execution record, resolve the plan's servers and check them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from drs_recovery.engine.clients import Clients
from drs_recovery.engine.preflight import Preflight
from drs_recovery.engine.resolution import GroupResolver
from drs_recovery.engine.run_options import RunOptions
from drs_recovery.engine.start_rules import check_not_ending
from drs_recovery.exceptions import ExecutionRefusedError
from drs_recovery.operators.base import PlanOperator, fails_for_good
from drs_recovery.statuses import ExecutionType, FindingSeverity

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
            refusals = [*options.findings, *self._live_findings(execution_id, options)]
            if refusals:
                self._refuse(execution_id, refusals)
            self._check(execution_id, options)
            check_not_ending(self.store.get_execution(execution_id))
            self.store.admit(execution_id)
        self.announce(execution_id)
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

    def _check(self, execution_id: str, options: RunOptions) -> None:
        """Record the servers and what speaks against launching them; errors end all but a dry run."""
        clients = Clients()
        resolution = GroupResolver(clients).resolve(self.plan, options.waves)
        for number in options.waves:
            self.store.add_servers(execution_id, number, resolution.of_wave(number))
        preflight = Preflight(clients, self.plan, execution_id, options.execution_type)
        findings = preflight.findings(resolution)
        for finding in findings:
            self.log.warning("preflight of execution %s: %s: %s", execution_id, finding.severity, finding)
        self.store.set_findings(execution_id, findings)
        errors = [str(finding) for finding in findings if finding.severity is FindingSeverity.ERROR]
        if errors and not options.dry_run:
            self._refuse(execution_id, errors)

    def _refuse(self, execution_id: str, findings: list[str]) -> None:
        error = ExecutionRefusedError(findings)
        self.store.set_error(execution_id, str(error))
        raise error


def _live_finding(other: Mapping[str, Any]) -> str:
    return (
        f"{other['executionType']} {other['executionId']} of this plan (DAG run {other['dagRunId']}) is "
        f"{other['status']}: wait for its end or cancel it"
    )
