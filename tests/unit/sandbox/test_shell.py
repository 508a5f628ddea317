"""With ``--run-commands``, scripts of AWS-RunShellScript are really run."""

from __future__ import annotations

import time
from typing import Any

import pytest

from sandbox.testing import Sandbox
from sandbox.world import WORLD
from tests.unit.sandbox.known import DB_1


def ended(ssm: Any, command_id: str, instance_id: str) -> dict[str, Any]:
    until = time.monotonic() + 20
    while True:
        told = dict(ssm.get_command_invocation(CommandId=command_id, InstanceId=instance_id))
        if told["Status"] not in ("Pending", "InProgress") or time.monotonic() > until:
            return told
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("lines", "seconds", "status", "code", "output", "error_output"),
    [
        (['echo "on $AWS_SSM_INSTANCE_ID"', "exit 0"], "60", "Success", 0, "on {id}\n", ""),
        (["echo no quorum >&2", "exit 7"], "60", "Failed", 7, "", "no quorum\n"),
        (["sleep 30"], "0.2", "Failed", -1, "", ""),
    ],
)
def test_a_script_is_run_with_its_result(
    server: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
    lines: list[str],
    seconds: str,
    status: str,
    code: int,
    output: str,
    error_output: str,
) -> None:
    monkeypatch.setattr(WORLD, "runs_commands", True)
    server.client("drs").start_recovery(sourceServers=[{"sourceServerID": DB_1}])
    (application,) = server.applications()
    instance_id, ssm = application["instanceId"], server.client("ssm")
    parameters = {"commands": lines, "executionTimeout": [seconds]}
    sent = ssm.send_command(
        DocumentName="AWS-RunShellScript", InstanceIds=[instance_id], Parameters=parameters
    )

    told = ended(ssm, sent["Command"]["CommandId"], instance_id)

    assert (told["Status"], told["ResponseCode"]) == (status, code)
    assert told["StandardOutputContent"] == output.format(id=instance_id)
    assert told["StandardErrorContent"] == error_output
