"""
A load balancer on TCP, as a network load balancer before several API servers is one.

``python -m devstack.balancer --port 8080 8081 8082`` hands each connection to the next server that takes
it, until it is told to end.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import signal
import sys
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from typing import Any

from devstack.environment import LOOPBACK

_CHUNK = 65_536
# A server on this machine takes a connection at once, or is not there.
_CONNECT_SECONDS = 2.0


class Balancer:
    """
    Hands connections to servers in turn.

    :param ports: of the servers, on the loopback interface.
    """

    def __init__(self, ports: Sequence[int]) -> None:
        self._ports = tuple(ports)
        self._turns = itertools.count()
        # The event loop itself does not keep what it runs.
        self._served: set[asyncio.Task[Any] | None] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection until both sides have ended it; without a server it is closed at once."""
        task = asyncio.current_task()
        self._served.add(task)
        try:
            if server := await self._server():
                answers, requests = server
                await asyncio.gather(_carry(reader, requests), _carry(answers, writer))
                requests.close()
        finally:
            writer.close()
            self._served.discard(task)

    async def _server(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        for port in self._next_ports():
            with contextlib.suppress(OSError, TimeoutError):
                return await asyncio.wait_for(asyncio.open_connection(LOOPBACK, port), _CONNECT_SECONDS)
        return None

    def _next_ports(self) -> Iterator[int]:
        turn = next(self._turns) % len(self._ports)
        yield from self._ports[turn:]
        yield from self._ports[:turn]


async def _carry(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    """Pass on what comes, and that nothing more comes; a broken connection ends both ways."""
    try:
        while chunk := await source.read(_CHUNK):
            target.write(chunk)
            await target.drain()
        if target.can_write_eof():
            target.write_eof()
    except OSError:
        target.close()


async def _serve_until_told(port: int, servers: Sequence[int]) -> None:
    told_to_end = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, told_to_end.set)
    listening = await asyncio.start_server(Balancer(servers).serve, LOOPBACK, port)
    await told_to_end.wait()
    listening.close()


def main() -> int:
    """Serve until SIGTERM or SIGINT."""
    parser = ArgumentParser(
        prog="python -m devstack.balancer", description="Share connections among servers."
    )
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("servers", type=int, nargs="+", metavar="PORT")
    arguments = parser.parse_args()
    asyncio.run(_serve_until_told(arguments.port, arguments.servers))
    return 0


if __name__ == "__main__":
    sys.exit(main())
