"""
How a client talks to AWS: what its purpose asks for, and what the connection says of the way there.

A connection knows the network: proxies, FIPS, certificates, how long an answer takes
(``config_kwargs`` in its extra). How often a request may be sent is not its business.
"""

from __future__ import annotations

import math
from typing import Any

from botocore.config import Config

# Seconds. "Wait for ever" and its like would hold up a recovery for ever.
LONGEST_TIMEOUT = 300.0

_TIMEOUTS = ("connect_timeout", "read_timeout")


def merged(connection: Config, own: Config, region: str | None) -> Config:
    """
    The configuration of a client.

    :param connection: what the connection says.
    :param own: what the purpose asks for: its retries stand, its time-outs hold if the connection has none.
    :param region: the Region that was asked for; a place is never another one because of its connection.
    :raises ValueError, TypeError: the connection's time-outs or proxies are none.
    """
    config = own.merge(connection)
    if not isinstance(config.proxies, dict | None):
        raise TypeError(f"proxies is {config.proxies!r}: expected a mapping of schemes to URLs")
    fixed: dict[str, Any] = {
        name: _bounded(name, getattr(config, name), getattr(own, name)) for name in _TIMEOUTS
    }
    if own.retries is not None:
        fixed["retries"] = own.retries
    if region is not None:
        fixed["region_name"] = region
    return config.merge(Config(**fixed))


def within(config: Config, connect: float, total: float) -> Config:
    """
    The same configuration for a request of which the outcome must be known in time.

    :param config: of a client.
    :param connect: seconds after which no connection is waited for.
    :param total: seconds after which no answer is waited for any more.
    """
    connect = min(config.connect_timeout, connect)
    return config.merge(
        Config(connect_timeout=connect, read_timeout=min(config.read_timeout, total - connect))
    )


def _bounded(name: str, seconds: Any, own: float) -> float:
    if seconds is None:
        return min(own, LONGEST_TIMEOUT)
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 < seconds < math.inf:
        raise ValueError(f"{name} is {seconds!r}: expected seconds, more than 0")
    return min(seconds, LONGEST_TIMEOUT)
