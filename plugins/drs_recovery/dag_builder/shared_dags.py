"""Build the DAGs that all plans share: housekeeping, and terminations on request."""

from __future__ import annotations

from airflow.sdk import DAG, CronTriggerTimetable, Param, TriggerRule

from drs_recovery.operators import (
    CheckInstancesOperator,
    ReconcileOperator,
    RecordPlansOperator,
    SweepOperator,
    TerminateDueOperator,
    TerminateInstancesOperator,
)
from drs_recovery.settings import task_defaults
from drs_recovery.store import TERMINATING_DAG

HOUSEKEEPING = "housekeeping"

_HOUSEKEEPING_DOC = """\
# Housekeeping

Every ten minutes, each step whatever became of the others:

- `record_plans` records the plans as their files are now, for the console and for whoever has no plan files;
- `terminate_due` terminates the instances of drills whose `terminateAfter` is over;
- `check_instances` compares the instances that records of ended executions call running with DRS and EC2, and
  records which are gone or replaced;
- `reconcile` closes records whose DAG run ended, or was deleted, without closing them; it keeps the plans of
  live executions for their DAGs (Variables `drs_recovery_live.…`), and no others;
- `sweep` terminates drill instances that carry the tags of an execution, are past its time and are on no
  record. Instances of a real recovery that came up too late are added to its record and not touched. Drill
  instances of other owners, and all instances whose execution has no record (the table was lost), are only
  reported in its log and result; for the latter, a message is also sent once.

Leave it switched on: without it, drill instances run until they are terminated by hand.
"""

_TERMINATION_DOC = """\
# Terminate the instances of an execution

Terminates the instances that one execution launched and recorded, and nothing else: right before each request
DRS must say that the instance is of the execution's job and of a drill. The execution must have ended. Drills
are cleaned up automatically, see `drill.terminate_after` of their plan.

Instances of a real recovery run your business. They are terminated only with `include_recovery` and the id of
the plan typed as `confirmation`.
"""


def housekeeping_dag(dag_file: str) -> DAG:
    """
    Build the DAG that cleans up after drills and closes records that their own runs left open.

    :param dag_file: ``__file__`` of the DAG file, from which the plan files are found.
    """
    with DAG(
        dag_id=HOUSEKEEPING,
        description="Clean up after drills, close what was left open.",
        doc_md=_HOUSEKEEPING_DOC,
        tags=["recovery"],
        default_args={**task_defaults()},
        schedule=CronTriggerTimetable("*/10 * * * *", timezone="UTC"),
        catchup=False,
        max_active_runs=1,
        is_paused_upon_creation=False,
    ) as dag:
        recorded = RecordPlansOperator(task_id="record_plans", dag_file=dag_file)
        TerminateDueOperator(task_id="terminate_due")
        CheckInstancesOperator(task_id="check_instances")
        ReconcileOperator(task_id="reconcile")
        # After a loss of the table, the sweep knows from the plans alone where to look.
        recorded >> SweepOperator(task_id="sweep", trigger_rule=TriggerRule.ALL_DONE)
    return dag


def termination_dag() -> DAG:
    """Build the DAG that terminates the instances of an execution on request."""
    with DAG(
        dag_id=TERMINATING_DAG,
        description="Terminate the instances that an execution launched.",
        doc_md=_TERMINATION_DOC,
        tags=["recovery"],
        default_args={**task_defaults()},
        schedule=None,
        catchup=False,
        is_paused_upon_creation=False,
        params={
            "execution_id": Param(
                type="string",
                minLength=1,
                description="Id of an execution that has ended, as the record has it.",
            ),
            "waves": Param(
                None,
                type=["null", "array"],
                items={"type": ["integer", "string"]},
                description="Only instances of these waves, by number or name. Empty: all.",
            ),
            "include_recovery": Param(
                False, type="boolean", description="Also instances of a real recovery: they may be in use."
            ),
            "confirmation": Param(
                None, type=["null", "string"], description="With include_recovery: the plan's id, typed."
            ),
        },
    ) as dag:
        TerminateInstancesOperator(task_id="terminate")
    return dag
