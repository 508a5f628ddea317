"""What the steps of one wave share: its record, the waves before it, waiting for its start and its end."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from airflow.sdk.exceptions import AirflowSkipException

from drs_recovery.closing import LOST, end_left_wave, is_left_open
from drs_recovery.jobs import QueuedError
from drs_recovery.operators.base import RecoveryMixin, RecoveryOperator, until_deadline
from drs_recovery.operators.lost_records import LostRecord, plan_of_dag
from drs_recovery.operators.outages import ExpectedFailureError
from drs_recovery.plan import is_task_of, is_to_come, missing_tasks, plan_from_snapshot, wave_task_ids
from drs_recovery.settings import poll_interval
from drs_recovery.statuses import SkipCause, WaveStatus
from drs_recovery.store import WaveRecord, WaveRef
from drs_recovery.triggers import QueueTurnTrigger, RecoveryJobTrigger
from drs_recovery.waves import blocked_by, check_admitted, check_not_ending, deadline_of, wave_of

if TYPE_CHECKING:
    from airflow.sdk import DAG
    from airflow.sdk.definitions.context import Context

    from drs_recovery.closing import Pending
    from drs_recovery.exceptions import NotStartedError
    from drs_recovery.store import ExecutionDocument, ExecutionRecord

# Waves behind which nothing is to come but what depends on them.
_OVER = frozenset({WaveStatus.COMPLETED, WaveStatus.SKIPPED})


AnyWave = TypeVar("AnyWave", bound=WaveRecord)


class WaveMixin(RecoveryMixin):
    """One wave of the execution. :ivar wave_number: from 1."""

    wave_number: int

    if TYPE_CHECKING:
        task_id: str
        log: Any
        get_dag: Callable[[], DAG | None]

    def wave_in(self, execution_id: str) -> WaveRef:
        """Its wave in an execution of the plan."""
        return WaveRef(execution_id, self.wave_number)

    def execution_id_of(self, context: Context) -> str:
        """Id of the execution that this DAG run stands for; see :meth:`record_of`."""
        return str(self.record_of(context)["executionId"])

    def record_of(self, context: Context) -> ExecutionRecord:
        """Read the EXECUTION record of this DAG run; see :meth:`records_of`."""
        return self.records_of(context)[0]

    def records_of(
        self, context: Context, number: int | None = None
    ) -> tuple[ExecutionRecord, WaveRecord | None]:
        """
        Read the EXECUTION record of this DAG run, which is there since the run's first step, and a wave's.

        :param number: of the wave, from 1; None for none.
        :raises ExpectedFailureError: the record was lost; it is rebuilt, and the run's last step ends it.
        """
        execution = self.own_id(context)
        record, wave = self.own_records(execution, number)
        if record is not None and "rebuilt" not in record:
            return record, wave
        plan = plan_of_dag(self.get_dag())
        if plan is not None and (record is None or not record["rebuilt"]):
            LostRecord(self.store, plan, context, execution, self.installation).rebuild()
            self.announce(execution)
        raise ExpectedFailureError(f"execution {execution}: {LOST}")

    def own_wave(self, waves: Iterable[AnyWave]) -> AnyWave:
        """
        The wave of this task in the execution's record.

        :raises AirflowSkipException: the execution has none: it was opened with another version of the plan.
        """
        for wave in waves:
            if wave["waveNumber"] == self.wave_number and is_task_of(self.task_id, wave):
                return wave
        raise AirflowSkipException(
            f"{self.task_id} is not a task of this execution, opened with another version of the plan"
        )

    def wait_for_waves_before(
        self, context: Context, document: ExecutionDocument, method_name: str = "execute_complete"
    ) -> ExecutionDocument:
        """
        Wait for the waves before this one while Airflow is still to run tasks of theirs.

        Airflow runs this task behind theirs, unless the DAG has the order of another version of the plan. If
        their tasks ended without giving a wave its end, this one does.
        """
        plan = plan_from_snapshot(document["planSnapshot"])
        before = sorted(plan.ancestors(self.wave_number))
        if all(wave_of(document, number)["status"] in _OVER for number in before):
            return document
        states = self.task_states(context)
        waited_for = [one for one in wave_task_ids(plan, before) if one in states and is_to_come(states[one])]
        if waited_for:
            self.log.info("execution %s: waiting for %s", document["executionId"], ", ".join(waited_for))
            self.look_again_in(poll_interval(), method_name)
        check_not_ending(document)
        for number in before:
            if missing_tasks(wave_task_ids(plan, [number]), states) or not is_left_open(
                document, plan, number
            ):
                continue
            if pending := end_left_wave(self.store, document, number):
                self.wait_for_end(document["executionId"], pending, method_name)
            document = self.store.get_document(document["executionId"])
        return document

    def wait_for_end(self, execution: str, pending: Pending, method_name: str) -> NoReturn:
        """Leave the worker until a wave can be taken further towards its end."""
        self.log.info("execution %s: waiting for its end: %s", execution, pending.what)
        if not pending.running_waves:
            self.look_again_in(poll_interval(), method_name)
        trigger = RecoveryJobTrigger(
            execution_id=execution,
            wave_numbers=pending.running_waves,
            deadline=pending.deadline,
            poll_interval=poll_interval(),
        )
        self.defer(trigger=trigger, method_name=method_name)

    def pass_over_if_blocked(self, document: ExecutionDocument) -> None:
        """
        Skip this wave, in the record and in Airflow, when it can never start because of a failure before it.

        :raises AirflowSkipException: the wave is passed over.
        :raises WaveRefusedError: the execution was not admitted, or ends.
        """
        check_admitted(document)
        check_not_ending(document)
        plan = plan_from_snapshot(document["planSnapshot"])
        if failure := blocked_by(document, plan, self.wave_number):
            reason = f"not started: {failure}"
            self.store.waves.skip(self.wave_in(document["executionId"]), reason, SkipCause.DEPENDENCY)
            raise AirflowSkipException(reason)

    def deadline_of(self, execution: str) -> float:
        """Epoch seconds at which the time-out of the wave's attempt ends."""
        wave = self.store.get_wave(self.wave_in(execution))
        return deadline_of(self.plan_of(execution).wave(self.wave_number), wave)

    def wait_for_start(
        self, execution: str, delay: NotStartedError, method_name: str = "execute_complete"
    ) -> NoReturn:
        """Leave the worker until the jobs of the wave may be started."""
        if not isinstance(delay, QueuedError):
            pause = poll_interval() if delay.pause is None else delay.pause
            self.look_again_in(until_deadline(pause, self.deadline_of(execution)), method_name)
        trigger = QueueTurnTrigger(
            execution_id=execution,
            wave_number=self.wave_number,
            deadline=self.deadline_of(execution),
            poll_interval=poll_interval(),
        )
        self.defer(trigger=trigger, method_name=method_name)

    def jobs_trigger(self, execution: ExecutionRecord, wave: WaveRecord) -> RecoveryJobTrigger:
        """What waits for the wave's jobs in the triggerer."""
        plan = plan_from_snapshot(execution["planSnapshot"])
        return RecoveryJobTrigger(
            execution_id=execution["executionId"],
            wave_numbers=[self.wave_number],
            deadline=deadline_of(plan.wave(self.wave_number), wave),
            poll_interval=poll_interval(),
        )


class WaveOperator(WaveMixin, RecoveryOperator):
    """Base of the operators that act on one wave."""

    def __init__(self, *, wave_number: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.wave_number = wave_number
