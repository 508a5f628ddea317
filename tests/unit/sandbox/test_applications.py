"""The applications of recovered servers answer at the addresses of their instances."""

from __future__ import annotations

import json
import socket
import ssl
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from http.client import HTTPConnection, HTTPSConnection
from typing import Any

import pytest

from sandbox.testing import AT_ONCE, Sandbox, running_sandbox
from tests.unit.sandbox.known import DB_1, DB_2

A_MOMENT = 0.5


@pytest.fixture(scope="module")
def one_sandbox() -> Iterator[Sandbox]:
    with running_sandbox(speed=AT_ONCE) as sandbox:
        yield sandbox


@pytest.fixture
def launched(one_sandbox: Sandbox) -> Sandbox:
    """A sandbox with a recovery instance of each database server."""
    one_sandbox.reset()
    rows = [{"sourceServerID": server} for server in (DB_1, DB_2)]
    one_sandbox.client("drs").start_recovery(sourceServers=rows)
    assert len(one_sandbox.applications()) == 2
    return one_sandbox


def application(sandbox: Sandbox, server: str = DB_1) -> dict[str, Any]:
    return next(one for one in sandbox.applications() if one["sourceServerID"] == server)


def get(sandbox: Sandbox, path: str, server: str = DB_1, **headers: str) -> tuple[int, str]:
    address = application(sandbox, server)["address"]
    connection = HTTPConnection(address, sandbox.application_port(), timeout=5)
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    with answer:
        return answer.status, answer.read().decode()


def handshake(sandbox: Sandbox) -> str:
    """Subject of the certificate that the application shows to a client that trusts the sandbox."""
    pem = sandbox.control("GET", "/applications")["certificateAuthority"]
    address, port = application(sandbox)["address"], sandbox.application_port()
    connection = HTTPSConnection(address, port, timeout=5, context=ssl.create_default_context(cadata=pem))
    connection.request("GET", "/health")
    with connection.getresponse() as answer:
        return str(json.load(answer)["server"])


def test_each_instance_has_an_application_at_its_own_address(launched: Sandbox) -> None:
    names = {get(launched, "/health", server)[1] for server in (DB_1, DB_2)}

    assert names == {'{"server": "crm-db-01", "db": "ok"}', '{"server": "crm-db-02", "db": "ok"}'}
    described = launched.client("ec2").describe_instances()["Reservations"]
    addresses = {one["Instances"][0]["PrivateIpAddress"] for one in described}
    assert addresses == {one["address"] for one in launched.applications()}
    assert all(address.startswith("127.64.") for address in addresses)


def test_it_tells_what_it_was_asked(launched: Sandbox) -> None:
    assert get(launched, "/login?user=me", Authorization="Basic x")[0] == 200

    (request,) = application(launched)["requests"]
    assert (request["method"], request["path"]) == ("GET", "/login?user=me")
    assert request["headers"]["Authorization"] == "Basic x"


def test_its_newest_heartbeat_is_within_a_minute_before_the_point_in_time(launched: Sandbox) -> None:
    rows = launched.client("drs").describe_recovery_instances()["items"]
    point = next(row["pointInTimeSnapshotDateTime"] for row in rows if row["sourceServerID"] == DB_1)

    age = datetime.fromisoformat(point) - datetime.fromisoformat(get(launched, "/heartbeat")[1])

    assert timedelta() <= age < timedelta(minutes=1)


def test_a_terminated_instance_has_no_application(launched: Sandbox) -> None:
    before = application(launched)
    launched.client("drs").terminate_recovery_instances(recoveryInstanceIDs=[before["instanceId"]])

    assert [one["sourceServerID"] for one in launched.applications()] == [DB_2]
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((before["address"], before["port"]), timeout=A_MOMENT)


def test_a_stopped_instance_refuses_connections_until_it_runs_again(launched: Sandbox) -> None:
    instance, ec2 = application(launched)["instanceId"], launched.client("ec2")
    ec2.stop_instances(InstanceIds=[instance])
    with pytest.raises(ConnectionRefusedError):
        get(launched, "/health")

    ec2.start_instances(InstanceIds=[instance])
    assert get(launched, "/health")[0] == 200


def test_a_reset_ends_all_applications(launched: Sandbox) -> None:
    before = application(launched)
    launched.reset()

    assert launched.applications() == []
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((before["address"], before["port"]), timeout=A_MOMENT)


def test_an_application_can_be_down_for_as_long_as_a_fault_stands(launched: Sandbox) -> None:
    fault = launched.add_fault("application_down", server=DB_1)
    with pytest.raises(ConnectionRefusedError):
        get(launched, "/health")
    assert get(launched, "/health", DB_2)[0] == 200

    launched.control("DELETE", f"/faults?id={fault}")
    assert get(launched, "/health")[0] == 200


def test_an_application_can_be_slow(launched: Sandbox) -> None:
    launched.add_fault("application_slow", server=DB_1, seconds=A_MOMENT)
    start = time.monotonic()

    assert get(launched, "/health")[0] == 200
    assert time.monotonic() - start >= A_MOMENT


def test_an_application_can_become_ready_after_some_requests(launched: Sandbox) -> None:
    launched.add_fault("application_unready", server=DB_1, requests=2)

    assert [get(launched, "/health")[0] for _ in range(3)] == [503, 503, 200]


def test_a_path_can_have_any_answer(launched: Sandbox) -> None:
    launched.add_fault("application_answer", server=DB_1, path="/health", body='{"db":"recovering"}')
    launched.add_fault("application_answer", server=DB_1, path="/old", status=302, location="http://x/")

    assert get(launched, "/health") == (200, '{"db":"recovering"}')
    assert get(launched, "/old")[0] == 302
    assert get(launched, "/other") == (200, "crm-db-01")


def test_the_same_port_speaks_https_with_a_certificate_of_the_sandbox(launched: Sandbox) -> None:
    assert handshake(launched) == "crm-db-01"


@pytest.mark.parametrize(
    ("flaw", "why"),
    [
        ("self_signed", "self-signed certificate"),
        ("other_name", "IP address mismatch"),
        ("expired", "certificate has expired"),
    ],
)
def test_a_certificate_can_be_wrong(launched: Sandbox, flaw: str, why: str) -> None:
    launched.add_fault("application_certificate", flaw=flaw)

    with pytest.raises(ssl.SSLCertVerificationError, match=why):
        handshake(launched)


def test_servers_of_all_regions_have_addresses_of_their_own(one_sandbox: Sandbox) -> None:
    one_sandbox.reset()
    for region, server in (("us-east-1", DB_1), ("us-west-2", "s-4444444444444444a")):
        one_sandbox.client("drs", region).start_recovery(sourceServers=[{"sourceServerID": server}])

    addresses = [one["address"] for one in one_sandbox.applications()]

    assert len(set(addresses)) == 2


def test_an_address_that_somebody_else_has_is_left_to_them(launched: Sandbox) -> None:
    taken = application(launched)
    launched.reset()
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind((taken["address"], taken["port"]))
        other.listen()
        launched.client("drs").start_recovery(sourceServers=[{"sourceServerID": DB_1}])

        assert application(launched)["address"] != taken["address"]
        assert get(launched, "/health")[0] == 200
