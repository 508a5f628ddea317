"""The load balancer of a cluster: takes turns, leaves out who is not there, and carries both ways."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from devstack.balancer import Balancer
from devstack.environment import LOOPBACK, free_port


@contextlib.asynccontextmanager
async def server(name: str) -> AsyncIterator[int]:
    """A server that says its name, then all that it is told, until it is told no more."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        said = await reader.read()
        writer.write(name.encode() + said)
        writer.close()

    listening = await asyncio.start_server(answer, LOOPBACK, 0)
    async with listening:
        yield listening.sockets[0].getsockname()[1]


@contextlib.asynccontextmanager
async def balanced(*ports: int) -> AsyncIterator[int]:
    listening = await asyncio.start_server(Balancer(ports).serve, LOOPBACK, 0)
    async with listening:
        yield listening.sockets[0].getsockname()[1]


async def ask(port: int, words: bytes = b"") -> str:
    reader, writer = await asyncio.open_connection(LOOPBACK, port)
    writer.write(words)
    writer.write_eof()
    answer = await reader.read()
    writer.close()
    return answer.decode()


def test_connections_are_handed_out_in_turn() -> None:
    async def play() -> list[str]:
        async with server("a") as a, server("b") as b, balanced(a, b) as port:
            return [await ask(port) for _ in range(4)]

    assert asyncio.run(play()) == ["a", "b", "a", "b"]


def test_who_is_not_there_is_left_out() -> None:
    async def play() -> list[str]:
        async with server("a") as a, balanced(free_port(), a) as port:
            return [await ask(port) for _ in range(3)]

    assert asyncio.run(play()) == ["a", "a", "a"]


def test_without_any_server_a_connection_ends() -> None:
    async def play() -> str:
        async with balanced(free_port(), free_port()) as port:
            return await ask(port)

    assert asyncio.run(play()) == ""


def test_what_is_large_arrives_whole() -> None:
    words = b"x" * 1_000_000

    async def play() -> str:
        async with server("a") as a, balanced(a) as port:
            return await ask(port, words)

    assert asyncio.run(play()) == "a" + words.decode()
