"""
What all hooks share: the account of their connection, its client settings, and clients that are quick to
make.

A connection knows the network: proxies, FIPS, certificates, time-outs (``config_kwargs`` in its extra).
Retries are this package's business.
"""

from __future__ import annotations

import inspect
import logging
import math
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any

from airflow.providers.amazon.aws.hooks.base_aws import AwsBaseHook, SessionFactory
from airflow.providers.amazon.aws.utils.connection_wrapper import AwsConnectionWrapper
from airflow.sdk.exceptions import AirflowRuntimeError, ErrorType
from botocore.config import Config

from drs_recovery.hooks.answers import check_answers
from drs_recovery.hooks.errors import (
    MissingConnectionError,
    UnansweredConnectionError,
    UnusableConnectionError,
)
from drs_recovery.service_models import share_service_models

# Seconds. "Wait for ever" and its like would hold up a recovery for ever.
LONGEST_TIMEOUT = 300.0

_TIMEOUTS = ("connect_timeout", "read_timeout")


def merged(connection: Config, own: Config, region: str | None) -> Config:
    """
    The configuration of a client.

    :param own: what the purpose asks for: its retries stand, its time-outs hold if the connection has none.
    :param region: the Region that was asked for; a target is never another one because of its connection.
    :raises ValueError, TypeError: the connection's time-outs or proxies are none.
    """
    config = own.merge(connection)
    if not isinstance(config.proxies, dict | None):
        raise TypeError(f"proxies is {config.proxies!r}: expected a mapping of schemes to URLs")
    fixed: dict[str, Any] = {
        name: _bounded(name, getattr(config, name), getattr(own, name)) for name in _TIMEOUTS
    }
    if own.retries is not None:
        fixed["retries"] = own.retries
    if region is not None:
        fixed["region_name"] = region
    return config.merge(Config(**fixed))


def within(config: Config, connect: float, total: float) -> Config:
    """
    The same configuration for a request of which the outcome must be known in time.

    :param connect: seconds after which no connection is waited for.
    :param total: seconds after which no answer is waited for any more.
    """
    connect = min(config.connect_timeout, connect)
    return config.merge(
        Config(connect_timeout=connect, read_timeout=min(config.read_timeout, total - connect))
    )


def _bounded(name: str, seconds: Any, own: float) -> float:
    if seconds is None:
        return min(own, LONGEST_TIMEOUT)
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 < seconds < math.inf:
        raise ValueError(f"{name} is {seconds!r}: expected seconds, more than 0")
    return min(seconds, LONGEST_TIMEOUT)


def is_undefined(connection: str) -> bool:
    """
    Whether a connection that was not found is defined nowhere, as far as Airflow can tell.

    To a task or a trigger, Airflow's lookup calls a connection not found, too, when the API server does not
    answer. So its answer is asked for itself; elsewhere the lookup is all there is.
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


# At each client they say where the credentials come from, in the log of every task, with the key's id.
for _noisy in ("botocore.credentials", "botocore.tokens", "aiobotocore.credentials"):
    logging.getLogger(_noisy).setLevel(logging.WARNING)


class _Sessions(SessionFactory):  # type: ignore[misc,valid-type]  # the class that Airflow is configured with
    """Airflow's, whose client of STS reads answers as carefully as all others."""

    def _create_basic_session(self, session_kwargs: dict[str, Any]) -> Any:
        return _prepared(super()._create_basic_session(session_kwargs))


def _prepared(session: Any) -> Any:
    """Let a session read no description twice in this process, and nothing as an answer that is none."""
    share_service_models(session)
    check_answers(session)
    return session


class AccountHook(AwsBaseHook):
    """
    Base of the hooks.

    Airflow replaces a connection that it does not find by the credentials of the machine. For a default
    connection that nobody defined that is what everyone expects; for any other one they would be those of the
    wrong account, where nothing of the execution exists.

    :param config: what the hook's purpose asks for; the connection's ``config_kwargs`` go with it, see
        :func:`~drs_recovery.hooks.base.merged`. Airflow would take the one or the other.
    """

    def __init__(self, *args: Any, config: Config | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._own_config = config or Config()

    @cached_property
    def conn_config(self) -> AwsConnectionWrapper:
        """
        The connection, and how clients of this hook are configured because of it.

        :raises MissingConnectionError: it has a name, and there is none of that name; or Airflow does not say
            whether there is a default one.
        :raises UnusableConnectionError: what it says of itself makes no sense.
        """
        connection, of_connection = self._connection
        with self._explained():
            connection.botocore_config = merged(of_connection, self._own_config, self._region_name)
        return connection

    def config_for(self, own: Config) -> Config:
        """What the connection says, for a client with a purpose of its own."""
        with self._explained():
            return merged(self._connection[1], own, self._region_name)

    @cached_property
    def _connection(self) -> tuple[AwsConnectionWrapper, Config]:
        """The connection, and what it says of clients."""
        with self._explained():
            found: AwsConnectionWrapper = super().conn_config
        # Airflow keeps what it found, so that the next look would be given what is refused here.
        del vars(self)["conn_config"]
        if not found and self.aws_conn_id is not None:
            if self.aws_conn_id != self.default_conn_name:
                raise MissingConnectionError(connection=self.aws_conn_id)
            if not is_undefined(self.aws_conn_id):
                raise UnansweredConnectionError(connection=self.aws_conn_id)
        return found, found.botocore_config or Config()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Say of an error in a connection's extra which connection it is in."""
        try:
            yield
        except (TypeError, ValueError, AttributeError) as error:
            raise UnusableConnectionError(connection=self.aws_conn_id, reason=str(error)) from error

    def get_session(self, region_name: str | None = None, deferrable: bool = False) -> Any:
        """As Airflow makes it, see :func:`_prepared`."""
        found = _Sessions(conn=self.conn_config, region_name=region_name, config=self.config)
        return _prepared(found.create_session(deferrable=deferrable))

    def pages(self, operation: str, *keys: str, **arguments: Any) -> Iterator[dict[str, Any]]:
        """
        What all pages of an operation list.

        :param operation: such as ``describe_jobs``.
        :param keys: of the lists in a page.
        """
        for page in self.conn.get_paginator(operation).paginate(**arguments):
            for key in keys:
                yield from page.get(key, [])

    @staticmethod
    def _find_operator_class_name(target_function_name: str) -> str | None:
        """
        Name of the operator that makes a client, for the user agent, as Airflow's own method finds it.

        That one has the source of every function on the stack read, which took a sixth of a task's CPU time.
        """
        frame = inspect.currentframe()
        while frame is not None and frame.f_code.co_name != target_function_name:
            frame = frame.f_back
        return None if frame is None else type(frame.f_locals["self"]).__name__

    @staticmethod
    def _find_executor_class_name() -> None:
        """No executor uses these hooks; looking for one reads the sources of the whole stack, too."""
