"""Post-launch actions: what of them fails a server, what is a warning, what is waited for."""

from __future__ import annotations

from typing import Any

import pytest

from drs_recovery.waves import post_launch
from drs_recovery.waves.post_launch import actions_of


def action(status: str, *, optional: bool = False, reason: str | None = None) -> dict[str, Any]:
    found = {"name": "check", "optional": optional, "status": status}
    return {**found, "reason": reason} if reason else found


DONE, FAILED, RUNNING = action("SUCCEEDED"), action("FAILED", reason="disk full"), action("IN_PROGRESS")
OPTIONAL_FAILED = action("FAILED", optional=True, reason="no agent")
OPTIONAL_RUNNING = action("IN_PROGRESS", optional=True)


def test_actions_are_read_with_care() -> None:
    runs = [
        {"status": "FAILED", "failureReason": "disk full", "action": {"name": "join", "optional": True}},
        {"status": "FAILED", "action": {"name": "join"}},
        {"action": None},
        {"status": "SOMETHING_NEW", "action": {}, "more": 1},
    ]

    found = actions_of({"launchActionsStatus": {"runs": runs}})

    assert found == [
        {"name": "join", "optional": True, "status": "FAILED", "reason": "disk full"},
        {"name": "join", "optional": False, "status": "FAILED", "reason": "DRS gives no reason"},
        {"name": "unnamed", "optional": False, "status": "IN_PROGRESS"},
        {"name": "unnamed", "optional": False, "status": "SOMETHING_NEW"},
    ]
    assert actions_of({}) == actions_of({"launchActionsStatus": None}) == []


@pytest.mark.parametrize(
    ("found", "status", "failure"),
    [
        ([DONE], "SUCCEEDED", None),
        ([DONE, RUNNING], "IN_PROGRESS", None),
        ([DONE, OPTIONAL_RUNNING], "SUCCEEDED", None),
        ([DONE, OPTIONAL_FAILED], "FAILED", None),
        ([FAILED, OPTIONAL_FAILED], "FAILED", "post-launch action 'check' failed: disk full"),
        ([FAILED, RUNNING], "IN_PROGRESS", "post-launch action 'check' failed: disk full"),
    ],
)
def test_required_actions_decide(found: list[dict[str, Any]], status: str, failure: str | None) -> None:
    assert (post_launch.status_of(found), post_launch.failures(found)) == (status, failure)


@pytest.mark.parametrize(
    ("found", "awaited", "not_awaited"),
    [
        ([], None, None),
        ([DONE], None, None),
        ([OPTIONAL_FAILED], "optional post-launch action 'check' failed: no agent", "the same"),
        (
            [OPTIONAL_RUNNING],
            "optional post-launch action 'check' was still in progress when the server was ready",
            None,
        ),
        # Where required ones are not awaited either, a server can be ready without them.
        ([FAILED, RUNNING], "post-launch action 'check' failed: disk full", "the same"),
    ],
)
def test_a_ready_server_warns_of_what_went_wrong(
    found: list[dict[str, Any]], awaited: str | None, not_awaited: str | None
) -> None:
    told = post_launch.warning_of({"phase": "POST_LAUNCH", "postLaunchActions": found})

    assert told == awaited
    assert post_launch.warning_of({"phase": "LAUNCHED", "postLaunchActions": found}) == (
        awaited if not_awaited == "the same" else not_awaited
    )


@pytest.mark.parametrize(
    ("drill", "awaited"), [({}, True), ({"await_actions": True}, True), ({"await_actions": False}, False)]
)
def test_actions_are_awaited_but_in_drills_whose_plan_says_no(drill: dict[str, bool], awaited: bool) -> None:
    snapshot = {"drill": drill}
    assert post_launch.are_awaited({"isDrill": True, "planSnapshot": snapshot}) is awaited
    assert post_launch.are_awaited({"isDrill": False, "planSnapshot": snapshot}) is True
    assert post_launch.are_awaited({"isDrill": True, "planSnapshot": {}}) is True


def test_what_took_too_long_is_named() -> None:
    late = [{**RUNNING, "name": "join domain"}, DONE, OPTIONAL_RUNNING, {**RUNNING, "name": "mount"}]

    assert post_launch.overdue(late, 30) == (
        "post-launch action 'join domain', 'mount' was still in progress at the wave's timeout of 30 minutes"
    )
