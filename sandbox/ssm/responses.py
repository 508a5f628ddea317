"""Puts the operations into moto's Systems Manager, in the place of its own where it has some."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from moto.core.responses import ActionResult
from moto.ssm.exceptions import SSMException
from moto.ssm.responses import SimpleSystemManagerResponse

from sandbox.drs import settle_everything
from sandbox.ssm.automation import automation_backends
from sandbox.ssm.commands import command_backends
from sandbox.ssm.documents import use_documents_of_aws
from sandbox.ssm.nodes import described
from sandbox.ssm.pages import page_of
from sandbox.validation import problems_of
from sandbox.world import WORLD

Document = dict[str, Any]
Answering = Callable[[SimpleSystemManagerResponse, Document], Document]


def use_ssm() -> None:
    """Add the operations."""
    use_documents_of_aws()
    for operation, answer in _OPERATIONS.items():
        name, handler = _handler(operation, answer)
        setattr(SimpleSystemManagerResponse, name, handler)


def _handler(operation: str, answer: Answering) -> tuple[str, Callable[..., ActionResult]]:
    """Name of the method that moto looks for, and the method."""

    def handle(response: SimpleSystemManagerResponse) -> ActionResult:
        request = json.loads(response.body or "{}")
        if problems := problems_of("ssm", operation, request):
            text = "; ".join(f"{member}: {problem}" for member, problem in problems)
            raise SSMException("ValidationException", f"{len(problems)} validation errors: {text}")
        with WORLD.lock:
            settle_everything()
            return ActionResult(answer(response, request))

    name = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in operation)
    return name.removeprefix("_"), handle


def _automation(method: str) -> Answering:
    def answer(response: SimpleSystemManagerResponse, request: Document) -> Document:
        backend = automation_backends[response.current_account][response.region]
        document: Document = getattr(backend, method)(request)
        return document

    return answer


def _start_automation(response: SimpleSystemManagerResponse, request: Document) -> Document:
    account = response.current_account
    caller = (
        WORLD.sessions.principal(response.access_key) or f"arn:aws:iam::{account}:user/{response.access_key}"
    )
    return automation_backends[account][response.region].start(request, caller)


def _command(method: str) -> Answering:
    def answer(response: SimpleSystemManagerResponse, request: Document) -> Document:
        backend = command_backends[response.current_account][response.region]
        document: Document = getattr(backend, method)(request)
        return document

    return answer


def _instance_information(response: SimpleSystemManagerResponse, request: Document) -> Document:
    filters = [*(request.get("Filters") or ()), *(request.get("InstanceInformationFilterList") or ())]
    rows = described(response.current_account, response.region, filters)
    page, following = page_of("DescribeInstanceInformation", rows, request, response.region)
    return {"InstanceInformationList": page, **following}


_OPERATIONS: Mapping[str, Answering] = {
    "StartAutomationExecution": _start_automation,
    "GetAutomationExecution": _automation("get"),
    "DescribeAutomationExecutions": _automation("describe"),
    "StopAutomationExecution": _automation("stop"),
    "SendCommand": _command("send"),
    "GetCommandInvocation": _command("get_invocation"),
    "ListCommands": _command("list_commands"),
    "ListCommandInvocations": _command("list_invocations"),
    "CancelCommand": _command("cancel"),
    "DescribeInstanceInformation": _instance_information,
}
