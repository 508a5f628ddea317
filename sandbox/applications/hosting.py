"""
The sockets of the applications: bound when an instance starts to run, closed when it ends.

All addresses are of 127.0.0.0/8, which is this machine alone. To listen is to choose: an address whose port
somebody has, such as another sandbox, is left to them. Linux has the whole range by default; where a system
has not, instances have addresses without an application.
"""

from __future__ import annotations

import selectors
import socket
import zlib
from collections.abc import Collection, Iterator
from ipaddress import IPv4Network, IPv6Network
from itertools import islice
from threading import Lock, Thread
from typing import Any

from sandbox.applications.answers import Application, Host, is_down, status_of
from sandbox.faults import FaultBook

# An address of the default network that AWS keeps for itself, so that no instance has it.
_SPARE_ADDRESS = "127.64.0.1"
_LOOPBACK = IPv4Network("127.0.0.0/8")
# AWS keeps the first four addresses of a subnet, and the last.
_RESERVED = 4
_BACKLOG = 64
# How many addresses are tried before an instance goes without an application.
_TRIES = 256
# How long the acceptor takes to notice that it is not wanted.
_POLL_SECONDS = 0.2


class Applications:
    """The applications that are served now; safe to use from many threads."""

    def __init__(self, faults: FaultBook) -> None:
        self._faults, self._lock = faults, Lock()
        self._host = Host(faults)
        self.port: int | None = None
        self._sockets: dict[str, socket.socket] = {}
        self._applications: dict[str, Application] = {}
        self._selector: selectors.BaseSelector | None = None

    def open(self, port: int) -> None:
        """
        Serve the instances that are launched from now on.

        :param port: the same for all; 0 takes a free one.
        """
        self.close()
        self._host = Host(self._faults)
        self.port = port or _free_port()

    def close(self) -> None:
        """Serve nothing any more."""
        self._host.stopping.set()
        self.clear()
        self.port = None

    def clear(self) -> None:
        """Forget every application and its address."""
        with self._lock:
            for address in list(self._sockets):
                self._release(address)
            # The acceptor sees that it is not wanted any more.
            self._selector = None

    def claim(self, network: IPv4Network | IPv6Network, taken: Collection[str], key: str) -> str | None:
        """
        Keep an address for an instance.

        :param taken: addresses of the network that others have.
        :param key: what decides where in the network the search starts.
        :returns: None if applications are not served, or no address can be bound.
        """
        if self.port is None or not (isinstance(network, IPv4Network) and network.subnet_of(_LOOPBACK)):
            return None
        with self._lock:
            known = {*taken, *self._sockets}
            free = (address for address in _candidates(network, key) if address not in known)
            return next(filter(self._listen, islice(free, _TRIES)), None)

    def start(self, application: Application) -> None:
        """Serve an application at an address that was claimed, if its instance runs."""
        with self._lock:
            if application.address in self._sockets:
                self._applications[application.address] = application
                self._accept_at(application.address)
        self.refresh()

    def end(self, instance_id: str) -> None:
        """Serve the application of an instance no more."""
        with self._lock:
            for application in list(self._applications.values()):
                if application.instance_id == instance_id:
                    self._release(application.address)

    def refresh(self) -> None:
        """Listen where instances run, refuse connections where they do not, or where a fault says so."""
        with self._lock:
            for address, application in list(self._applications.items()):
                if is_down(self._faults, application) == self._listens(address):
                    self._turn(address)

    def status_of(self, instance_id: str, path: str) -> int | None:
        """HTTP status that an instance's path has now: None if refused, 200 if nothing is served."""
        with self._lock:
            for application in self._applications.values():
                if application.instance_id == instance_id:
                    return status_of(self._faults, application, path)
        return 200

    def documents(self) -> list[dict[str, Any]]:
        """Every application."""
        with self._lock:
            return [
                {**application.document(), "port": self.port, "listens": self._listens(address)}
                for address, application in self._applications.items()
            ]

    def _listens(self, address: str) -> bool:
        listening = self._sockets[address]
        return self._selector is not None and listening in self._selector.get_map()

    def _listen(self, address: str) -> bool:
        """Take an address, unless somebody else listens there or this machine does not have it."""
        bound = self._sockets.pop(address, None) or self._bound(address)
        if bound is None:
            return False
        try:
            bound.listen(_BACKLOG)
        except OSError:
            bound.close()
            return False
        self._sockets[address] = bound
        return True

    def _bound(self, address: str) -> socket.socket | None:
        """Bind without listening, which refuses connections."""
        bound = socket.socket()
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            bound.bind((address, self.port))
        except OSError:
            bound.close()
            return None
        return bound

    def _turn(self, address: str) -> None:
        """Accept connections if it does not, and the other way round."""
        application = self._applications.pop(address)
        if self._listens(address):
            # A listening socket cannot go back: another one takes its place.
            self._release(address)
            bound = self._bound(address)
            if bound is not None:
                self._sockets[address] = bound
        elif self._listen(address):
            self._accept_at(address)
        if address in self._sockets:
            self._applications[address] = application

    def _release(self, address: str) -> None:
        self._applications.pop(address, None)
        bound = self._sockets.pop(address)
        if self._selector is not None and bound in self._selector.get_map():
            self._selector.unregister(bound)
        bound.close()

    def _accept_at(self, address: str) -> None:
        if self._selector is None:
            self._selector = selectors.DefaultSelector()
            Thread(target=self._accept, args=(self._selector,), name="applications", daemon=True).start()
        self._selector.register(self._sockets[address], selectors.EVENT_READ, address)

    def _accept(self, selector: selectors.BaseSelector) -> None:
        with selector:
            while self._selector is selector:
                for key, _ in selector.select(_POLL_SECONDS):
                    self._take(key.data)

    def _take(self, address: str) -> None:
        with self._lock:
            listening, application = self._sockets.get(address), self._applications.get(address)
            if listening is None or application is None:
                return
            listening.setblocking(False)
            try:
                connection, _ = listening.accept()
            except OSError:
                return
        connection.setblocking(True)
        Thread(target=self._host.converse, args=(connection, application), daemon=True).start()


def _candidates(network: IPv4Network, key: str) -> Iterator[str]:
    """The addresses that an instance may have, from a place on that depends on the key."""
    usable = network.num_addresses - _RESERVED - 1
    start = zlib.crc32(key.encode()) % usable
    for number in range(usable):
        yield str(network[_RESERVED + (start + number) % usable])


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_SPARE_ADDRESS, 0))
        return int(probe.getsockname()[1])
