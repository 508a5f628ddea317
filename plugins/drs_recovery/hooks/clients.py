"""
Keep the hooks of one process, ask each target independently, and check that a connection still leads to its
account.

Creating a client takes 30-90 ms, and a wave may reach several Regions. What one answers is used, whatever
another one says. In another account nothing of the launch exists: what is not found there is not gone, and
what is found is not ours.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Generic, NamedTuple, TypeVar

from airflow.providers.amazon.aws.hooks.ec2 import EC2Hook as AirflowEc2Hook
from airflow.sdk.exceptions import AirflowNotFoundException

from drs_recovery.hooks.base import AccountHook, is_undefined
from drs_recovery.hooks.drs import READ_CONFIG, DrsHook
from drs_recovery.hooks.errors import (
    AWS_ERRORS,
    FORESEEN_ERRORS,
    MissingConnectionError,
    describe,
    is_transient,
    retry_after,
)
from drs_recovery.hooks.iam import QuotasHook, RightsHook

log = logging.getLogger(__name__)


class Ec2Hook(AccountHook, AirflowEc2Hook):
    """Airflow's hook of EC2, in the account that the connection names or nowhere."""


class Place(NamedTuple):
    """
    Where a server is recovered: one DRS job is always for one place.

    :param connection: Airflow connection id.
    :param region: AWS Region.
    """

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

    :param connection: Airflow connection id.
    """
    if connection == DrsHook.default_conn_name:
        return True
    try:
        DrsHook.get_connection(connection)
    except AirflowNotFoundException:
        # One of which Airflow does not say whether there is one is looked for again by whoever needs it.
        return not is_undefined(connection)
    return True


class PlaceClients:
    """The hooks of one place."""

    def __init__(self, place: Place) -> None:
        self.place = place

    @cached_property
    def drs(self) -> DrsHook:
        """DRS in this place."""
        return DrsHook(aws_conn_id=self.place.connection, region_name=self.place.region)

    @cached_property
    def ec2(self) -> Ec2Hook:
        """EC2 in this place."""
        return Ec2Hook(
            aws_conn_id=self.place.connection,
            region_name=self.place.region,
            api_type="client_type",
            config=READ_CONFIG,
        )

    @cached_property
    def quotas(self) -> QuotasHook:
        """Service quotas in this place."""
        return QuotasHook(aws_conn_id=self.place.connection, region_name=self.place.region)

    @cached_property
    def account(self) -> str:
        """
        Id of the AWS account; the connection stands for it where AWS refuses to tell.

        :raises botocore errors: AWS does not tell now.
        """
        try:
            return self.told_account
        except AWS_ERRORS as error:
            # Two names of one account would be two queues for the same room.
            if is_transient(error):
                raise
            log.warning("account of connection %s not known: %s", self.place.connection, describe(error))
            return self.place.connection

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
        return None if self.account == self.place.connection else self.account

    @cached_property
    def rights(self) -> RightsHook:
        """Whose credentials the connection gives, and what they allow."""
        return RightsHook(aws_conn_id=self.place.connection, region_name=self.place.region)


class Clients:
    """Hooks by place; :meth:`forget` drops them, so that the next call fetches credentials anew."""

    def __init__(self) -> None:
        self._by_place: dict[Place, PlaceClients] = {}

    def at(self, connection: str, region: str) -> PlaceClients:
        """The hooks of a place, made at the first call."""
        place = Place(connection, region)
        return self._by_place.setdefault(place, PlaceClients(place))

    def forget(self, place: Place | None = None) -> None:
        """
        Drop hooks: after an expired token a new client reads the connection again.

        :param place: only those of this place.
        """
        if place is None:
            self._by_place.clear()
        else:
            self._by_place.pop(place, None)


Wanted = TypeVar("Wanted")
Found = TypeVar("Found")


@dataclass(frozen=True)
class PlaceTrouble:
    """
    Why something could not be asked in one place.

    :param place: connection and Region.
    :param error: what came instead of an answer.
    :param subject: what was asked, such as ``DRS``.
    """

    place: Place
    error: Exception
    subject: str

    def __str__(self) -> str:
        """For people, with AWS's words."""
        return f"{self.subject} in {self.place}: {describe(self.error)}"

    @property
    def passes(self) -> bool:
        """Whether the same question may be answered later; otherwise it is a definite refusal."""
        return is_transient(self.error)

    @property
    def retry_after(self) -> float | None:
        """Seconds that AWS asks to wait, if it does."""
        return retry_after(self.error)


@dataclass
class PlaceAnswers(Generic[Found]):
    """
    What the places said.

    :param found: by place, of those that answered.
    :param troubles: of those that did not, or not to everything.
    """

    found: dict[Place, Found] = field(default_factory=dict)
    troubles: list[PlaceTrouble] = field(default_factory=list)


def ask_places(
    clients: Clients,
    by_place: Mapping[Place, Wanted],
    subject: str,
    ask: Callable[[PlaceClients, Wanted], Found],
) -> PlaceAnswers[Found]:
    """
    Ask every place, and go on where one does not answer.

    :param clients: hooks by place; those of a place that does not answer are made anew for the next question.
    :param by_place: what is wanted there.
    :param subject: what is asked, for people.
    :param ask: asks one place.
    """
    answers = PlaceAnswers[Found]()
    for place, wanted in by_place.items():
        try:
            answers.found[place] = ask(clients.at(*place), wanted)
        except Exception as error:  # whatever is wrong with one place, the others are asked
            trouble = PlaceTrouble(place, error, subject)
            log.warning("no answer this time: %s", trouble, exc_info=not isinstance(error, FORESEEN_ERRORS))
            clients.forget(place)
            answers.troubles.append(trouble)
    return answers


class WrongAccountError(MissingConnectionError):
    """The connection of a launch leads to another account now; as one that is missing, it may come back."""

    fmt = "connection {connection} leads to account {account} now, what was launched is in {launched}"


def demand_account(hooks: PlaceClients, launched: Iterable[str | None]) -> None:
    """
    Demand that a place's connection leads to where something was launched.

    :param hooks: of the place.
    :param launched: accounts of the launches; None for those whose account was never known.
    :raises WrongAccountError: it leads elsewhere.
    :raises botocore errors: AWS does not tell where it leads.
    """
    known = {account for account in launched if account}
    if known and known != {hooks.told_account}:
        raise WrongAccountError(
            connection=hooks.place.connection,
            account=hooks.told_account,
            launched=", ".join(sorted(known)),
        )
