"""Run a command on the recovered instances with Run Command of Systems Manager."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import Field

from drs_recovery.plan import Line, PlanModel
from drs_recovery.statuses import StepStatus
from drs_recovery.steps.documents import SHELL, document_arn, missing_document
from drs_recovery.steps.kind import BatchedKind, Look, Place
from drs_recovery.steps.parameters import CommandLines, Parameters  # noqa: TC001  # pydantic
from drs_recovery.steps.seen import Seen, joined

if TYPE_CHECKING:
    from drs_recovery.steps.kind import AwsClients, Recipient, StepRun

_INSTANCES_IN_A_COMMAND = 50
# By how much clocks may differ when a command is looked for that was sent a moment ago.
_CLOCK_SECONDS = 300.0
_RUNNING = frozenset({"Pending", "InProgress", "Delayed", "Cancelling"})
# A placeholder's value becomes part of a script: only of those that nobody can write freely.
_PLACEHOLDER = re.compile(r"\{\{(.*?)\}\}|\{%(.*?)%\}", re.DOTALL)
_SAFE = frozenset(
    {
        "server.id", "server.private_ip", "server.instance_id", "server.region",
        "execution.id", "execution.type", "plan.id",
    }
)  # fmt: skip


class SsmCommandArguments(PlanModel):
    """What is run: a document, or lines of a shell script."""

    document: Line | None = Field(default=None, description="Name or ARN of the Command document.")
    commands: CommandLines | None = Field(
        default=None, description="Lines of a shell script, instead of a document."
    )
    parameters: Parameters = Field(
        default={}, description="Values of the document's parameters, texts or lists of them."
    )


class _Batch(NamedTuple):
    """Servers that get the same command."""

    place: Place
    comment: str
    document: str
    parameters: Mapping[str, Sequence[str]]
    servers: Sequence[Recipient]


class SsmCommand(BatchedKind):
    """
    Found again by its comment before it is sent again; each server has a result of its own.

    Systems Manager takes a command only when it manages every instance, which begins some minutes after a
    launch: until then nothing is sent.
    """

    key = "ssm_command"
    title = "Run a command on the recovered instances with Systems Manager."
    arguments = SsmCommandArguments
    takes_servers = True
    resource_keys = ("document",)
    service = "SSM commands"

    def problems(self, arguments: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], str]]:
        """Either a document or commands, and no text of people in a script."""
        document, commands = arguments.get("document"), arguments.get("commands")
        if (document is None) == (commands is None):
            yield (), "takes either document or commands"
        if commands is not None and arguments.get("parameters"):
            yield ("parameters",), "parameters are for a document; commands have none"
        parameters = arguments.get("parameters")
        script = parameters.get("commands") if isinstance(parameters, Mapping) else None
        for keys, lines in ((("commands",), commands), (("parameters", "commands"), script)):
            if name := next(filter(None, map(_unsafe, _lines(lines))), None):
                allowed = ", ".join(sorted(_SAFE))
                yield keys, f"{name} can be any text, which a shell would run; use one of {allowed}"

    def missing(self, aws: Callable[[Place], AwsClients], place: Place, arguments: Any) -> str | None:
        """The document."""
        return missing_document(aws(place), place.region, arguments.document or SHELL)

    def rights(self, arguments: Any, arn: Callable[[str, str], str]) -> Mapping[str, Collection[str]]:
        """To send it."""
        return {document_arn(arguments.document or SHELL, arn): ["ssm:SendCommand"]}

    def start(self, run: StepRun) -> Look:
        """Send what has not been sent yet, if every instance is managed."""
        batches = _batches(run)
        missing = _unmanaged(run, batches)
        if missing:
            return _waiting(missing)
        sent: dict[str, str] = {}
        for batch in batches:
            command_id = _sent(run, batch)
            if command_id is None:
                # What was sent is found again by its comment.
                return _waiting(batch.servers)
            sent[batch.comment] = command_id
        return Look(StepStatus.RUNNING, f"sent to {len(run.servers)} servers", external_ids=sent)

    def questions(self, run: StepRun) -> Mapping[Place, Collection[str]]:
        """The commands of each place."""
        found: dict[Place, list[str]] = defaultdict(list)
        for batch in _batches(run):
            found[batch.place].append(run.external_ids[batch.comment])
        return found

    def ask(self, clients: AwsClients, keys: Collection[str]) -> Mapping[str, Any]:
        """Invocations by instance of the commands that have ended; those that run are left out."""
        executing = clients.ssm.executing_commands()
        return {key: clients.ssm.invocations(key) for key in keys if key not in executing}

    def judge(self, run: StepRun, found: Mapping[str, Any]) -> Look:
        """Good if every server's command succeeded, or that of one where one is enough."""
        told: dict[str, Seen | None] = {}
        for batch in _batches(run):
            rows = found.get(run.external_ids[batch.comment], {})
            for server in batch.servers:
                told[server.id] = _seen(rows.get(server.instance_id))
        seen = [told[server.id] for server in run.servers]
        ended = [one for one in seen if one is not None]
        if len(ended) < len(seen):
            return Look(StepStatus.RUNNING, f"ended on {len(ended)} of {len(seen)} servers")
        outputs = [f"{server.name}: {one.output}" for server, one in zip(run.servers, ended, strict=True)]
        return replace(joined(run, ended), output="\n".join(outputs))

    def stop(self, run: StepRun) -> str | None:
        """Cancel the commands where they have not ended."""
        sent = [(batch.place, command_id) for batch in _batches(run) if (command_id := _known(run, batch))]
        for place, command_id in sent:
            run.aws(place).ssm.cancel_command(command_id)
        return "the command is being cancelled where it runs" if sent else None


