"""What the first and the last step of a run share: the record of their execution, made if there is none."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NoReturn

from drs_recovery.closing import UNKNOWN_PERSON, Ending, ExecutionCloser
from drs_recovery.durations import moment
from drs_recovery.exceptions import ExecutionRefusedError
from drs_recovery.opening import keep_plan, kept_plans, new_execution, read_options, read_plan
from drs_recovery.operators.base import RecoveryOperator
from drs_recovery.operators.lost_records import LostRecord
from drs_recovery.plan import DAG_ID_PREFIX, FINALIZE, REMOVED, RecoveryPlan, missing_tasks, wave_task_ids
from drs_recovery.recorded_plans import record_opened_plan
from drs_recovery.settings import poll_interval
from drs_recovery.statuses import FindingSeverity
from drs_recovery.store import ExecutionFilter, NewFinding
from drs_recovery.waves import check_not_ending

if TYPE_CHECKING:
    from airflow.sdk.definitions.context import Context

    from drs_recovery.store import Execution, ExecutionRecord

# Seconds for which a run may lack tasks of its execution: the DAG processor reads the DAG file again, and the
# scheduler gives the run what is new in it. Airflow's own intervals for that are half a minute each.
TASKS_PATIENCE = 900.0

# Seconds between two looks whether Airflow has the tasks of the plan.
_TASKS_LOOK_SECONDS = 5.0

# Seconds for which a run with tasks that this worker's plan does not have is left to another worker, or to
# the DAG processor. Then it starts all the same: a plan of yesterday is better than none.
BEHIND_PATIENCE = 60.0

# Of the tasks that Airflow does not have, so many are named.
_TASKS_SHOWN = 3


class PlanOperator(RecoveryOperator):
    """
    Base of the operators that may have to create the execution's record.

    :param plan: the plan as its file has it now; an execution keeps the copy with which it was opened. None
        if the file is broken or gone.
    """

    def __init__(self, *, plan: RecoveryPlan | None = None, problems: str = "", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.plan, self.problems = plan, problems

    def create_record(self, context: Context) -> ExecutionRecord:
        """
        Create the execution's record, which was not there a moment ago.

        :raises ExecutionRefusedError: the plan cannot be used, and there is nothing to make a record of.
        """
        execution_id = self.own_id(context)
        plan = self.plan or self._last_known_plan(context)
        record = new_execution(self.store, plan, context, execution_id, read_options(plan, context))
        if self.plan is None:
            # With the record, not behind it: no retry may take it for one that was opened.
            record = replace(record, error=str(self.refusal()))
        if self.store.create_execution(replace(record, controller=self.installation)):
            self.log.info("execution %s opened: %s", execution_id, plan.name)
            if self.plan is not None:
                record_opened_plan(self.store, self.plan)
        else:
            # Another installation may have opened it since it was looked for.
            self.own_record(execution_id)
        return self.store.get_execution(execution_id)

    def lost_record(self, context: Context, execution_id: str) -> LostRecord:
        """
        What can be told of an execution whose record is gone.

        :raises ExecutionRefusedError: its plan is not known any more.
        """
        plan = self.plan or self._last_known_plan(context)
        return LostRecord(self.store, plan, context, execution_id, self.installation)

    def refusal(self) -> ExecutionRefusedError:
        """Why no execution of the plan may start: its file cannot be used."""
        return ExecutionRefusedError(
            [f"the plan cannot be used: {one}" for one in self.problems.splitlines()]
        )

    def open_record(self, context: Context, known: ExecutionRecord | None) -> ExecutionRecord:
        """
        Create the execution's record unless it exists, and keep its plan for its DAG.

        :param known: the EXECUTION record as it was just read, None if there was none.
        :raises ExecutionRefusedError: the plan cannot be used; a record of that is closed.
        """
        execution = known or self.create_record(context)
        if self.plan is None and "error" in execution:
            self._close_refused(execution)
        keep_plan(execution)
        return execution

    def _close_refused(self, execution: Execution) -> NoReturn:
        """End the execution of a plan that cannot be used: its DAG may have no other step that would."""
        ending = Ending(cancelled=False, actor=UNKNOWN_PERSON, reason=execution["error"])
        ExecutionCloser(self.store).close(self.store.get_document(execution["executionId"]), ending)
        self.announce(execution["executionId"])
        raise self.refusal()

    def await_tasks(
        self,
        states: Mapping[str, str | None],
        execution: Execution,
        plan: RecoveryPlan,
        waves: Iterable[int],
    ) -> None:
        """
        Wait until the run has the tasks of the execution: Airflow's DAG may be older than its plan, or newer.

        :param states: of the run's tasks.
        :raises ExecutionRefusedError: they do not come.
        """
        missing = missing_tasks([*wave_task_ids(plan, waves), FINALIZE], states)
        if self.task_id not in states or not missing:
            return
        check_not_ending(execution)
        problem = (
            f"Airflow's DAG run has no task {_shown(missing)}: its DAG is of another version of the plan"
        )
        since = self.store.waits.note(execution["executionId"], problem)
        if time.time() > since + TASKS_PATIENCE:
            why = f"{problem}, since {moment(since)}: see whether the DAG processor reads the plan files"
            self.store.set_error(execution["executionId"], str(ExecutionRefusedError([why])))
            raise ExecutionRefusedError([why])
        self.log.info("execution %s: %s", execution["executionId"], problem)
        self.look_again_in(min(poll_interval(), _TASKS_LOOK_SECONDS))

    def leave_to_a_current_worker(self, context: Context, found: ExecutionRecord | None) -> None:
        """
        Let a worker open the execution that has the plan from which Airflow made the run.

        :param found: the EXECUTION record, with which it was opened already.
        """
        began = context["dag_run"].start_date
        left = began.timestamp() + BEHIND_PATIENCE - time.time() if began and found is None else 0.0
        if left > 0 and (foreign := self.foreign_tasks(self.task_states(context))):
            self.log.warning("%s", _behind(foreign))
            self.look_again_in(min(_TASKS_LOOK_SECONDS, left))

    def behind_finding(self, states: Mapping[str, str | None]) -> list[NewFinding]:
        """A warning if the run has tasks that no known version of the plan has."""
        foreign = self.foreign_tasks(states)
        remedy = (
            "see that all workers and the DAG processor have the same files, such as by a versioned bundle"
        )
        return [NewFinding(FindingSeverity.WARNING, _behind(foreign), remedy)] if foreign else []

    def foreign_tasks(self, states: Mapping[str, str | None]) -> list[str]:
        """
        The run's tasks of waves that neither this worker's plan has nor one of a live execution.

        A DAG has the tasks of all these; what Airflow does not tell now explains nothing, and hinders nobody.
        """
        in_waves = {task_id for task_id, state in states.items() if "." in task_id and state != REMOVED}
        foreign = in_waves - _tasks_of(self.plan)
        if self.plan is None or not foreign:
            return []
        try:
            live = [read_plan(kept) for kept in kept_plans(self.plan.dag_id)]
        except Exception as error:  # whatever Airflow raises
            self.log.warning("the plans of live executions are not known: %s", error)
            return []
        return sorted(foreign.difference(*(_tasks_of(found.plan) for found in live if found)))

    def _last_known_plan(self, context: Context) -> RecoveryPlan:
        """The plan with which its last execution was opened: a refused one needs a plan for its record."""
        plan_id = context["dag_run"].dag_id.removeprefix(DAG_ID_PREFIX)
        for row in self.store.listings.page(ExecutionFilter(plan_id=plan_id), limit=1).items:
            return self.plan_of(row["executionId"])
        raise self.refusal()


def _tasks_of(plan: RecoveryPlan | None) -> set[str]:
    return set(wave_task_ids(plan, range(1, len(plan.waves) + 1))) if plan else set()


def _behind(foreign: list[str]) -> str:
    return (
        f"the plan of this worker has no task {_shown(foreign)}, which the DAG run has: it is another version"
    )


def _shown(task_ids: list[str]) -> str:
    return ", ".join(task_ids[:_TASKS_SHOWN]) + (" and others" if task_ids[_TASKS_SHOWN:] else "")
