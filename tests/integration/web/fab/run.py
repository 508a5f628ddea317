"""
Run the plan ``crm`` in the Airflow of this process's environment, beside its API server.

``python -m tests.integration.web.fab.run``; says on a line of its own when somebody is asked.
"""

from __future__ import annotations

import threading

from airflow.dag_processing.dagbag import DagBag
from airflow.models.taskinstance import TaskInstance
from airflow.sdk import timezone
from airflow.utils.session import create_session
from airflow.utils.state import TaskInstanceState
from sqlalchemy import select

from tests.integration.at_work import AtWork
from tests.integration.runs import DAGS

ASKED = "asked"


def say_when_asked(at_work: AtWork, over: threading.Event) -> None:
    """Say when a question waits whose task has really parked."""
    waiting = select(TaskInstance.task_id).where(TaskInstance.state == TaskInstanceState.AWAITING_INPUT)
    while not over.wait(0.3):
        with create_session() as session:
            asked = session.scalars(waiting).first()
        if asked and at_work.task_id is None:
            print(ASKED, flush=True)  # noqa: T201  # its answer
            return


def main() -> None:
    """Run the plan to its end."""
    at_work, over = AtWork(), threading.Event()
    threading.Thread(target=say_when_asked, args=(at_work, over), daemon=True).start()
    dag = DagBag(str(DAGS), bundle_name="dags-folder").dags["recover_crm"]
    moment = timezone.utcnow()
    try:
        with at_work.watched():
            dag.test(run_after=moment, logical_date=moment)
    finally:
        over.set()


if __name__ == "__main__":
    main()
