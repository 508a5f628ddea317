"""Probes with ``via: ssm``: a shell really runs their scripts, against recovered servers' applications."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

import pytest

from drs_recovery.steps import http_probe, tcp_probe
from drs_recovery.steps.http_script import invoke_web_request
from drs_recovery.steps.on_instance import quoted
from sandbox.testing import Sandbox
from sandbox.world import WORLD
from tests.plan_documents import DB_1, DB_2
from tests.unit.step_kinds.conftest import FAILED, RUNNING, SUCCEEDED, Trial, Try


@pytest.fixture(autouse=True)
def commands_are_run(recovered: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(WORLD, "runs_commands", True)


def ended(trial: Trial, within: float = 20.0) -> Any:
    until = time.monotonic() + within
    look = trial.look()
    while look.status is RUNNING and time.monotonic() < until:
        time.sleep(0.05)
        look = trial.look()
    return look


def asking(attempt: Try, recovered: Sandbox, path: str = "/health", **more: Any) -> Trial:
    """A probe of each server's application, as its placeholders are filled in."""
    port = recovered.application_port()
    common = {"via": "ssm", "body": '"db": "ok"', **more}
    per_server = {
        one["name"]: {**common, "url": f"http://{one['address']}:{port}{path}"}
        for one in recovered.applications()
    }
    return attempt(http_probe.KIND, {**common, "url": "http://{{ server.private_ip }}"}, per_server)


def test_each_instance_asks_itself(recovered: Sandbox, attempt: Try) -> None:
    trial = asking(attempt, recovered, headers={"X-Probe": 'it\'s "me"; $(id)'})

    assert trial.look().status is RUNNING
    look = ended(trial)

    assert (look.status, [one.ok for one in look.servers]) == (SUCCEEDED, [True, True])
    for application in recovered.applications():
        (request,) = application["requests"]
        assert request["headers"]["X-Probe"] == 'it\'s "me"; $(id)'


def test_hostile_text_is_no_part_of_the_script(recovered: Sandbox, attempt: Try) -> None:
    trial = asking(attempt, recovered, path="/x';touch%20/tmp/x;'?a=$(id)&b=`id`", body=None)
    assert ended(trial).status is SUCCEEDED
    (request,) = recovered.applications()[0]["requests"]
    assert request["path"] == "/x';touch%20/tmp/x;'?a=$(id)&b=`id`"


def test_what_an_instance_saw_is_told_and_it_is_tried_again(recovered: Sandbox, attempt: Try) -> None:
    fault = recovered.add_fault("application_answer", server=DB_2, status=503, body="starting")
    trial = asking(attempt, recovered)

    look = ended(trial)

    assert (look.status, look.output) == (FAILED, "starting")
    address = trial.run.servers[1].address
    assert look.detail == f"crm-db-02: HTTP 503 from {address}, expected 200"
    recovered.control("DELETE", f"/faults?id={fault}")
    assert ended(trial).status is SUCCEEDED
    asked = {one["sourceServerID"]: one["asked"] for one in recovered.applications()}
    assert asked == {DB_1: 1, DB_2: 2}


def test_a_refused_connection_is_told_in_the_words_of_curl(recovered: Sandbox, attempt: Try) -> None:
    recovered.add_fault("application_down", server=DB_1)
    look = ended(asking(attempt, recovered))
    assert look.status is FAILED
    assert look.detail.startswith("crm-db-01: Failed on the instance: curl: (7)")


def test_an_instance_that_is_not_managed_is_told(recovered: Sandbox, attempt: Try) -> None:
    recovered.add_fault("ssm_agent", server=DB_1)
    look = ended(asking(attempt, recovered))
    assert look.detail == "crm-db-01: Systems Manager does not manage the instance (yet)"


@pytest.mark.parametrize("is_open", [True, False])
def test_a_port_is_tried_on_the_instance(recovered: Sandbox, attempt: Try, is_open: bool) -> None:
    if not is_open:
        recovered.add_fault("application_down", server=DB_1)
    port = recovered.application_port()
    per_server = {
        one["name"]: {"port": port, "host": one["address"], "via": "ssm"} for one in recovered.applications()
    }
    look = ended(attempt(tcp_probe.KIND, {"port": port, "via": "ssm"}, per_server))
    assert look.status is (SUCCEEDED if is_open else FAILED)
    assert ("Connection refused" in look.detail) != is_open


def test_powershell_takes_a_text_for_a_text() -> None:
    assert quoted("it's $(calc) \u2019; rm", windows=True) == "'it''s $(calc) \u2019\u2019; rm'"
    arguments: Any = SimpleNamespace(
        method="GET", headers={"A": "b'c"}, url="http://x/'y", verify_tls=False, status=200
    )
    script = "\n".join(invoke_web_request(arguments, 10, follows=True))
    assert "@{'A' = 'b''c'}" in script
    assert "-Uri 'http://x/''y'" in script


def test_credentials_are_not_given_to_systems_manager() -> None:
    told = http_probe.KIND.problems({"url": "http://x", "via": "ssm", "auth": {"connection": "crm"}})
    assert [keys for keys, _ in told] == [("auth",)]
