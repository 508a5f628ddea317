"""What a connection says of the way to AWS reaches every client; how often a request is sent is ours."""

from __future__ import annotations

import asyncio
import importlib
import json
import pkgutil
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from airflow.providers.amazon.aws.hooks.base_aws import AwsBaseHook
from botocore.config import Config

import drs_recovery
from drs_recovery import configured_clients
from drs_recovery.hooks.async_drs import AsyncDrs
from drs_recovery.hooks.base import AccountHook
from drs_recovery.hooks.clients import Target, TargetClients
from drs_recovery.hooks.drs import START_RECOVERY_SECONDS, DrsHook
from drs_recovery.hooks.errors import MissingConnectionError, UnusableConnectionError
from drs_recovery.jobs.reservations import RESERVATION_SECONDS
from drs_recovery.notifications.channels import TopicNotifier
from drs_recovery.waves.late_jobs import LATE_START_SECONDS

PROXIES = {"https": "http://proxy.example:3128"}
CONNECTION = "far"
TARGET = Target(CONNECTION, "us-east-1")


@pytest.fixture
def connection(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Sets ``config_kwargs`` of the connection; nothing is sent to AWS."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "key")
    monkeypatch.setenv("AIRFLOW__DRS_RECOVERY__AWS_CONN_ID", CONNECTION)
    monkeypatch.setenv("AIRFLOW__DRS_RECOVERY__REGION", "us-east-1")

    def says(**config: Any) -> None:
        extra = {"config_kwargs": config}
        monkeypatch.setenv("AIRFLOW_CONN_FAR", json.dumps({"conn_type": "aws", "extra": extra}))

    return says


def sender() -> Any:
    hook = DrsHook(aws_conn_id=CONNECTION, region_name="us-east-1")
    hook.prepare_to_send()
    return hook._sender


def waiting() -> Any:
    """The client with which a triggerer waits."""

    async def opened() -> Any:
        drs = AsyncDrs(*TARGET)
        client = await drs._open()
        await drs.close()
        return client

    return asyncio.run(opened())


def client_used_by(service: str, work: Callable[[], Any]) -> Any:
    """The client of a service that some work makes, which gets no answer."""
    make, made = boto3.session.Session.client, []

    class Asked(Exception):
        pass

    def client(session: Any, service_name: str, *arguments: Any, **options: Any) -> Any:
        found = make(session, service_name, *arguments, **options)
        if service_name == service:
            made.append(found)
            raise Asked
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(boto3.session.Session, "client", client)
        with pytest.raises(Asked):
            work()
    return made[0]


def topic() -> Any:
    notice = SimpleNamespace(attributes={"executionId": "e"}, message="m", subject="s", key="k")
    notifier = TopicNotifier(topic_arn="arn:aws:sns:us-east-1:123456789012:dr", connection=CONNECTION)
    return client_used_by("sns", lambda: notifier.notify({"notice": notice}))  # type: ignore[typeddict-unknown-key]


def role_session() -> Any:
    hook = DrsHook(aws_conn_id=CONNECTION, region_name="us-east-1")
    hook.conn_config.role_arn, hook.conn_config.assume_role_method = "arn:aws:iam::1:role/r", "assume_role"
    return client_used_by("sts", lambda: hook.conn)


CLIENTS: dict[str, tuple[Callable[[], Any], int]] = {
    "DRS": (lambda: TargetClients(TARGET).drs.conn, 4),
    "DRS, sending once": (sender, 1),
    "DRS, waiting": (waiting, 2),
    "EC2": (lambda: TargetClients(TARGET).ec2.conn, 4),
    "quotas": (lambda: TargetClients(TARGET).quotas.conn, 2),
    "IAM": (lambda: TargetClients(TARGET).rights.conn, 2),
    "STS": (lambda: client_used_by("sts", TargetClients(TARGET).rights.account), 2),
    "STS, for a role": (role_session, 4),
    "the table": (configured_clients.dynamodb_client, 8),
    "the table, for pages": (configured_clients.hasty_dynamodb_client, 1),
    "CloudWatch": (configured_clients.cloudwatch_client, 2),
    "SNS": (topic, 2),
}


@pytest.mark.parametrize("name", CLIENTS)
def test_the_way_to_aws_is_the_connections_and_the_retries_are_ours(
    connection: Callable[..., None], name: str
) -> None:
    connection(
        proxies=PROXIES,
        use_fips_endpoint=True,
        connect_timeout=11,
        read_timeout=44,
        retries={"max_attempts": 7, "mode": "standard"},
    )
    make, attempts = CLIENTS[name]

    client = make()

    config = client.meta.config
    assert (config.proxies, config.connect_timeout, config.read_timeout) == (PROXIES, 11, 44)
    assert (
        "-fips" in client.meta.endpoint_url or ".fips" in client.meta.endpoint_url or config.use_fips_endpoint
    )
    assert config.retries["total_max_attempts"] == attempts


@pytest.mark.parametrize("name", CLIENTS)
def test_a_connection_without_such_settings_leaves_ours(connection: Callable[..., None], name: str) -> None:
    connection()
    make, attempts = CLIENTS[name]

    config = make().meta.config

    assert config.proxies is None
    assert config.read_timeout <= 60
    assert config.retries["total_max_attempts"] == attempts


@pytest.mark.parametrize("name", CLIENTS)
def test_no_connection_moves_a_client_to_another_region(connection: Callable[..., None], name: str) -> None:
    connection(region_name="eu-west-1")

    # IAM has one place for all Regions.
    assert CLIENTS[name][0]().meta.region_name in ("us-east-1", "aws-global")


@pytest.mark.parametrize("name", CLIENTS)
@pytest.mark.parametrize("seconds", [None, 86400])
def test_no_connection_lets_a_client_wait_for_ever(
    connection: Callable[..., None], name: str, seconds: float | None
) -> None:
    connection(connect_timeout=seconds, read_timeout=seconds)

    config = CLIENTS[name][0]().meta.config

    assert 0 < config.connect_timeout <= 300
    assert 0 < config.read_timeout <= 300


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"connect_timeout": 20, "read_timeout": 60},
        {"connect_timeout": 120, "read_timeout": 600},
        {"connect_timeout": None, "read_timeout": None},
        {"read_timeout": 0.5},
    ],
)
def test_a_request_that_is_sent_once_ends_before_anybody_stops_to_look_for_its_job(
    connection: Callable[..., None], said: dict[str, Any]
) -> None:
    connection(**said, retries={"total_max_attempts": 9, "mode": "standard"})

    config = sender().meta.config

    longest = config.connect_timeout + config.read_timeout
    assert 0 < longest <= START_RECOVERY_SECONDS < min(LATE_START_SECONDS, RESERVATION_SECONDS)
    assert config.retries["total_max_attempts"] == 1


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"proxys": {}}, "proxys"),
        ({"connect_timeout": "soon"}, "connect_timeout is 'soon': expected seconds, more than 0"),
        ({"read_timeout": -1}, "read_timeout is -1: expected seconds, more than 0"),
        ({"read_timeout": 0}, "read_timeout is 0"),
        ({"read_timeout": True}, "read_timeout is True"),
        ({"proxies": "http://proxy"}, "proxies is 'http://proxy': expected a mapping"),
        ({"retries": "3"}, "items"),
    ],
)
@pytest.mark.parametrize("name", ["DRS", "DRS, sending once", "DRS, waiting", "EC2", "the table"])
def test_settings_that_make_no_sense_are_an_error_of_that_connection(
    connection: Callable[..., None], name: str, said: dict[str, Any], reason: str
) -> None:
    connection(**said)

    with pytest.raises(UnusableConnectionError, match=f"connection far cannot be used: .*{reason}"):
        CLIENTS[name][0]()


def test_a_missing_connection_is_refused_however_often_it_is_asked_for(
    connection: Callable[..., None],
) -> None:
    hook = DrsHook(aws_conn_id="nobodys", region_name="us-east-1")

    for _ in range(2):
        with pytest.raises(MissingConnectionError):
            _ = hook.conn


def all_hooks(kind: type = AwsBaseHook) -> Iterator[type]:
    for one in kind.__subclasses__():
        yield one
        yield from all_hooks(one)


def test_every_hook_of_the_project_takes_its_connection_into_account() -> None:
    for module in pkgutil.walk_packages(drs_recovery.__path__, "drs_recovery."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)

    ours = {kind for kind in all_hooks() if kind.__module__.startswith("drs_recovery.")}

    assert len(ours) >= 6
    assert {kind for kind in ours if not issubclass(kind, AccountHook)} == set()


def test_a_hook_without_a_connection_has_its_own_settings() -> None:
    hook = DrsHook(aws_conn_id=None, region_name="us-east-1", config=Config(read_timeout=3))

    assert (hook.config.read_timeout, hook.config.region_name) == (3, "us-east-1")
