"""
Where a probe of the worker may go: the recovered instances' own addresses, and the hosts that are listed.

A plan file is data of many authors, and the worker stands in a network with much else in it. So a name is
resolved once, the address is judged, and that address is connected to.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from drs_recovery.steps.kind import StepRun

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# The metadata service of EC2 by IPv6; by IPv4 it is link-local.
_METADATA = frozenset({ipaddress.ip_address("fd00:ec2::254")})

SETTING = "[drs_recovery] probe_hosts"


class ProbeRefusedError(Exception):
    """The probe must not go there: trying again changes nothing."""


@dataclass(frozen=True)
class Reach:
    """
    The addresses that the probes of one step may reach.

    :param hosts: names and addresses that the setting lists, in small letters.
    :param instances: recorded addresses of the recovered instances.
    :param originals: addresses of the original servers, which prove nothing of a drill; empty for others.
    """

    hosts: Collection[str]
    instances: Collection[str]
    originals: Collection[str]

    @classmethod
    def of(cls, run: StepRun) -> Reach:
        """What the execution and the settings allow."""
        originals = run.source_addresses if run.is_drill else ()
        return cls([host.lower() for host in run.probe_hosts], run.addresses, originals)

    def address_of(self, host: str, port: int) -> str:
        """
        The one address to connect to.

        :raises ProbeRefusedError: none of the host's addresses may be reached.
        :raises OSError: the name cannot be resolved now.
        """
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        refusals = []
        for address in addresses:
            reason = self._refusal(host, address)
            if reason is None:
                return address
            refusals.append(reason)
        raise ProbeRefusedError(refusals[0] if refusals else f"{host} has no address")

    def _refusal(self, host: str, address: str) -> str | None:
        """Why an address may not be reached; None if it may."""
        parsed = _plain(ipaddress.ip_address(address.partition("%")[0]))
        named = address if host == address else f"{host} ({address})"
        if parsed.is_link_local or parsed.is_multicast or parsed.is_unspecified or parsed in _METADATA:
            return f"{named} is an address that no probe may reach"
        if str(parsed) in self.originals:
            return (
                f"{named} is the address of the original server, which proves nothing of its copy; "
                "use via: ssm"
            )
        if host.lower() in self.hosts or str(parsed) in self.hosts or str(parsed) in self.instances:
            return None
        return f"{named} is neither a recovered instance of this execution nor in {SETTING}"


def _plain(address: Address) -> Address:
    """An IPv4 address that is written as one of IPv6, as the former."""
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address
