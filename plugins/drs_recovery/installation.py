"""
Which Airflow installation this is: several may share one table, and each touches only what it opened.

The name is ``[drs_recovery] installation``, or one that is made once and kept as an Airflow Variable. It is
claimed in the table with an id that only this installation has, so that two cannot have the same name.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from drs_recovery.durations import moment
from drs_recovery.exceptions import InstallationTakenError
from drs_recovery.hooks import read_variable, write_variable
from drs_recovery.settings import checked_installation, installation_setting
from drs_recovery.store import foreign_controller, taken_from, why_read_only

if TYPE_CHECKING:
    from drs_recovery.store import Execution, ExecutionStore

NAME_VARIABLE = "drs_recovery_installation"
CLAIM_VARIABLE = "drs_recovery_installation_claim"

_DESCRIPTIONS: Mapping[str, str] = {
    NAME_VARIABLE: "Name of this Airflow installation in the table of recovery executions. Do not change it.",
    CLAIM_VARIABLE: "Proves that the name of this Airflow installation is its own. Do not change or copy it.",
}

# Airflow cannot write a Variable on condition that there is none. Tasks that make one at the same time, once
# in the life of an installation, all take the one that is there after so many seconds.
_SETTLING = 3.0


def installation(store: ExecutionStore) -> str:
    """
    Name of this Airflow installation, made and claimed where that was not done yet.

    :raises InstallationTakenError: another installation has claimed the name.
    :raises UnansweredVariableError: Airflow does not answer.
    """
    ours = own_name()
    return checked_claim(store, ours, store.installations.claim(*ours))


class OwnName(NamedTuple):
    """Name of this Airflow installation, and what proves that it is its own."""

    name: str
    claim: str


def own_name() -> OwnName:
    """
    Read the name of this Airflow installation, made where that was not done yet; another one may have it too.

    :raises UnansweredVariableError: Airflow does not answer.
    """
    given = installation_setting()
    made = {CLAIM_VARIABLE: uuid.uuid4().hex}
    if given is None:
        made[NAME_VARIABLE] = f"airflow-{uuid.uuid4().hex[:12]}"
    kept = _kept(made)
    name = given or checked_installation(kept[NAME_VARIABLE], f"the Airflow Variable {NAME_VARIABLE}")
    return OwnName(name, kept[CLAIM_VARIABLE])


def checked_claim(store: ExecutionStore, ours: OwnName, claim: Mapping[str, Any]) -> str:
    """
    Demand that the claim to a name is this installation's; the store acts in that name from now on.

    :raises InstallationTakenError: another installation has claimed the name.
    """
    if claim["claim"] != ours.claim:
        since = moment(claim["claimedTime"])
        raise InstallationTakenError(ours.name, store.table.table_name, since)
    store.act_for(ours.name)
    return ours.name


def known_installation() -> str | None:
    """Name of this Airflow installation, for who only shows records; None if it was not made yet."""
    return installation_setting() or read_variable(NAME_VARIABLE)


def elsewhere(execution: Execution, name: str | None) -> str | None:
    """
    Say that an execution belongs to another installation, or to a newer release; None if it does not.

    :param name: of this installation; None if it has none yet.
    """
    if reason := why_read_only(execution):
        return f"execution {execution['executionId']} is not touched: {reason}"
    controller = foreign_controller(execution, name)
    if controller is None:
        return None
    if taken := taken_from(execution, name):
        return (
            f"execution {execution['executionId']} was taken over by the Airflow installation {controller} "
            f"(by {taken['actor']}, {moment(taken['time'])}), and this one is {name}: it goes on there"
        )
    return (
        f"execution {execution['executionId']} belongs to the Airflow installation {controller}, "
        f"and this one is {name or 'another one'}: act there"
    )


def _kept(made: Mapping[str, str]) -> dict[str, str]:
    """What the Variables hold; those that are missing get the value made for them."""
    kept = {key: read_variable(key) for key in made}
    missing = [key for key, value in kept.items() if not value]
    for key in missing:
        write_variable(key, made[key], _DESCRIPTIONS[key])
    if missing:
        time.sleep(_SETTLING)
    settled = {key: (read_variable(key) if key in missing else value) for key, value in kept.items()}
    return {key: value or made[key] for key, value in settled.items()}
