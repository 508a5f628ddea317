"""Run Command of Systems Manager: a command, and one invocation of it on each instance."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from moto.core.base_backend import BackendDict, BaseBackend
from moto.ssm.exceptions import SSMException

from sandbox.runs import Run
from sandbox.ssm.documents import document_of, filled_parameters
from sandbox.ssm.nodes import LOST, Node, node_of
from sandbox.ssm.pages import page_of
from sandbox.ssm.shell import ShellRun
from sandbox.world import WORLD

# What a command takes that nothing else says about.
_COMMAND_SECONDS = 5.0
_DELIVERY_SECONDS = 3600
_EXECUTION_SECONDS = "3600"
_FAULTS = ("command_ends", "command_hangs")
_SHELL = "AWS-RunShellScript"
# The invocations' statuses, in the order in which the command takes them for its own.
_COMMAND_STATUSES = ("Cancelling", "InProgress", "Pending", "Failed", "TimedOut", "Cancelled")
_EXECUTING = frozenset({"Pending", "InProgress", "Cancelling"})

Document = dict[str, Any]


@dataclass
class Invocation:
    """
    A command on one instance.

    :param details: ``StatusDetails`` of its end.
    """

    run: Run
    node: Node
    plugin: str
    details: str
    output: str = ""
    error_output: str = ""
    exit_code: int = 0
    shell: ShellRun | None = None

    def follow_shell(self, elapsed: float) -> None:
        """Take the end of a script that was really run."""
        if self.shell is None or self.shell.code is None or self.run.seconds is not None:
            return
        self.exit_code = self.shell.code
        self.output, self.error_output = self.shell.output, self.shell.error_output
        self.run.status = self.details = "Failed" if self.exit_code else "Success"
        self.run.seconds = elapsed - self.run.started

    def status(self, elapsed: float) -> tuple[str, str]:
        """Status and ``StatusDetails``."""
        self.follow_shell(elapsed)
        told = self.run.told(elapsed)
        if self.run.has_ended(elapsed) and not self.run.was_stopped():
            return told, self.details
        return told, "In Progress" if told == "InProgress" else told

    def result(self, elapsed: float) -> Document:
        """What is known once it has ended, as GetCommandInvocation shows it."""
        ended = self.run.has_ended(elapsed) and not self.run.was_stopped()
        end = self.run.ended_at()
        return {
            "PluginName": self.plugin,
            "ResponseCode": self.exit_code if ended else -1,
            "ExecutionStartDateTime": _text(self.run.started),
            "ExecutionEndDateTime": _text(end) if ended and end is not None else "",
            "StandardOutputContent": self.output if ended else "",
            "StandardErrorContent": self.error_output if ended else "",
        }


@dataclass
class Command:
    """A command and its invocations by instance id."""

    id: str
    started: float
    document_name: str
    comment: str
    parameters: Mapping[str, list[str]]
    timeout: int
    invocations: Mapping[str, Invocation]

    def status(self, elapsed: float) -> str:
        """Status of the whole."""
        told = {one.status(elapsed)[0] for one in self.invocations.values()}
        return next((status for status in _COMMAND_STATUSES if status in told), "Success")

    def document(self, elapsed: float) -> Document:
        """As ListCommands shows it."""
        told = [one.status(elapsed)[0] for one in self.invocations.values()]
        status = self.status(elapsed)
        return {
            "CommandId": self.id,
            "DocumentName": self.document_name,
            "Comment": self.comment,
            "Parameters": dict(self.parameters),
            "InstanceIds": list(self.invocations),
            "RequestedDateTime": WORLD.clock.when(self.started),
            "Status": status,
            "StatusDetails": status,
            "TargetCount": len(told),
            "CompletedCount": sum(one.run.has_ended(elapsed) for one in self.invocations.values()),
            "ErrorCount": sum(one in ("Failed", "TimedOut") for one in told),
            "TimeoutSeconds": self.timeout,
        }

    def invocation_document(self, instance_id: str, elapsed: float, *, details: bool) -> Document:
        """As ListCommandInvocations shows it."""
        invocation = self.invocations[instance_id]
        status, told = invocation.status(elapsed)
        document = {**self._head(instance_id), "Status": status, "StatusDetails": told}
        document["RequestedDateTime"] = WORLD.clock.when(self.started)
        if details:
            result = invocation.result(elapsed)
            plugin = {"Name": invocation.plugin, "Status": status, "StatusDetails": told}
            output = result["StandardOutputContent"] or result["StandardErrorContent"]
            plugin.update(ResponseCode=result["ResponseCode"], Output=output[:2500])
            document["CommandPlugins"] = [plugin]
        return document

    def result(self, instance_id: str, elapsed: float) -> Document:
        """As GetCommandInvocation shows it."""
        invocation = self.invocations[instance_id]
        status, details = invocation.status(elapsed)
        result = invocation.result(elapsed)
        return {**self._head(instance_id), "Status": status, "StatusDetails": details, **result}

    def _head(self, instance_id: str) -> Document:
        return {
            "CommandId": self.id,
            "InstanceId": instance_id,
            "Comment": self.comment,
            "DocumentName": self.document_name,
        }


def _text(elapsed: float) -> str:
    return WORLD.clock.when(elapsed).astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class CommandBackend(BaseBackend):
    """Run Command in one account and Region; the caller holds the world's lock."""

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.commands: dict[str, Command] = {}

    def send(self, request: Document) -> Document:
        """Answer SendCommand."""
        name = request["DocumentName"]
        version = request.get("DocumentVersion")
        document = document_of(self.account_id, self.region_name, name, version, "Command")
        if document is None:
            raise SSMException("InvalidDocument", f"Document {name} does not exist.")
        instance_ids = request.get("InstanceIds") or []
        if not instance_ids:
            raise SSMException("ValidationException", "the sandbox takes InstanceIds only, no Targets")
        if len(set(instance_ids)) < len(instance_ids):
            raise SSMException("DuplicateInstanceId", "You cannot specify an instance twice.")
        parameters = filled_parameters(document, request.get("Parameters") or {}, "InvalidParameters")
        nodes = [node_of(self.account_id, self.region_name, instance_id) for instance_id in instance_ids]
        timeout = request.get("TimeoutSeconds") or _DELIVERY_SECONDS
        plugin = document.content_json["mainSteps"][0]["action"]
        command = Command(
            id=str(uuid.uuid4()),
            started=WORLD.clock.elapsed(),
            document_name=document.name,
            comment=request.get("Comment", ""),
            parameters=parameters,
            timeout=timeout,
            invocations={
                node.instance.id: self._invocation(node, document.name, plugin, parameters, timeout)
                for node in nodes
            },
        )
        self.commands[command.id] = command
        return {"Command": command.document(command.started)}

    def get_invocation(self, request: Document) -> Document:
        """Answer GetCommandInvocation."""
        command, instance_id = self._known(request["CommandId"]), request["InstanceId"]
        if instance_id not in command.invocations:
            message = "The command ID and managed node ID you specified did not match any invocations."
            raise SSMException("InvocationDoesNotExist", message)
        return command.result(instance_id, WORLD.clock.elapsed())

    def list_commands(self, request: Document) -> Document:
        """Answer ListCommands: latest first."""
        elapsed, instance_id = WORLD.clock.elapsed(), request.get("InstanceId")
        rows = [
            command.document(elapsed)
            for command in self._asked(request)
            if instance_id in (None, *command.invocations)
        ]
        rows = _filtered(rows, request)
        page, following = page_of("ListCommands", rows, request, self.region_name)
        return {"Commands": page, **following}

    def list_invocations(self, request: Document) -> Document:
        """Answer ListCommandInvocations: latest first."""
        elapsed, wanted = WORLD.clock.elapsed(), request.get("InstanceId")
        details = bool(request.get("Details"))
        rows = [
            command.invocation_document(instance_id, elapsed, details=details)
            for command in self._asked(request)
            for instance_id in command.invocations
            if wanted in (None, instance_id)
        ]
        rows = _filtered(rows, request)
        page, following = page_of("ListCommandInvocations", rows, request, self.region_name)
        return {"CommandInvocations": page, **following}

    def cancel(self, request: Document) -> Document:
        """Answer CancelCommand."""
        command, elapsed = self._known(request["CommandId"]), WORLD.clock.elapsed()
        for instance_id in request.get("InstanceIds") or command.invocations:
            if instance_id not in command.invocations:
                raise SSMException("InvalidInstanceId", f"{instance_id} is not part of the command.")
            command.invocations[instance_id].run.stop(elapsed)
        return {}

    def _asked(self, request: Document) -> list[Command]:
        if request.get("CommandId"):
            return [self._known(request["CommandId"])]
        return list(reversed(self.commands.values()))

    def _known(self, command_id: str) -> Command:
        if command_id not in self.commands:
            raise SSMException("InvalidCommandId", "The specified command ID is not valid.")
        return self.commands[command_id]

    def _invocation(
        self,
        node: Node,
        document_name: str,
        plugin: str,
        parameters: Mapping[str, list[str]],
        timeout: int,
    ) -> Invocation:
        started = WORLD.clock.elapsed()
        if node.ping == LOST:
            run = Run(started, float(timeout), "TimedOut", "Pending")
            return Invocation(run, node, plugin, "Delivery Timed Out", exit_code=-1)
        subject = {"region": self.region_name, "document": document_name, "server": node.server_id}
        strikes = WORLD.faults.strike(_FAULTS, **subject)
        if "command_hangs" in strikes:
            limit = float((parameters.get("executionTimeout") or [_EXECUTION_SECONDS])[0])
            return Invocation(
                Run(started, limit, "TimedOut"), node, plugin, "Execution Timed Out", exit_code=-1
            )
        if ends := strikes.get("command_ends"):
            return Invocation(
                Run(started, ends["seconds"], ends["status"]),
                node,
                plugin,
                ends["details"] or ends["status"],
                ends["output"] or "",
                ends["error_output"] or "",
                0 if ends["status"] == "Success" else ends["exit_code"],
            )
        if WORLD.runs_commands and document_name == _SHELL:
            seconds = float((parameters.get("executionTimeout") or [_EXECUTION_SECONDS])[0])
            shell = ShellRun(parameters["commands"], node.instance.id, seconds)
            return Invocation(Run(started, None, "Success"), node, plugin, "Success", shell=shell)
        return Invocation(Run(started, _COMMAND_SECONDS, "Success"), node, plugin, "Success")


def _filtered(rows: list[Document], request: Document) -> list[Document]:
    for wanted in request.get("Filters") or ():
        key, value = wanted["key"], wanted["value"]
        match key:
            case "InvokedAfter" | "InvokedBefore":
                moment = _moment(value)
                after = key == "InvokedAfter"
                rows = [row for row in rows if (row["RequestedDateTime"] >= moment) == after]
            case "ExecutionStage":
                running = value == "Executing"
                rows = [row for row in rows if (row["Status"] in _EXECUTING) == running]
            case "Status" | "DocumentName":
                rows = [row for row in rows if row[key] == value]
            case _:
                raise SSMException("InvalidFilterKey", f"the sandbox has no filter {key}")
    return rows


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise SSMException("InvalidFilterValue", f"{text} is no time such as 2026-12-01T00:00:00Z") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


command_backends = BackendDict(CommandBackend, "ssm")
