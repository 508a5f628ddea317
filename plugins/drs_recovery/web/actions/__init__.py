"""What people do to an execution: each action is a request to Airflow in the name of whoever acts."""

from drs_recovery.web.actions import ending, questions, retrying
from drs_recovery.web.actions.context import ActingPerson, rights_of
from drs_recovery.web.actions.refusals import ActionTaken

__all__ = [
    "ActingPerson",
    "ActionTaken",
    "ending",
    "questions",
    "retrying",
    "rights_of",
]
