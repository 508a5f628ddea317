"""What all hooks share: they never act in another account than the one that their connection names."""

from __future__ import annotations

from functools import cached_property

from airflow.providers.amazon.aws.hooks.base_aws import AwsBaseHook
from airflow.providers.amazon.aws.utils.connection_wrapper import AwsConnectionWrapper

from drs_recovery.hooks.errors import MissingConnectionError


class AccountHook(AwsBaseHook):
    """
    Base of the hooks.

    Airflow replaces a connection that it does not find by the credentials of the machine. For the default
    connection that is what everyone expects; for a named one they would be those of the wrong account, where
    nothing of the execution exists.
    """

    @cached_property
    def conn_config(self) -> AwsConnectionWrapper:
        """
        The connection.

        :raises MissingConnectionError: it has a name, and there is none of that name.
        """
        found: AwsConnectionWrapper = super().conn_config
        if not found and self.aws_conn_id not in (None, self.default_conn_name):
            raise MissingConnectionError(connection=self.aws_conn_id)
        return found
