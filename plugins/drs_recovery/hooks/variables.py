"""Airflow Variables, read so that trouble is never taken for a Variable that is not there."""

from __future__ import annotations

from typing import Any

from airflow.sdk.exceptions import AirflowRuntimeError, ErrorType

from drs_recovery.exceptions import DrsRecoveryError


class UnansweredVariableError(DrsRecoveryError):
    """Airflow does not say (now) whether it has a Variable; asking again later may help."""

    def __init__(self, key: str) -> None:
        super().__init__(f"Airflow does not say whether there is a Variable {key}")


def read_variable(key: str) -> str | None:
    """
    Read a Variable, in a task as in a server of Airflow.

    :return: None if there is none.
    :raises UnansweredVariableError: in a task: the API server does not answer.
    """
    supervisor = _supervisor()
    if supervisor is None:
        from airflow.models import Variable as ServersVariable

        found = ServersVariable.get(key, default_var=None)
        return None if found is None else str(found)
    from airflow.sdk import Variable

    value = Variable.get(key, default=None)
    if value is None and not _is_undefined(supervisor, key):
        raise UnansweredVariableError(key)
    return None if value is None else str(value)


def write_variable(key: str, value: str, description: str) -> None:
    """Write a Variable, replacing what it was."""
    if _supervisor() is None:
        from airflow.models import Variable as ServersVariable

        ServersVariable.set(key, value, description=description)
        return
    from airflow.sdk import Variable

    Variable.set(key, value, description=description)


def variable_keys(prefix: str) -> list[str]:
    """Ask for the names of Variables, in one query."""
    if _supervisor() is None:
        from airflow.models import Variable as ServersVariable
        from airflow.utils.session import create_session
        from sqlalchemy import select

        wanted = select(ServersVariable.key).where(ServersVariable.key.startswith(prefix, autoescape=True))
        with create_session() as session:
            return sorted(session.scalars(wanted))
    from airflow.sdk import Variable

    return list(Variable.keys(prefix=prefix))


def delete_variable(key: str) -> None:
    """Delete a Variable, if there is one."""
    if _supervisor() is None:
        from airflow.models import Variable as ServersVariable

        ServersVariable.delete(key)
        return
    from airflow.sdk import Variable

    Variable.delete(key)


def _supervisor() -> Any:
    """What a task talks to Airflow through; None outside of tasks."""
    # Heavy, and loaded in every task.
    from airflow.sdk.execution_time import task_runner

    return getattr(task_runner, "SUPERVISOR_COMMS", None)


def _is_undefined(supervisor: Any, key: str) -> bool:
    """Whether Airflow itself says so: its lookup says the same when the API server does not answer."""
    from airflow.sdk.execution_time.comms import ErrorResponse, GetVariable

    try:
        answer = supervisor.send(GetVariable(key=key))
    except AirflowRuntimeError as error:
        answer = error.error
    return isinstance(answer, ErrorResponse) and answer.error is ErrorType.VARIABLE_NOT_FOUND
