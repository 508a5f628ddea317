"""The state file: what the stack of a home directory consists of, readable by a later command."""

from __future__ import annotations

import base64
import json
import os
import secrets
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from devstack.errors import StateUnreadableError
from devstack.layout import StackSettings


@dataclass(frozen=True)
class ProcessRecord:
    """
    One process that the stack started.

    :param name: its name in the stack, such as ``scheduler``.
    :param pid: process id; also the id of its session, because each is started in a session of its own.
    :param started: its start time in epoch seconds, to recognise it: process ids are used again.
    """

    name: str
    pid: int
    started: float
    log: Path


@dataclass(frozen=True)
class Secrets:
    """Random for each stack, and the same in all its processes."""

    jwt: str = field(default_factory=lambda: secrets.token_urlsafe(48))
    session: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    fernet: str = field(default_factory=lambda: base64.urlsafe_b64encode(os.urandom(32)).decode())


@dataclass(frozen=True)
class StackState:
    """
    A stack as it was started, also when the start did not come to its end.

    :param sandbox_url: address of the local AWS; empty until it is ready.
    :param database_url: of Airflow's database, as SQLAlchemy has it; empty for the SQLite file.
    :param airflow_port: of the API server, or of the balancer before several.
    :param server_ports: of the API servers.
    :param broker_port: of a cluster's broker, else 0.
    :param restarts: which processes ended by themselves and were started again, for people, oldest first.
    """

    settings: StackSettings
    airflow_port: int
    server_ports: tuple[int, ...] = ()
    secrets: Secrets = field(default_factory=Secrets)
    sandbox_url: str = ""
    database_url: str = ""
    broker_port: int = 0
    restarts: tuple[str, ...] = ()
    processes: tuple[ProcessRecord, ...] = ()

    def __post_init__(self) -> None:
        """A server without a balancer is found at its own port."""
        object.__setattr__(self, "server_ports", tuple(self.server_ports) or (self.airflow_port,))

    @property
    def airflow_url(self) -> str:
        """Address of Airflow's UI and REST API."""
        return f"http://127.0.0.1:{self.airflow_port}"

    def process(self, name: str) -> ProcessRecord:
        """Return the process of a name."""
        return next(record for record in self.processes if record.name == name)

    def has(self, name: str) -> bool:
        """Whether there is a process of a name."""
        return any(record.name == name for record in self.processes)

    def with_process(self, record: ProcessRecord) -> StackState:
        """Return the state with one more process."""
        return replace(self, processes=(*self.processes, record))

    def without_process(self, record: ProcessRecord) -> StackState:
        """Return the state without a process that has done its work."""
        return replace(self, processes=tuple(known for known in self.processes if known != record))

    def save(self, path: Path) -> None:
        """Write the file in one step; it holds secrets, so only the owner may read it."""
        values = asdict(self) | {"settings": self.settings.to_json()}
        draft = path.with_suffix(".tmp")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump(values, file, indent=2, default=str)
        draft.replace(path)


def load_state(path: Path) -> StackState | None:
    """
    Read a state file.

    :return: None when there is none.
    :raises StateUnreadableError: its content is not what :meth:`StackState.save` writes.
    """
    try:
        return _parse(json.loads(path.read_text()))
    except FileNotFoundError:
        return None
    except (KeyError, TypeError, ValueError) as error:
        raise StateUnreadableError(path) from error


def _parse(values: dict[str, Any]) -> StackState:
    processes = (ProcessRecord(**{**record, "log": Path(record["log"])}) for record in values["processes"])
    return StackState(
        settings=StackSettings.from_json(values["settings"]),
        airflow_port=values["airflow_port"],
        secrets=Secrets(**values["secrets"]),
        sandbox_url=values["sandbox_url"],
        database_url=values["database_url"],
        server_ports=values["server_ports"],
        broker_port=values["broker_port"],
        restarts=tuple(values["restarts"]),
        processes=tuple(processes),
    )
