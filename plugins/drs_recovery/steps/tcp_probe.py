"""Wait until a port takes connections."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pydantic import Field, StrictInt

from drs_recovery.plan import Line, PlanModel
from drs_recovery.steps.address_probe import TRY_SECONDS, AddressProbe, Via
from drs_recovery.steps.on_instance import quoted
from drs_recovery.steps.seen import Seen

if TYPE_CHECKING:
    from drs_recovery.steps.kind import StepRun
    from drs_recovery.steps.reach import Reach

_OWN_ADDRESS = "{{ server.private_ip }}"


class TcpProbeArguments(PlanModel):
    """Which port, where."""

    port: StrictInt = Field(ge=1, le=65535, description="TCP port.")
    host: Line = Field(default=_OWN_ADDRESS, description="Name or address; default: each recovered server.")
    via: Via = Field(default="worker", description="From where it connects.")


class TcpProbe(AddressProbe):
    """Connects and hangs up."""

    key = "tcp_probe"
    title = "Wait until a TCP port takes connections."
    arguments = TcpProbeArguments

    def acts_per_server(self, arguments: Mapping[str, Any]) -> bool:
        """Unless another host is named, and the worker connects."""
        return "server." in str(arguments.get("host", _OWN_ADDRESS)) or arguments.get("via") == "ssm"

    def attempt(self, reach: Reach, arguments: Any, run: StepRun) -> Seen:
        """Connect once."""
        address = reach.address_of(arguments.host, arguments.port)
        with socket.create_connection((address, arguments.port), TRY_SECONDS):
            return Seen(ok=True, detail=f"port {arguments.port} of {address} takes connections")

    def script(self, arguments: Any, *, windows: bool) -> tuple[str, ...]:
        """Connect once, from the instance."""
        host, port = quoted(arguments.host, windows=windows), arguments.port
        if windows:
            return (
                "$client = New-Object Net.Sockets.TcpClient",
                f"if (-not $client.ConnectAsync({host}, {port}).Wait({TRY_SECONDS * 1000:.0f})) {{ exit 1 }}",
            )
        return (f"timeout {TRY_SECONDS:.0f} bash -c 'exec 3<>\"/dev/tcp/$0/$1\"' {host} {port}",)

    def script_seen(self, arguments: Any, output: str) -> Seen:
        """It connected."""
        return Seen(ok=True, detail=f"port {arguments.port} of {arguments.host} takes connections")


KIND = TcpProbe()
