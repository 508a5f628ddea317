"""Free TCP ports, so that several clones of the project can run at once."""

from __future__ import annotations

import socket

LOOPBACK = "127.0.0.1"


def free_port() -> int:
    """
    Return a port of the loopback interface on which nobody listens now.

    Airflow must know its own address before it starts, so the kernel's choice cannot be left to the server.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])
