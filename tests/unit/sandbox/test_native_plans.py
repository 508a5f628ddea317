"""Executions of DRS's own recovery plans, as a fault puts them there."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from sandbox.testing import mocked_sandbox
from sandbox.world import WORLD
from tests.unit.sandbox.conftest import client
from tests.unit.sandbox.known import DB_1, DB_2


def test_each_fault_is_an_execution_in_progress_with_its_server_in_a_step() -> None:
    with mocked_sandbox():
        drs = client("drs")
        assert drs.list_recovery_plan_executions()["recoveryPlanExecutions"] == []
        for server, mode in ((DB_1, "DRILL"), (DB_2, "RECOVERY")):
            WORLD.faults.add({"kind": "native_execution", "server": server, "mode": mode})

        listed = drs.list_recovery_plan_executions(status="IN_PROGRESS")["recoveryPlanExecutions"]
        assert [one["mode"] for one in listed] == ["DRILL", "RECOVERY"]
        assert drs.list_recovery_plan_executions(status="FAILED")["recoveryPlanExecutions"] == []
        arn = listed[1]["recoveryPlanExecutionArn"]
        wait, launch = drs.list_recovery_plan_execution_steps(recoveryPlanExecutionArn=arn)[
            "recoveryPlanExecutionSteps"
        ]
        assert "waitStepConfiguration" in wait["configuration"]
        (server,) = launch["configuration"]["executionServerStepConfiguration"]["servers"]
        assert server["serverArn"].endswith(f"source-server/{DB_2}")


def test_an_unknown_execution_is_not_found() -> None:
    with mocked_sandbox(), pytest.raises(ClientError, match="ResourceNotFoundException"):
        client("drs").list_recovery_plan_execution_steps(
            recoveryPlanExecutionArn="arn:aws:drs:us-east-1:123456789012:recovery-plan-execution/rpe-1"
        )
