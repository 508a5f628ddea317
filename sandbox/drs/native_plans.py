"""Executions of DRS's own recovery plans, as far as a fault says that there are some."""

from __future__ import annotations

from collections.abc import Sequence

from sandbox.drs.exceptions import ResourceNotFoundError
from sandbox.drs.reading import Document, Reading

_IN_PROGRESS = "IN_PROGRESS"


def executions(region: str, account: str, request: Document, reading: Reading) -> list[Document]:
    """
    The executions, as ListRecoveryPlanExecutions shows them.

    :param region: where.
    :param account: whose.
    :param request: its filters.
    :param reading: this look; each standing fault ``native_execution`` is one.
    """
    found = [
        {
            "recoveryPlanExecutionArn": _arn(region, account, number),
            "recoveryPlanArn": f"arn:aws:drs:{region}:{account}:recovery-plan/{fault['plan']}",
            "mode": fault["mode"],
            "status": _IN_PROGRESS,
            "startedAt": reading.stamp_wall(reading.wall()),
        }
        for number, fault in enumerate(reading.faults("native_execution"))
    ]
    wanted = {name: request[name] for name in ("recoveryPlanArn", "status") if request.get(name)}
    return [reading.shown(one) for one in found if wanted.items() <= one.items()]


def steps(region: str, account: str, request: Document, reading: Reading) -> list[Document]:
    """
    The steps of an execution: one that waits, and one that still has to recover the servers.

    :param region: where.
    :param account: whose.
    :param request: names the execution.
    :param reading: this look.
    :raises ResourceNotFoundError: for an unknown execution.
    """
    asked = request["recoveryPlanExecutionArn"]
    for number, fault in enumerate(reading.faults("native_execution")):
        if _arn(region, account, number) == asked:
            return [
                _step(asked, 1, {"waitStepConfiguration": {"waitDurationMinutes": 30}}, "WAITING"),
                _step(asked, 2, _servers(region, account, [fault["server"]]), "NOT_STARTED"),
            ]
    raise ResourceNotFoundError("RecoveryPlanExecution", asked)


def _servers(region: str, account: str, server_ids: Sequence[str]) -> Document:
    arns = [f"arn:aws:drs:{region}:{account}:source-server/{server_id}" for server_id in server_ids]
    return {"executionServerStepConfiguration": {"servers": [{"serverArn": arn} for arn in arns]}}


def _step(execution: str, index: int, configuration: Document, status: str) -> Document:
    return {
        "recoveryPlanExecutionStepArn": f"{execution}/step/{index}",
        "stepName": f"Step {index}",
        "stepIndex": index,
        "status": status,
        "configuration": configuration,
    }


def _arn(region: str, account: str, number: int) -> str:
    return f"arn:aws:drs:{region}:{account}:recovery-plan-execution/rpe-{number:017}"
