"""The session of a role ends while somebody waits: its key is renewed in time, or by the next call."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from asgiref.sync import sync_to_async
from botocore.exceptions import ClientError

from drs_recovery.hooks.async_drs import AsyncDrs
from drs_recovery.hooks.drs import DrsHook
from drs_recovery.hooks.errors import MissingConnectionError
from sandbox.testing import Sandbox

ACCOUNT = "210987654321"
PRINCIPAL = f"arn:aws:sts::{ACCOUNT}:assumed-role/dr-recovery/airflow_dr_account"
TARGET = ("dr_account", "us-east-1")
# Seconds. botocore renews a key when its end is so near, so that each call begins with a new one.
SOON = {"seconds": 1, "told": 60}
LONGER = 1.1


@pytest.fixture
def account(aws: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    server = {"id": "s-9999999999999999a", "name": "far", "region": "us-east-1", "account": ACCOUNT}
    aws.add_servers(server)
    extra = {"role_arn": f"arn:aws:iam::{ACCOUNT}:role/dr-recovery"}
    monkeypatch.setenv("AIRFLOW_CONN_DR_ACCOUNT", json.dumps({"conn_type": "aws", "extra": extra}))
    aws.control("DELETE", "/calls")
    return aws


def outcomes(aws: Sandbox) -> list[int]:
    calls = aws.calls("drs", "DescribeJobs")
    assert {call["principal"] for call in calls} == {PRINCIPAL}
    return [call["status"] for call in calls]


def test_a_hook_that_is_kept_renews_the_key_of_its_role(account: Sandbox) -> None:
    account.add_fault("short_session", **SOON)
    hook = DrsHook(aws_conn_id=TARGET[0], region_name=TARGET[1])

    for _ in range(2):
        hook.jobs_since(datetime.now(UTC))
        time.sleep(LONGER)

    assert outcomes(account) == [200, 200]
    assert len(account.calls("sts", "AssumeRole")) >= 2


def test_a_poller_renews_the_key_of_its_role(account: Sandbox) -> None:
    account.add_fault("short_session", **SOON)

    async def looks() -> None:
        drs = AsyncDrs(*TARGET)
        for _ in range(2):
            await drs.describe_jobs(["drsjob-1111111111111111a"])
            await asyncio.sleep(LONGER)
        await drs.close()

    asyncio.run(looks())
    assert outcomes(account) == [200, 200]
    assert len(account.calls("sts", "AssumeRole")) >= 2


def test_an_event_loop_goes_on_while_sts_takes_its_time_to_renew_a_key(account: Sandbox) -> None:
    account.add_fault("short_session", **SOON)

    async def beats_during_a_look() -> int:
        drs = AsyncDrs(*TARGET)
        await drs.describe_jobs(["drsjob-1111111111111111a"])
        account.add_fault("delay", operation="AssumeRole", seconds=1)
        look = asyncio.ensure_future(drs.describe_jobs(["drsjob-1111111111111111a"]))
        beats = 0
        while not look.done():
            await asyncio.sleep(0.01)
            beats += 1
        await look
        await drs.close()
        return beats

    # Two or three, if the loop stood still for the second.
    assert asyncio.run(beats_during_a_look()) >= 10


def test_a_role_that_is_assumed_slowly_holds_up_no_other_place_and_no_trigger_of_airflow(
    account: Sandbox,
) -> None:
    account.add_fault("delay", operation="AssumeRole", seconds=8)

    async def others_came_first() -> bool:
        slow, quick = AsyncDrs(*TARGET), AsyncDrs("aws_default", "us-east-1")
        look = asyncio.ensure_future(slow.describe_jobs(["drsjob-1111111111111111a"]))
        await asyncio.sleep(0.5)
        await quick.describe_jobs(["drsjob-1111111111111111a"])
        # Airflow's triggers of gates and questions read the database like this.
        await sync_to_async(time.time)()
        came_first = not look.done()
        await look
        await asyncio.gather(slow.close(), quick.close())
        return came_first

    assert asyncio.run(others_came_first())


def test_a_session_that_comes_too_late_is_used_by_the_next_call(
    account: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("drs_recovery.hooks.async_drs._LONGEST_OPENING", 0.5)
    account.add_fault("delay", operation="AssumeRole", seconds=3)

    async def calls() -> list[str]:
        drs = AsyncDrs(*TARGET)
        late = []
        while True:
            try:
                await drs.describe_jobs(["drsjob-1111111111111111a"])
            except TimeoutError as error:
                late.append(str(error))
            else:
                await drs.close()
                return late

    late = asyncio.run(calls())
    assert len(late) >= 2
    assert set(late) == {"connection dr_account gave no session in time"}
    assert len(account.calls("sts", "AssumeRole")) == 1


def test_a_poller_whose_key_ended_early_fails_once_and_goes_on_with_a_new_one(account: Sandbox) -> None:
    account.add_fault("expired_token", operation="DescribeJobs", after=1, times=1)

    async def looks() -> None:
        drs = AsyncDrs(*TARGET)
        await drs.describe_jobs(["drsjob-1111111111111111a"])
        with pytest.raises(ClientError, match="ExpiredToken"):
            await drs.describe_jobs(["drsjob-1111111111111111a"])
        await drs.describe_jobs(["drsjob-1111111111111111a"])
        await drs.close()

    asyncio.run(looks())
    assert outcomes(account) == [200, 403, 200]
    assert len(account.calls("sts", "AssumeRole")) == 2


def test_a_poller_without_its_connection_asks_nobody(
    account: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AIRFLOW_CONN_DR_ACCOUNT")

    with pytest.raises(MissingConnectionError, match="dr_account"):
        asyncio.run(AsyncDrs(*TARGET).describe_jobs(["drsjob-1111111111111111a"]))

    assert account.calls() == []
