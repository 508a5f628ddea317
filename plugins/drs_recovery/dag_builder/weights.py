"""Which tasks Airflow starts first when more are ready than it can run at once."""

from __future__ import annotations

from collections.abc import Mapping

from drs_recovery.operators.approval_gate import ApprovalGateOperator
from drs_recovery.operators.enrich_instances import EnrichInstancesOperator
from drs_recovery.operators.failure_decision import FailureDecisionOperator
from drs_recovery.operators.open_execution import OpenExecutionOperator
from drs_recovery.operators.start_recovery import StartRecoveryOperator
from drs_recovery.plan.model import RecoveryPlan
from drs_recovery.sensors.recovery_job import RecoveryJobSensor
from drs_recovery.statuses import Priority

# Above those of other DAGs: unless somebody says otherwise, a task weighs as much as tasks come behind it.
_OF_PRIORITY: Mapping[Priority, int] = {
    Priority.CRITICAL: 4000,
    Priority.HIGH: 3000,
    Priority.NORMAL: 2000,
    Priority.LOW: 1000,
}

# The nearer to the start of a DRS job, the sooner: from then on DRS works, and people who are asked think.
_OF_STEP: Mapping[type, int] = {
    StartRecoveryOperator: 4,
    ApprovalGateOperator: 3,
    FailureDecisionOperator: 3,
    EnrichInstancesOperator: 2,
    OpenExecutionOperator: 2,
    RecoveryJobSensor: 1,
}


def task_weight(plan: RecoveryPlan, step: type) -> int:
    """
    Airflow's ``priority_weight`` of a step, to be used with the weight rule "absolute".

    Without it Airflow would begin every execution before it starts a job of any: by its own rule a task
    weighs the more, the more tasks come behind it.

    :param plan: its priority counts most.
    :param step: the operator.
    """
    return _OF_PRIORITY[Priority(plan.priority)] + _OF_STEP.get(step, 0)
