"""The DAG that does what no run of a plan can do: clean up after drills, close what was left open."""

from __future__ import annotations

from airflow.sdk import DAG, CronTriggerTimetable

from drs_recovery.operators.housekeeping import (
    CheckInstancesOperator,
    ReconcileOperator,
    SweepOperator,
    TerminateDueOperator,
)

DOC = """\
# Housekeeping

Every ten minutes, each step independently:

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

with DAG(
    dag_id="housekeeping",
    description="Clean up after drills, close what was left open.",
    doc_md=DOC,
    tags=["recovery"],
    schedule=CronTriggerTimetable("*/10 * * * *", timezone="UTC"),
    catchup=False,
    max_active_runs=1,
    is_paused_upon_creation=False,
):
    TerminateDueOperator(task_id="terminate_due")
    CheckInstancesOperator(task_id="check_instances")
    ReconcileOperator(task_id="reconcile")
    SweepOperator(task_id="sweep")
