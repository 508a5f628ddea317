"""The DAG that terminates the instances of an execution when somebody asks for it."""

from __future__ import annotations

from airflow.sdk import DAG, Param

from drs_recovery.operators.terminate_instances import TerminateInstancesOperator

DOC = """\
# Terminate the instances of an execution

Terminates the instances that one execution launched and recorded, and nothing else: right before each request
DRS must say that the instance is of the execution's job and of a drill. The execution must have ended. Drills
are cleaned up automatically, see `drill.terminate_after` of their plan.

Instances of a real recovery run your business. They are terminated only with `include_recovery` and the id of
the plan typed as `confirmation`.
"""

with DAG(
    dag_id="terminate_recovery_instances",
    description="Terminate the instances that an execution launched.",
    doc_md=DOC,
    tags=["recovery"],
    schedule=None,
    catchup=False,
    is_paused_upon_creation=False,
    params={
        "execution_id": Param(
            type="string", minLength=1, description="Id of an execution that has ended, as the record has it."
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
):
    TerminateInstancesOperator(task_id="terminate")
