"""The steps of housekeeping: what nobody else would do. Each looks once, and the next run goes on."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowRuntimeError

from drs_recovery.closing import RunStateOf, reconcile, set_kept_plans_right
from drs_recovery.exceptions import PlanError
from drs_recovery.hooks import FORESEEN_ERRORS, describe
from drs_recovery.notifications import tell_unrecorded
from drs_recovery.operators.base import RecoveryOperator, fails_for_good
from drs_recovery.operators.outages import ExpectedFailureError, waits_for_the_next_run
from drs_recovery.plan import load_plans
from drs_recovery.recorded_plans import record_plans
from drs_recovery.settings import plans_dirs
from drs_recovery.termination import DueTerminations, InstanceChecker, Sweeper, known_targets

if TYPE_CHECKING:
    from airflow.sdk.definitions.context import Context

_NOT_FOUND = 404


class RecordPlansOperator(RecoveryOperator):
    """
    Record the plans as their files are now: the console and the other steps read no plan files.

    :param dag_file: from which the files are found: a worker parses its own copy of it.
    :return: ids of the plans whose record changed.
    """

    def __init__(self, *, dag_file: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.dag_file = dag_file

    @waits_for_the_next_run
    def execute(self, context: Context) -> list[str]:
        """Read the files and write what is new."""
        folders = plans_dirs(self.dag_file)
        try:
            loaded = load_plans(folders)
        except PlanError as error:
            raise ExpectedFailureError(f"this worker cannot read the plan files: {error}") from None
        if not loaded.sources:
            self.log.warning("there is no plan file in %s", ", ".join(map(str, folders)))
        with fails_for_good():
            return record_plans(self.store, loaded)


class TerminateDueOperator(RecoveryOperator):
    """
    Terminate the instances of drills whose ``terminateAfter`` is over.

    Fails, after it has looked at all of them, when instances need a person: they cost money.

    :return: executions by what became of them: ``terminated``, ``under_way``, ``failed``.
    """

    @waits_for_the_next_run
    def execute(self, context: Context) -> dict[str, Any]:
        """Look once at each."""
        with fails_for_good():
            result = DueTerminations(self.store).run()
        for execution_id, what in result.under_way.items():
            self.log.info("execution %s: waiting for %s", execution_id, what)
        for execution_id in (*result.terminated, *result.failed):
            self.announce(execution_id)
        _demand_none([f"execution {execution_id}: {why}" for execution_id, why in result.failed.items()])
        return asdict(result)


class CheckInstancesOperator(RecoveryOperator):
    """
    Compare the instances that the records of ended executions call running with DRS and EC2.

    :return: ``gone``, ``still_running``, ``ended``, ``unreachable``.
    """

    @waits_for_the_next_run
    def execute(self, context: Context) -> dict[str, Any]:
        """Look once at each target."""
        with fails_for_good():
            result = InstanceChecker(self.store).check()
        for execution_id in result.ended:
            self.announce(execution_id)
        for where in result.unreachable:
            self.log.warning("not compared this time: %s", where)
        return asdict(result)


class ReconcileOperator(RecoveryOperator):
    """
    Close the records whose DAG run ended, or is gone, without closing them.

    Those that live keep their plans for their DAGs, and nobody else does.

    :return: executions by what became of them: ``closed``, ``waiting``, ``failed``.
    """

    @waits_for_the_next_run
    def execute(self, context: Context) -> dict[str, Any]:
        """Take each one step further."""
        with fails_for_good():
            result = reconcile(self.store, _run_states(context))
        for execution_id in result.closed:
            self.announce(execution_id)
        self._set_kept_plans_right(_run_states(context))
        return asdict(result)

    def _set_kept_plans_right(self, run_state_of: RunStateOf) -> None:
        """In nobody's way: the next run of housekeeping tries again."""
        try:
            result = set_kept_plans_right(self.store, run_state_of)
        except Exception as error:
            unforeseen = not isinstance(error, (*FORESEEN_ERRORS, AirflowRuntimeError))
            message = "the plans of live executions are not set right this time: %s"
            self.log.warning(message, describe(error), exc_info=unforeseen)
        else:
            self.log.info("plans of live executions: kept %s, deleted %s", result.kept, result.deleted)


class SweepOperator(RecoveryOperator):
    """
    Terminate drill instances of ours that no record names; tell of those that are not ours, and of those
    whose execution has no record.

    Fails, after it has looked everywhere, when a target cannot be swept for a reason that does not pass.

    :return: ``terminated``, ``recorded``, ``foreign``, ``waiting``, ``unreachable``, ``failed`` and
        ``unrecorded``.
    """

    @waits_for_the_next_run
    def execute(self, context: Context) -> dict[str, Any]:
        """Look once at every known target."""
        with fails_for_good():
            result = Sweeper(self.store).sweep(known_targets(self.store))
        tell_unrecorded(self.store, result.unrecorded.values())
        for name, why in result.foreign.items():
            self.log.warning("instance %s is left alone: %s", name, why)
        for name, why in result.waiting.items():
            self.log.info("drill instance %s stays for the moment: %s", name, why)
        for where in result.unreachable:
            self.log.warning("not swept this time: %s", where)
        _demand_none(result.failed)
        return asdict(result)


def _run_states(context: Context) -> RunStateOf:
    """How to ask Airflow for the state of a DAG run."""
    ti = context["ti"]

    def run_state_of(dag_id: str, run_id: str) -> str | None:
        try:
            return str(ti.get_dagrun_state(dag_id, run_id))
        except Exception as error:
            if _is_not_found(error):
                return None
            raise

    return run_state_of


def _is_not_found(error: Exception) -> bool:
    """Whether Airflow knows no such run: a worker passes the API's answer on, ``dag.test()`` its client's."""
    if isinstance(error, AirflowRuntimeError):
        return (error.error.detail or {}).get("status_code") == _NOT_FOUND
    return getattr(getattr(error, "response", None), "status_code", None) == _NOT_FOUND


def _demand_none(failures: list[str]) -> None:
    if failures:
        raise ExpectedFailureError("\n".join(failures))