def _batches(run: StepRun) -> list[_Batch]:
    """Servers of the same place with the same command, in groups that one call takes."""
    groups: dict[tuple[Any, ...], list[Recipient]] = defaultdict(list)
    for server in run.servers:
        document, parameters = _command(server.arguments)
        groups[server.place, document, tuple(parameters.items())].append(server)
    batches: list[_Batch] = []
    for (place, document, parameters), servers in groups.items():
        for start in range(0, len(servers), _INSTANCES_IN_A_COMMAND):
            comment = f"dr {run.token} {len(batches) + 1}"
            chosen = servers[start : start + _INSTANCES_IN_A_COMMAND]
            batches.append(_Batch(place, comment, document, dict(parameters), chosen))
    return batches


def _command(arguments: Any) -> tuple[str, Mapping[str, Sequence[str]]]:
    if arguments.commands is not None:
        return SHELL, {"commands": arguments.commands}
    return arguments.document, arguments.parameters


def _unmanaged(run: StepRun, batches: Sequence[_Batch]) -> list[Recipient]:
    """Servers whose agent is not online."""
    missing: list[Recipient] = []
    for place in {batch.place for batch in batches}:
        servers = [server for batch in batches if batch.place == place for server in batch.servers]
        managed = run.aws(place).ssm.managed([server.instance_id for server in servers])
        online = {name for name, row in managed.items() if row.get("PingStatus") == "Online"}
        missing += [server for server in servers if server.instance_id not in online]
    return missing


def _waiting(servers: Sequence[Recipient]) -> Look:
    names = ", ".join(server.name for server in servers[:3]) + (" and others" if len(servers) > 3 else "")
    return Look(
        StepStatus.RUNNING,
        f"Systems Manager does not manage {names} (yet): its agent must run there, with its instance role",
    )


def _sent(run: StepRun, batch: _Batch) -> str | None:
    """Id of a batch's command: of the one that was sent before, if there is one."""
    instance_ids = [server.instance_id for server in batch.servers]
    command_id: str | None = _known(run, batch) or run.aws(batch.place).ssm.send_command(
        batch.document, batch.parameters, instance_ids, batch.comment
    )
    return command_id


def _known(run: StepRun, batch: _Batch) -> str | None:
    """Id of a batch's command if it was sent, although its answer may have been lost."""
    if batch.comment in run.external_ids:
        return run.external_ids[batch.comment]
    name = batch.document.rpartition("/")[2]
    known: Mapping[str, str] = run.aws(batch.place).ssm.commands_since(run.begun - _CLOCK_SECONDS, name)
    return known.get(batch.comment)


def _seen(row: Mapping[str, Any] | None) -> Seen | None:
    """What came of a command on a server; None while it runs."""
    if row is None or row.get("Status") in _RUNNING:
        return None
    plugins = row.get("CommandPlugins") or [{}]
    output = str(plugins[0].get("Output") or "")
    if row.get("Status") == "Success":
        return Seen(ok=True, detail="Success", output=output)
    code = plugins[0].get("ResponseCode", -1)
    exit_code = f" (exit code {code})" if code > 0 else ""
    last = output.strip().rpartition("\n")[2]
    words = f": {last}" if last else ""
    details = row.get("StatusDetails") or row.get("Status")
    return Seen(ok=False, detail=f"{details}{exit_code}{words}", output=output)


def _lines(value: Any) -> list[str]:
    listed = value if isinstance(value, (list, tuple)) else [value]
    return [line for line in listed if isinstance(line, str)]


def _unsafe(line: str) -> str | None:
    """The first placeholder that may hold any text."""
    for match in _PLACEHOLDER.finditer(line):
        name = (match[1] if match[1] is not None else match[2] or "").strip()
        if name not in _SAFE:
            return name
    return None


KIND = SsmCommand()
