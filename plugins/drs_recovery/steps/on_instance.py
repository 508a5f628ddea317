"""
Probes that run on the recovered instances themselves, by Run Command of Systems Manager.

A drill's network often has no way to the worker. A script is sent to each instance and looked for at the next
looks; one that failed is sent again.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from drs_recovery.statuses import StepStatus
from drs_recovery.steps.documents import POWERSHELL, SHELL
from drs_recovery.steps.kind import Look
from drs_recovery.steps.seen import Seen, joined

if TYPE_CHECKING:
    from drs_recovery.steps.kind import Recipient, StepRun

_RUNNING = frozenset({"Pending", "InProgress", "Delayed", "Cancelling"})
# A script that hangs is ended by the agent.
_SCRIPT_SECONDS = "60"


@dataclass(frozen=True)
class OnInstances:
    """
    Tries a script on every server.

    :param script: lines for a server's arguments.
    :param judge: what the output of a script that ended well means.
    """

    script: Callable[..., tuple[str, ...]]
    judge: Callable[[Any, str], Seen]

    def look(self, run: StepRun) -> Look:
        """Send what is not sent, take what has ended; a result once all have."""
        managed = self._managed(run, [one for one in run.servers if not run.external_ids.get(one.id)])
        ids: dict[str, str] = {}
        seen: list[Seen | None] = []
        for server in run.servers:
            command_id = run.external_ids.get(server.id) or self._sent(run, server, managed)
            ids[server.id] = command_id or ""
            seen.append(self._seen(run, server, command_id))
        ended = [one for one in seen if one is not None]
        if len(ended) < len(seen):
            said = f"tried on {len(ended)} of {len(seen)} instances by Systems Manager"
            return Look(StepStatus.RUNNING, said, external_ids=ids)
        # What failed is sent anew at the next look.
        tried_again = {
            server.id: ids[server.id] if one.ok else ""
            for server, one in zip(run.servers, ended, strict=True)
        }
        return replace(joined(run, ended), external_ids=tried_again)

    def _managed(self, run: StepRun, servers: Sequence[Recipient]) -> Mapping[str, Any]:
        found: dict[str, Any] = {}
        for place in {server.place for server in servers}:
            ids = [server.instance_id for server in servers if server.place == place]
            found |= run.aws(place).ssm.managed(ids)
        return {name: row for name, row in found.items() if row.get("PingStatus") == "Online"}

    def _sent(self, run: StepRun, server: Recipient, managed: Mapping[str, Any]) -> str | None:
        row = managed.get(server.instance_id)
        if row is None:
            return None
        windows = row.get("PlatformType") == "Windows"
        parameters = {
            "commands": self.script(server.arguments, windows=windows),
            "executionTimeout": [_SCRIPT_SECONDS],
        }
        document = POWERSHELL if windows else SHELL
        sent: str | None = run.aws(server.place).ssm.send_command(
            document, parameters, [server.instance_id], f"dr {run.token}"
        )
        return sent

    def _seen(self, run: StepRun, server: Recipient, command_id: str | None) -> Seen | None:
        """What came of the script; None while it runs."""
        if not command_id:
            return Seen(ok=False, detail="Systems Manager does not manage the instance (yet)")
        result = run.aws(server.place).ssm.result(command_id, server.instance_id)
        if result is None or result.get("Status") in _RUNNING:
            return None
        if result.get("Status") == "Success":
            return self.judge(server.arguments, str(result.get("StandardOutputContent") or ""))
        words = str(result.get("StandardErrorContent") or "").strip().rpartition("\n")[2]
        said = f"{result.get('StatusDetails') or result.get('Status')} on the instance"
        return Seen(ok=False, detail=f"{said}: {words}" if words else said)


def quoted(text: str, *, windows: bool) -> str:
    """A text as one word of a shell, or of PowerShell: nothing in it is run."""
    if not windows:
        return shlex.quote(text)
    # PowerShell takes these for a quote, too.
    for quote in "\u2018\u2019\u201a\u201b'":
        text = text.replace(quote, quote * 2)
    return f"'{text}'"
