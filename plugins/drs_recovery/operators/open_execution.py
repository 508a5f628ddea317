"""The first step: create the execution record, resolve the plan's servers and check them."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NoReturn

from airflow.sdk.exceptions import AirflowSkipException

from drs_recovery.airflow_versions import task_memory
from drs_recovery.closing import LOST
from drs_recovery.durations import moment
from drs_recovery.exceptions import ExecutionError, ExecutionRefusedError, InstancesInUseError, SettingError
from drs_recovery.hooks import (
    AWS_ERRORS,
    Clients,
    UnusableConnectionError,
    describe,
    is_transient,
    retry_after,
)
from drs_recovery.opening import (
    Obstacle,
    RunOptions,
    busy_place,
    disturbed_recovery,
    read_options,
    second_of_plan,
)
from drs_recovery.operators.base import fails_for_good
from drs_recovery.operators.outages import ExpectedFailureError, outlives_outages
from drs_recovery.operators.plan_operator import PlanOperator
from drs_recovery.plan import RecoveryPlan, plan_from_snapshot
from drs_recovery.preflight import GroupResolver, PointCheck, Preflight, Resolution, UseCheck
from drs_recovery.settings import installation_setting, poll_interval, setting_problems
from drs_recovery.statuses import ExecutionStatus, ExecutionType, FindingSeverity
from drs_recovery.waves import check_not_ending, join_queue_early

if TYPE_CHECKING:
    from airflow.sdk.definitions.context import Context

    from drs_recovery.store import ExecutionDocument, ExecutionRecord, NewFinding


# Seconds for which an opening waits for AWS. A real recovery comes when AWS itself is in trouble.
_PATIENCE = {ExecutionType.DRILL: 15 * 60, ExecutionType.RECOVERY: 2 * 3600}

# Kept in the task's memory once the record was there.
_OPENED = "opened"


class OpenExecutionOperator(PlanOperator):
    """
    Open an execution of a plan: record first, then servers, so that even a refused one leaves its reason.

    A scheduled drill that would disturb a real recovery is skipped, in the record and in Airflow: nothing
    went wrong, and its run is green.
    """

    @outlives_outages
    def execute(self, context: Context) -> str:
        """Create what is not there yet; a retry goes on with the record of the first try."""
        self._open_store()
        execution_id = self.own_id(context)
        found = self.own_record(execution_id)
        self.leave_to_a_current_worker(context, found)
        with fails_for_good(), self.noting(execution_id):
            execution = self._opened(context, execution_id, found)
            if "admittedTime" in execution:
                # The whole run was cleared: what it starts again is for its waves to say.
                return execution_id
            if execution["status"] == ExecutionStatus.SKIPPED:
                raise AirflowSkipException(execution["error"])
            if problems := setting_problems():
                self._refuse(execution_id, problems)
            plan = plan_from_snapshot(execution["planSnapshot"])
            options = read_options(plan, context)
            if options.findings:
                self._refuse(execution_id, options.findings)
            states = self.task_states(context)
            self.await_tasks(states, execution, plan, () if options.dry_run else options.waves)
            clients = Clients()
            self._give_way(second_of_plan(self.store, execution), execution_id, options)
            try:
                if options.is_scheduled:
                    self._give_way(busy_place(self.store, clients, execution_id), execution_id, options)
                document = self._check(states, execution_id, plan, options, clients)
            except AWS_ERRORS as error:
                if not is_transient(error):
                    raise
                problem = f"state of the account and Region: {describe(error)}"
                self._wait_for_aws(execution_id, options, problem, retry_after(error))
            check_not_ending(self.store.get_execution(execution_id))
            self.store.admit(execution_id)
            join_queue_early(self.store, clients, document)
        self.announce(execution_id)
        return execution_id

    def _open_store(self) -> None:
        """Without its table, or a name in it, an execution cannot even record why it does not start."""
        try:
            _ = self.store, installation_setting()
        except (SettingError, UnusableConnectionError) as error:
            raise ExpectedFailureError(f"nothing is launched, and nothing recorded: {error}") from None

    def _wait_for_aws(
        self,
        execution_id: str,
        options: RunOptions,
        what: str,
        pause: float | None,
        errors: Sequence[str] = (),
    ) -> NoReturn:
        """
        Leave the worker while AWS cannot be asked; a plan with a mistake in a Region ends in good time.

        :param pause: seconds that AWS asked to wait, if it did.
        """
        check_not_ending(self.store.get_execution(execution_id))
        problem = f"AWS did not return the {what}"
        since = self.store.waits.note(execution_id, problem)
        left = since + _PATIENCE[options.execution_type] - time.time()
        if left <= 0:
            minutes = _PATIENCE[options.execution_type] / 60
            waited = f"{problem}, for {minutes:.0f} minutes, since {moment(since)}"
            self._refuse(execution_id, [waited, *errors])
        self.log.warning("execution %s: %s", execution_id, problem)
        self.look_again_in(min(pause or poll_interval(), left))

    def _opened(self, context: Context, execution_id: str, found: ExecutionRecord | None) -> ExecutionRecord:
        """
        The EXECUTION record. One that was there before and is gone is not opened again.

        :param found: the record as it was just read, None if there was none.
        :raises ExecutionError: it was lost, and is rebuilt from what DRS knows.
        """
        memory = task_memory(context)
        was_opened = bool(memory.get(_OPENED))
        # Airflow raises max_tries with each clear, and with nothing else.
        was_cleared = int(context["ti"].max_tries) > (self.retries or 0)
        if found is None and (was_opened or was_cleared):
            lost = self.lost_record(context, execution_id)
            jobs = lost.jobs()
            if was_opened or jobs:
                lost.rebuild(jobs)
                found = self.own_record(execution_id)
        execution = self.open_record(context, found)
        if "rebuilt" in execution:
            raise ExecutionError(f"execution {execution_id}: {LOST}")
        if not was_opened:
            memory.set(_OPENED, True)
        return execution

    def _give_way(self, obstacle: Obstacle | None, execution_id: str, options: RunOptions) -> None:
        """Refuse, or skip, an execution that would disturb another one; a dry run disturbs nobody."""
        if options.dry_run or obstacle is None:
            return
        if options.is_scheduled and obstacle.is_recovery:
            self._skip(execution_id, obstacle.reason)
        self._refuse(execution_id, [obstacle.reason])

    def _skip(self, execution_id: str, reason: str) -> NoReturn:
        check_not_ending(self.store.get_execution(execution_id))
        self.store.ending.finalize(execution_id, ExecutionStatus.SKIPPED, reason)
        self.announce(execution_id)
        raise AirflowSkipException(reason)

    def _check(
        self,
        states: Mapping[str, str | None],
        execution_id: str,
        plan: RecoveryPlan,
        options: RunOptions,
        clients: Clients,
    ) -> ExecutionDocument:
        """
        Record the servers and what speaks against launching them; errors end all but a dry run.

        What one target tells is on record whatever another one does not tell yet.
        """
        resolution = GroupResolver(clients, plan, options.waves, options.point_in_time).resolve()
        found = {number: resolution.of_wave(number) for number in options.waves}
        self.store.add_servers_of_waves(execution_id, found)
        document = self.store.get_document(execution_id)
        self._give_way(disturbed_recovery(self.store, document), execution_id, options)
        check = UseCheck(self.store, clients, document)
        used = self._used(execution_id, resolution, options, check)
        preflight = Preflight(clients, plan, execution_id, options.execution_type, options.waves)
        findings = [*self.behind_finding(states), *preflight.findings(resolution), *used]
        points = PointCheck(self.store, clients, document, options.point_in_time)
        findings += [one.finding_for(options.execution_type) for one in points.checks(resolution.servers)]
        troubles = [*resolution.troubles, *check.troubles, *preflight.troubles, *points.troubles]
        for finding in findings:
            self.log.warning("preflight of execution %s: %s: %s", execution_id, finding.severity, finding)
        # That nothing was found is true only once everybody was asked.
        if findings or not troubles:
            self.store.set_findings(execution_id, findings)
        errors = [] if options.dry_run else _errors_in(findings)
        if troubles:
            pause = max((trouble.retry_after or 0.0 for trouble in troubles), default=0.0)
            self._wait_for_aws(execution_id, options, "; ".join(map(str, troubles)), pause, errors)
        if errors:
            self._refuse(execution_id, errors)
        return document

    def _used(
        self, execution_id: str, resolution: Resolution, options: RunOptions, check: UseCheck
    ) -> list[NewFinding]:
        """Instances in use that the execution would end: a scheduled drill is skipped beside them."""
        checks = check.checks(resolution.servers)
        findings = [check.finding_for(options.execution_type) for check in checks]
        if options.is_scheduled and (blocking := _errors_in(findings)):
            self.store.set_findings(execution_id, findings)
            self._skip(execution_id, str(InstancesInUseError(blocking)))
        return findings

    def _refuse(self, execution_id: str, findings: Sequence[str]) -> NoReturn:
        error = ExecutionRefusedError(findings)
        self.store.set_error(execution_id, str(error))
        raise error


def _errors_in(findings: Sequence[NewFinding]) -> list[str]:
    return [str(finding) for finding in findings if finding.severity is FindingSeverity.ERROR]
