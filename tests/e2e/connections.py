"""What the processes of a stack are connected to."""

from __future__ import annotations

from typing import Any

import psutil


def connections_of(process: psutil.Process) -> list[Any]:
    """
    Its connections over IP; none if it has ended, as the process of a task can at any moment.

    :param process: of a stack.
    """
    try:
        return list(process.net_connections(kind="inet"))
    except psutil.NoSuchProcess:
        return []
