from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.scenario import add_server
from sandbox.testing import Sandbox, running_sandbox
from sandbox.world import World
from tests.unit.sandbox.conftest import client
from tests.unit.sandbox.known import DB_1

Start = Callable[..., str]


def fleet(size: int) -> list[str]:
    ids = [f"s-{number:017d}" for number in range(size)]
    for server_id in ids:
        add_server({"id": server_id, "name": server_id, "region": "us-east-1"})
    return ids


def refusal(start: Start, *server_ids: str) -> tuple[int, str, str]:
    with pytest.raises(ClientError) as error:
        start(*server_ids)
    response = error.value.response
    status = response["ResponseMetadata"]["HTTPStatusCode"]
    return status, response["Error"]["Code"], response["quotaCode"]


def test_the_21st_job_is_refused(world: World, start: Start) -> None:
    ids = fleet(21)
    for server_id in ids[:20]:
        start(server_id)
    assert refusal(start, ids[20]) == (402, "ServiceQuotaExceededException", "L-D88FAC3A")


def test_the_101st_server_of_a_job_is_refused(world: World, start: Start) -> None:
    assert refusal(start, *fleet(101)) == (402, "ServiceQuotaExceededException", "L-B827C881")


def test_the_501st_server_over_all_jobs_is_refused(world: World, start: Start) -> None:
    ids = fleet(501)
    for first in range(0, 500, 100):
        start(*ids[first : first + 100])
    assert refusal(start, ids[500]) == (402, "ServiceQuotaExceededException", "L-05AFA8C6")


def test_terminations_count_as_jobs(world: World, drs: Any, start: Start, wall: Any) -> None:
    start(DB_1)
    wall.advance(600)
    world.quotas = world.quotas.changed({"jobs_in_progress": 1})
    ids = fleet(1)
    start(*ids)
    instance_id = drs.describe_recovery_instances()["items"][0]["recoveryInstanceID"]
    with pytest.raises(drs.exceptions.ServiceQuotaExceededException):
        drs.terminate_recovery_instances(recoveryInstanceIDs=[instance_id])


def in_parallel(count: int, call: Callable[[int], Any]) -> list[str]:
    """Outcomes of calls that begin together: an error code, or ok."""
    together = Barrier(count)

    def attempt(number: int) -> str:
        together.wait()
        try:
            call(number)
        except ClientError as error:
            return str(error.response["Error"]["Code"])
        return "ok"

    with ThreadPoolExecutor(count) as pool:
        return sorted(pool.map(attempt, range(count)))


@pytest.fixture
def slow_server() -> Any:
    with running_sandbox(speed=1) as sandbox:
        yield sandbox


def test_two_starts_at_once_for_one_server_make_one_job(slow_server: Sandbox) -> None:
    drs = slow_server.client("drs")
    outcomes = in_parallel(8, lambda _: drs.start_recovery(sourceServers=[{"sourceServerID": DB_1}]))
    assert outcomes == ["ConflictException"] * 7 + ["ok"]
    assert len(drs.describe_jobs()["items"]) == 1


def test_the_quota_of_jobs_holds_when_many_start_at_once(slow_server: Sandbox) -> None:
    slow_server.control("PUT", "/quotas", {"jobs_in_progress": 3})
    ids = fleet(10)
    drs = slow_server.client("drs")
    outcomes = in_parallel(10, lambda n: drs.start_recovery(sourceServers=[{"sourceServerID": ids[n]}]))
    assert outcomes == ["ServiceQuotaExceededException"] * 7 + ["ok"] * 3


def test_one_of_many_conditional_writes_to_dynamodb_wins(slow_server: Sandbox) -> None:
    table = {
        "TableName": "t",
        "KeySchema": [{"AttributeName": "k", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "k", "AttributeType": "S"}],
        "BillingMode": "PAY_PER_REQUEST",
    }
    dynamodb = slow_server.client("dynamodb")
    dynamodb.create_table(**table)
    outcomes = in_parallel(
        10,
        lambda n: dynamodb.put_item(
            TableName="t",
            Item={"k": {"S": "one"}, "by": {"N": str(n)}},
            ConditionExpression="attribute_not_exists(k)",
        ),
    )
    assert outcomes == ["ConditionalCheckFailedException"] * 9 + ["ok"]


def test_the_service_quotas_api_tells_the_quotas(world: World) -> None:
    world.quotas = world.quotas.changed({"servers_per_job": 50})
    quotas = client("service-quotas")
    listed = quotas.list_aws_default_service_quotas(ServiceCode="drs")["Quotas"]
    assert {quota["QuotaCode"]: quota["Value"] for quota in listed} == {
        "L-D88FAC3A": 20, "L-B827C881": 50, "L-05AFA8C6": 500,
    }  # fmt: skip
    assert quotas.get_service_quota(ServiceCode="drs", QuotaCode="L-B827C881")["Quota"]["Value"] == 50
    with pytest.raises(quotas.exceptions.NoSuchResourceException):
        quotas.get_service_quota(ServiceCode="drs", QuotaCode="L-00000000")
    assert quotas.list_aws_default_service_quotas(ServiceCode="vpc")["Quotas"]
