"""
Whether a connection still leads to the AWS account in which something was launched.

In another account nothing of it exists: what is not found there is not gone, and what is found is not ours.
"""

from __future__ import annotations

from collections.abc import Iterable

from drs_recovery.hooks.clients import PlaceClients
from drs_recovery.hooks.errors import MissingConnectionError


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
