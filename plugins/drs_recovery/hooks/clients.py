"""
Keep the hooks of one process, ask each target independently, and check that a connection still leads to its
account.

Creating a client takes 30-90 ms, and a wave may reach several Regions. What one answers is used, whatever
another one says. In another account nothing of the launch exists: what is not found there is not gone, and
what is found is not ours.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Generic, NamedTuple, TypeVar

from airflow.providers.amazon.aws.hooks.ec2 import EC2Hook as AirflowEc2Hook
from airflow.sdk.exceptions import AirflowNotFoundException

from drs_recovery.hooks.base import AccountHook, is_undefined
from drs_recovery.hooks.drs import READ_CONFIG, DrsHook
from drs_recovery.hooks.ec2 import describe_statuses
from drs_recovery.hooks.errors import (
    AWS_ERRORS,
    FORESEEN_ERRORS,
    MissingConnectionError,
    describe,
    is_transient,
    retry_after,
)
from drs_recovery.hooks.functions import FunctionsHook
from drs_recovery.hooks.iam import QuotasHook, RightsHook
from drs_recovery.hooks.ssm import SsmHook
from drs_recovery.hooks.traffic import AlarmsHook, RoutingControlsHook, TargetGroupsHook

log = logging.getLogger(__name__)


class Ec2Hook(AccountHook, AirflowEc2Hook):
    """Airflow's hook of EC2, in the account that the connection names or nowhere."""

    def instance_statuses(self, instance_ids: Collection[str]) -> dict[str, Mapping[str, Any]]:
        """``InstanceStatus`` by instance id; see :func:`drs_recovery.hooks.ec2.describe_statuses`."""
        return describe_statuses(self.conn, sorted(instance_ids))


class Target(NamedTuple):
    """Where a server is recovered: one DRS job is always for one target."""

    connection: str
    region: str

    def __str__(self) -> str:
        """How messages name it."""
        return f"{self.region} (connection {self.connection})"


def connection_exists(connection: str) -> bool:
    """
    Whether an Airflow connection can be used, as far as Airflow can tell.

    Airflow's AWS hooks replace a missing connection by boto3's default credentials. For the default
    connection that is what everyone expects; for a named one it would be the wrong account.
    """
    if connection == DrsHook.default_conn_name:
        return True
    try:
        DrsHook.get_connection(connection)
    except AirflowNotFoundException:
        # One of which Airflow does not say whether there is one is looked for again by whoever needs it.
        return not is_undefined(connection)
    return True


class TargetClients:
    """The hooks of one target."""

    def __init__(self, target: Target) -> None:
        self.target = target

    @cached_property
    def drs(self) -> DrsHook:
        """DRS in this target."""
        return DrsHook(aws_conn_id=self.target.connection, region_name=self.target.region)

    @cached_property
    def ec2(self) -> Ec2Hook:
        """EC2 in this target."""
        return Ec2Hook(
            aws_conn_id=self.target.connection,
            region_name=self.target.region,
            api_type="client_type",
            config=READ_CONFIG,
        )

    @cached_property
    def ssm(self) -> SsmHook:
        """Systems Manager in this target."""
        return SsmHook(aws_conn_id=self.target.connection, region_name=self.target.region)

    @cached_property
    def functions(self) -> FunctionsHook:
        """Lambda in this target."""
        return FunctionsHook(aws_conn_id=self.target.connection, region_name=self.target.region)

    @cached_property
    def target_groups(self) -> TargetGroupsHook:
        """Load balancers' target groups in this target."""
        return TargetGroupsHook(aws_conn_id=self.target.connection, region_name=self.target.region)

    @cached_property
    def alarms(self) -> AlarmsHook:
        """CloudWatch alarms in this target."""
        return AlarmsHook(aws_conn_id=self.target.connection, region_name=self.target.region)

    def routing_controls(self, endpoint: str, region: str) -> RoutingControlsHook:
        """
        Routing controls of the target's account through one endpoint of their cluster.

        :param endpoint: its URL.
        :param region: its Region, in whose name it is called.
        """
        return RoutingControlsHook(endpoint, aws_conn_id=self.target.connection, region_name=region)

    @cached_property
    def quotas(self) -> QuotasHook:
        """Service quotas in this target."""
        return QuotasHook(aws_conn_id=self.target.connection, region_name=self.target.region)

    @cached_property
    def account(self) -> str:
        """
        Id of the AWS account; the connection stands for it where AWS refuses to tell.

        :raises botocore errors: AWS does not tell now.
        """
        try:
            return self.told_account
        except AWS_ERRORS as error:
            # Two names of one account would be two queues for the same capacity.
            if is_transient(error):
                raise
            log.warning("account of connection %s not known: %s", self.target.connection, describe(error))
            return self.target.connection

    @cached_property
    def told_account(self) -> str:
        """
        Id of the AWS account, as AWS tells it.

        :raises botocore errors: AWS does not tell, now or at all.
        """
        return self.rights.account()

    @property
    def account_id(self) -> str | None:
        """
        Id of the AWS account; None where AWS refuses to tell.

        :raises botocore errors: AWS does not tell now.
        """
        return None if self.account == self.target.connection else self.account

    @cached_property
    def rights(self) -> RightsHook:
        """Whose credentials the connection gives, and what they allow."""
        return RightsHook(aws_conn_id=self.target.connection, region_name=self.target.region)


