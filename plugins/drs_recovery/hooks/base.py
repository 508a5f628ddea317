"""What all hooks share: the account that their connection names, no other, and clients that are made fast."""

from __future__ import annotations

import inspect
from functools import cached_property
from typing import Any

from airflow.providers.amazon.aws.hooks.base_aws import AwsBaseHook
from airflow.providers.amazon.aws.utils.connection_wrapper import AwsConnectionWrapper

from drs_recovery.hooks.connections import is_undefined
from drs_recovery.hooks.errors import MissingConnectionError, UnansweredConnectionError
from drs_recovery.hooks.service_models import share_service_models


class AccountHook(AwsBaseHook):
    """
    Base of the hooks.

    Airflow replaces a connection that it does not find by the credentials of the machine. For a default
    connection that nobody defined that is what everyone expects; for any other one they would be those of the
    wrong account, where nothing of the execution exists.
    """

    @cached_property
    def conn_config(self) -> AwsConnectionWrapper:
        """
        The connection.

        :raises MissingConnectionError: it has a name, and there is none of that name; or Airflow does not say
            whether there is a default one.
        """
        found: AwsConnectionWrapper = super().conn_config
        if found or self.aws_conn_id is None:
            return found
        if self.aws_conn_id != self.default_conn_name:
            raise MissingConnectionError(connection=self.aws_conn_id)
        if not is_undefined(self.aws_conn_id):
            raise UnansweredConnectionError(connection=self.aws_conn_id)
        return found

    def get_session(self, region_name: str | None = None, deferrable: bool = False) -> Any:
        """A session that reads no description of a service which this process has read already."""
        session = super().get_session(region_name, deferrable)
        share_service_models(session)
        return session

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
