"""
The recovery console and its API, mounted by the Airflow plugin at ``/recovery``.

It reads the execution store, Airflow's public API (as the person who asks) and the plan files. What people do
here goes through Airflow's public API, too, so that Airflow checks their rights and keeps its audit log.
"""

from drs_recovery.web.fresh_questions import FreshQuestions
from drs_recovery.web.mount import Console
from drs_recovery.web.shared_dags import SharedDagGuard

__all__ = [
    "Console",
    "FreshQuestions",
    "SharedDagGuard",
]
