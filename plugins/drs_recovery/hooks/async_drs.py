"""DRS without blocking an event loop: the two reads with which a triggerer waits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import AsyncExitStack
from functools import cached_property
from typing import Any

from asgiref.sync import sync_to_async
from botocore.config import Config

from drs_recovery.hooks.drs import MAX_JOB_IDS, DrsHook, chunks, in_order_of_time
from drs_recovery.hooks.renewal import renew_in_threads

# Whoever waits looks again anyway, and waits longer after a failure: the client itself need not try often.
_CONFIG = Config(retries={"mode": "standard", "total_max_attempts": 2}, connect_timeout=5, read_timeout=30)

# Jobs a page: to read a larger answer at once would hold up an event loop for some tenths of a second.
_PAGE_SIZE = 500

# Logs that are read at the same time, so that many waves of one moment do not look like an attack.
_LOGS_AT_ONCE = 4


class _AsyncHook(DrsHook):
    """Makes one client, which never holds up its event loop."""

    @cached_property
    def session(self) -> Any:
        """The session, for which Airflow is asked for the connection, and STS for the key of its role."""
        session = super().get_session(self.region_name, deferrable=True)
        renew_in_threads(session)
        return session

    def get_session(self, region_name: str | None = None, deferrable: bool = False) -> Any:
        return self.session


class AsyncDrs:
    """
    Read jobs in one account and Region, over a client that is kept until ``close`` or an error.

    It belongs to one event loop. Methods raise botocore's errors as they are.

    :param connection: Airflow connection id.
    :param region: AWS Region.
    """

    def __init__(self, connection: str, region: str) -> None:
        self._hook_arguments = {"aws_conn_id": connection, "region_name": region}
        self._opened: AsyncExitStack | None = None
        self._client: Any = None
        self._opening, self._logs = asyncio.Lock(), asyncio.Semaphore(_LOGS_AT_ONCE)

    async def describe_jobs(self, job_ids: Collection[str]) -> dict[str, dict[str, Any]]:
        """
        Read jobs.

        :param job_ids: any number of job ids.
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
        """
        Read the whole log of a job: ``JobLog`` s, oldest first.

        :param job_id: of the job.
        """
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
                hook = _AsyncHook(**self._hook_arguments, config=_CONFIG)
                opened = AsyncExitStack()
                # Not the client: one that is made when nobody waits for it any more would never be closed.
                await sync_to_async(lambda: hook.session)()
                client = hook.get_client_type(deferrable=True)
                self._client = await opened.enter_async_context(client)
                self._opened = opened
            return self._client
