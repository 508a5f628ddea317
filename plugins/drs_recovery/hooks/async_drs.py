"""Poll DRS without blocking an event loop; credentials of roles are renewed beside the loop."""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import AsyncIterator, Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from typing import Any, TypeVar

from botocore.config import Config

from drs_recovery.hooks.drs import MAX_JOB_IDS, DrsHook, chunks, in_order_of_time


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


# Whoever waits looks again anyway, and waits longer after a failure: the client itself need not try often.
_CONFIG = Config(retries={"mode": "standard", "total_max_attempts": 2}, connect_timeout=5, read_timeout=30)

# Jobs a page: to read a larger answer at once would hold up an event loop for some tenths of a second.
_PAGE_SIZE = 500

# Logs that are read at the same time, so that many waves of one moment do not look like an attack.
_LOGS_AT_ONCE = 4

# Seconds that a call waits for its client: Airflow, a secrets backend and STS can take minutes to give up.
_LONGEST_OPENING = 30.0

Result = TypeVar("Result")


class _AsyncHook(DrsHook):
    """Makes one client, which never holds up its event loop."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        # No cached property: in Python 3.11 those of all hooks share one lock, and STS may take minutes.
        self._session: Any = None

    def make_session(self) -> None:
        """Ask Airflow for the connection, and STS for the key of its role."""
        self._session = super().get_session(self.region_name, deferrable=True)
        renew_in_threads(self._session)

    def get_session(self, region_name: str | None = None, deferrable: bool = False) -> Any:
        return self._session


class AsyncDrs:
    """
    Read jobs in one account and Region, over a client that is kept until ``close`` or an error.

    It belongs to one event loop. Methods raise botocore's errors as they are.
    """

    def __init__(self, connection: str, region: str) -> None:
        self._connection, self._region = connection, region
        self._hook: asyncio.Future[_AsyncHook] | None = None
        self._opened: AsyncExitStack | None = None
        self._client: Any = None
        self._opening, self._logs = asyncio.Lock(), asyncio.Semaphore(_LOGS_AT_ONCE)

    async def describe_jobs(self, job_ids: Collection[str]) -> dict[str, dict[str, Any]]:
        """
        Read jobs.

        :return: ``Job`` by id; one that DRS does not list (yet) is left out.
        """
        try:
            return {
                str(job["jobID"]): job
                for chunk in chunks(sorted(job_ids), MAX_JOB_IDS)
                async for job in self._pages(
                    "describe_jobs",
                    filters={"jobIDs": list(chunk)},
                    PaginationConfig={"PageSize": _PAGE_SIZE},
                )
            }
        except Exception:
            # Expired credentials end with their client.
            await self.close()
            raise

    async def job_log(self, job_id: str) -> list[dict[str, Any]]:
        """Read the whole log of a job: ``JobLog`` s, oldest first."""
        async with self._logs:
            return in_order_of_time(
                [item async for item in self._pages("describe_job_log_items", jobID=job_id)]
            )

    async def close(self) -> None:
        """Let the client go; the next call makes another one."""
        opened, self._opened, self._client = self._opened, None, None
        if opened is not None:
            await opened.aclose()

    async def _pages(self, operation: str, **arguments: Any) -> AsyncIterator[dict[str, Any]]:
        client = await self._open()
        async for page in client.get_paginator(operation).paginate(**arguments):
            for item in page.get("items", []):
                yield item

    async def _open(self) -> Any:
        async with self._opening:
            if self._client is None:
                try:
                    async with asyncio.timeout(_LONGEST_OPENING):
                        await self._connect()
                except TimeoutError as error:
                    raise TimeoutError(f"connection {self._connection} gave no session in time") from error
            return self._client

    async def _connect(self) -> None:
        self._hook = making = self._hook or _in_own_thread(self._make_hook)
        opened = AsyncExitStack()
        try:
            hook = await asyncio.shield(making)
            client = await opened.enter_async_context(hook.get_client_type(deferrable=True))
        except asyncio.CancelledError:
            # Too late for this call: the session is there for the next one.
            raise
        except Exception:
            self._hook = None
            raise
        self._hook, self._opened, self._client = None, opened, client

    def _make_hook(self) -> _AsyncHook:
        hook = _AsyncHook(aws_conn_id=self._connection, region_name=self._region, config=_CONFIG)
        # Not the client: one that is made when nobody waits for it any more would never be closed.
        hook.make_session()
        return hook


def _in_own_thread(work: Callable[[], Result]) -> asyncio.Future[Result]:
    """
    Do something that may block for long, where nobody else waits for the thread.

    The threads of ``asyncio.to_thread`` are few, and ``sync_to_async`` has one for the whole process, which
    Airflow's own triggers need, too.
    """
    thread = ThreadPoolExecutor(1, thread_name_prefix="drs-recovery-session")
    try:
        return asyncio.get_running_loop().run_in_executor(thread, work)
    finally:
        thread.shutdown(wait=False)
