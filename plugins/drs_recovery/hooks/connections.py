"""What Airflow says of a connection that it does not find."""

from __future__ import annotations

from airflow.sdk.exceptions import AirflowRuntimeError, ErrorType


def is_undefined(connection: str) -> bool:
    """
    Whether a connection that was not found is defined nowhere, as far as Airflow can tell.

    To a task or a trigger, Airflow's lookup calls a connection not found, too, when the API server does not
    answer. So its answer is asked for itself; elsewhere the lookup is all there is.

    :param connection: Airflow connection id, which was just not found.
    """
    # Heavy, and loaded by the lookup.
    from airflow.sdk.execution_time import task_runner
    from airflow.sdk.execution_time.comms import ErrorResponse, GetConnection

    supervisor = getattr(task_runner, "SUPERVISOR_COMMS", None)
    if supervisor is None:
        return True
    try:
        answer = supervisor.send(GetConnection(conn_id=connection))
    except AirflowRuntimeError as error:
        answer = error.error
    return isinstance(answer, ErrorResponse) and answer.error is ErrorType.CONNECTION_NOT_FOUND
