"""Keys of roles for event loops: renewed beside the loop, which Airflow's own sessions would stop for it."""

from __future__ import annotations

import asyncio
import functools
import inspect
from typing import Any


def renew_in_threads(session: Any) -> None:
    """
    Let a session ask STS for a new key in a thread.

    Airflow gives aiobotocore a blocking function for that, which aiobotocore calls in its event loop: some
    minutes before the key of a role ends, every wait of a triggerer would stop for as long as STS takes.

    :param session: aiobotocore's, as Airflow's hooks make it; one without a role is left as it is.
    """
    credentials: Any = getattr(session, "_credentials", None)
    renew = getattr(credentials, "_refresh_using", None)
    if renew is not None and not inspect.iscoroutinefunction(renew):
        credentials._refresh_using = functools.partial(asyncio.to_thread, renew)
