"""
DRS's post-launch actions of one server: what DRS says of them, how the record keeps it, and what that means.

Shapes of botocore's drs model (``LaunchActionsStatus``, ``LaunchActionRun``). The record's
``postLaunchActions`` is a list of ``{name, optional, status}``, with ``reason`` where one failed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from drs_recovery.statuses import ServerPhase

if TYPE_CHECKING:
    from drs_recovery.store import ExecutionRecord, PostLaunchAction, ServerStatus

# ``LaunchActionRunStatus`` of botocore's model; anything else is still in progress.
SUCCEEDED = "SUCCEEDED"
FAILED = "FAILED"
IN_PROGRESS = "IN_PROGRESS"
DONE = frozenset({SUCCEEDED, FAILED})


def actions_of(server: Mapping[str, Any]) -> list[PostLaunchAction]:
    """
    The actions of a launched server, in the order of their runs; empty when it has none.

    :param server: DRS's ``ParticipatingServer``.
    """
    runs = (server.get("launchActionsStatus") or {}).get("runs") or []
    return [_action(run) for run in runs]


def _action(run: Mapping[str, Any]) -> PostLaunchAction:
    about = run.get("action") or {}
    action: PostLaunchAction = {
        "name": str(about.get("name", "unnamed")),
        "optional": bool(about.get("optional", False)),
        "status": str(run.get("status", IN_PROGRESS)),
    }
    if action["status"] == FAILED:
        action["reason"] = str(run.get("failureReason") or "DRS gives no reason")
    return action


def status_of(actions: Sequence[PostLaunchAction]) -> str:
    """State of the actions together: only required ones are waited for, a failure of any is shown."""
    if open_actions(actions):
        return IN_PROGRESS
    return FAILED if any(action["status"] == FAILED for action in actions) else SUCCEEDED


def open_actions(actions: Sequence[PostLaunchAction], *, optional: bool = False) -> list[PostLaunchAction]:
    """The actions that are neither done nor failed."""
    return [a for a in actions if a["status"] not in DONE and a["optional"] is optional]


def failures(actions: Sequence[PostLaunchAction]) -> str | None:
    """Which required actions failed and why, or None."""
    return "; ".join(_failure(a) for a in actions if a["status"] == FAILED and not a["optional"]) or None


def overdue(actions: Sequence[PostLaunchAction], minutes: float) -> str:
    """Say that required actions took too long."""
    names = ", ".join(repr(action["name"]) for action in open_actions(actions))
    return f"post-launch action {names} was still in progress at the wave's timeout of {minutes:.0f} minutes"


def are_awaited(execution: ExecutionRecord) -> bool:
    """Whether required actions decide whether a server is ready: always, but in drills whose plan says no."""
    if not execution["isDrill"]:
        return True
    return bool(execution["planSnapshot"].get("drill", {}).get("await_actions", True))


def warning_of(server: ServerStatus) -> str | None:
    """
    What a person should know of the actions of a server that is ready all the same, or None.

    Where no action is awaited, whatever is still in progress is nothing to warn of.
    """
    actions = server.get("postLaunchActions") or ()
    told = [_failure(action) for action in actions if action["status"] == FAILED]
    if server["phase"] == ServerPhase.POST_LAUNCH:
        told += [
            f"{_title(action)} was still in progress when the server was ready"
            for action in open_actions(actions, optional=True)
        ]
    return "; ".join(told) or None


def _failure(action: PostLaunchAction) -> str:
    return f"{_title(action)} failed: {action['reason']}"


def _title(action: PostLaunchAction) -> str:
    return f"{'optional ' if action['optional'] else ''}post-launch action {action['name']!r}"
