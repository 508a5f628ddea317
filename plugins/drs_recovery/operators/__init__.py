"""Operators: the steps of a recovery, in the order in which a DAG runs them."""

from drs_recovery.operators.approval_gate import ApprovalGateOperator
from drs_recovery.operators.base import fails_for_good, quick_retries
from drs_recovery.operators.complete_wave import CompleteWaveOperator
from drs_recovery.operators.enrich_instances import EnrichInstancesOperator
from drs_recovery.operators.failure_decision import FailureDecisionOperator
from drs_recovery.operators.finalize_execution import FinalizeExecutionOperator
from drs_recovery.operators.housekeeping import (
    CheckInstancesOperator,
    ReconcileOperator,
    RecordPlansOperator,
    SweepOperator,
    TerminateDueOperator,
)
from drs_recovery.operators.open_execution import OpenExecutionOperator
from drs_recovery.operators.outages import outlives_outages
from drs_recovery.operators.publish_end import PublishEndOperator
from drs_recovery.operators.start_recovery import StartRecoveryOperator
from drs_recovery.operators.step import StepOperator
from drs_recovery.operators.terminate_instances import TerminateInstancesOperator
from drs_recovery.operators.wave_steps import WaveMixin

__all__ = [
    "ApprovalGateOperator",
    "CheckInstancesOperator",
    "CompleteWaveOperator",
    "EnrichInstancesOperator",
    "FailureDecisionOperator",
    "FinalizeExecutionOperator",
    "OpenExecutionOperator",
    "PublishEndOperator",
    "ReconcileOperator",
    "RecordPlansOperator",
    "StartRecoveryOperator",
    "StepOperator",
    "SweepOperator",
    "TerminateDueOperator",
    "TerminateInstancesOperator",
    "WaveMixin",
    "fails_for_good",
    "outlives_outages",
    "quick_retries",
]