class Clients:
    """Hooks by target; :meth:`forget` drops them, so that the next call fetches credentials anew."""

    def __init__(self) -> None:
        self._by_target: dict[Target, TargetClients] = {}

    def at(self, connection: str, region: str) -> TargetClients:
        """The hooks of a target, made at the first call."""
        target = Target(connection, region)
        return self._by_target.setdefault(target, TargetClients(target))

    def forget(self, target: Target | None = None) -> None:
        """
        Drop hooks: after an expired token a new client reads the connection again.

        :param target: only those of this target.
        """
        if target is None:
            self._by_target.clear()
        else:
            self._by_target.pop(target, None)


Wanted = TypeVar("Wanted")
Found = TypeVar("Found")


@dataclass(frozen=True)
class TargetTrouble:
    """
    Why something could not be asked in one target.

    :param subject: what was asked, such as ``DRS``.
    """

    target: Target
    error: Exception
    subject: str

    def __str__(self) -> str:
        """For people, with AWS's words."""
        return f"{self.subject} in {self.target}: {describe(self.error)}"

    @property
    def passes(self) -> bool:
        """Whether the same question may be answered later; otherwise it is a definite refusal."""
        return is_transient(self.error)

    @property
    def retry_after(self) -> float | None:
        """Seconds that AWS asks to wait, if it does."""
        return retry_after(self.error)


@dataclass
class TargetAnswers(Generic[Found]):
    """What the targets said."""

    found: dict[Target, Found] = field(default_factory=dict)
    troubles: list[TargetTrouble] = field(default_factory=list)


def ask_targets(
    clients: Clients,
    by_target: Mapping[Target, Wanted],
    subject: str,
    ask: Callable[[TargetClients, Wanted], Found],
) -> TargetAnswers[Found]:
    """
    Ask every target, and go on where one does not answer.

    :param clients: hooks by target; those of one that does not answer are made anew for the next question.
    """
    answers = TargetAnswers[Found]()
    for target, wanted in by_target.items():
        try:
            answers.found[target] = ask(clients.at(*target), wanted)
        except Exception as error:  # whatever is wrong with one target, the others are asked
            trouble = TargetTrouble(target, error, subject)
            log.warning("no answer this time: %s", trouble, exc_info=not isinstance(error, FORESEEN_ERRORS))
            clients.forget(target)
            answers.troubles.append(trouble)
    return answers


class WrongAccountError(MissingConnectionError):
    """The connection of a launch leads to another account now; as one that is missing, it may come back."""

    fmt = "connection {connection} leads to account {account} now, what was launched is in {launched}"


def demand_account(hooks: TargetClients, launched: Iterable[str | None]) -> None:
    """
    Demand that a target's connection leads to where something was launched.

    :param launched: accounts of the launches; None for those whose account was never known.
    :raises WrongAccountError: it leads elsewhere.
    :raises botocore errors: AWS does not tell where it leads.
    """
    known = {account for account in launched if account}
    if known and known != {hooks.told_account}:
        raise WrongAccountError(
            connection=hooks.target.connection,
            account=hooks.told_account,
            launched=", ".join(sorted(known)),
        )
