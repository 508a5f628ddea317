"""What pages say of an execution that people ended before its time."""

from __future__ import annotations

from typing import Any

import pytest

from drs_recovery.web.allowed_actions import Rights
from drs_recovery.web.executions.page import ExecutionView, execution_view
from tests.unit.web.documents import START, document, gate, server, wave

LEAD = Rights("dr-lead", "Dora Lead", may_act=True, may_terminate=True)
CANCEL = {"cancel": {"actor": "admin", "reason": "wrong plan", "time": START + 600}}
ERROR = "cancelled by admin: wrong plan"
READY = wave("COMPLETED", server("a"), server("b"), jobs=[])
STOPPED = wave("CANCELLED", startTime=None, statusReason=f"not started: {ERROR}")
DUE = START + 7920
AT = "2027-01-15 10:12:00 UTC"
NEVER = ("Partly successful", "Fix the cause", "No action needed", "What failed")


def page(status: str, *waves: dict[str, Any], **fields: Any) -> ExecutionView:
    return execution_view(
        document(status, *waves, **{"error": ERROR, **CANCEL, **fields}), [], LEAD, START + 1000
    )


def all_told(view: ExecutionView) -> str:
    step = view.headline.next_step
    failures = [failure.text for failure in view.failures.shown]
    return "\n".join([view.headline.status.word, str(view.headline.now), str(step.sentence), *failures])


@pytest.mark.parametrize(
    ("fields", "left"),
    [
        ({"terminateAfter": DUE}, f"2 instances remain, terminated at {AT}."),
        ({"keepInstances": True}, "2 instances remain until they are terminated."),
        ({"recovery": True}, "2 instances remain until they are terminated."),
        (
            {"terminationRequests": [{"actor": "admin", "time": START + 800, "requestId": "r"}]},
            "2 instances remain, being terminated.",
        ),
    ],
)
def test_a_cancelled_drill_says_who_why_and_what_remains(fields: dict[str, Any], left: str) -> None:
    view = page("PARTIAL_SUCCESS", READY, STOPPED, **fields)
    assert str(view.headline.now) == (
        f"Cancelled by admin: wrong plan. 1 of 2 waves was completed before. {left}"
    )
    assert not any(words in all_told(view) for words in NEVER)


@pytest.mark.parametrize(
    ("status", "word", "tone"),
    [
        ("PARTIAL_SUCCESS", "Cancelled, partly completed", "warning"),
        ("FAILED", "Cancelled, with a failure", "bad"),
        ("CANCELLED", "Cancelled", "bad"),
    ],
)
def test_its_mark_says_so_in_the_colour_of_its_status(status: str, word: str, tone: str) -> None:
    mark = page(status, READY, STOPPED).headline.status
    assert (mark.code, mark.word, mark.tone, mark.icon) == (status, word, tone, "■")


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        ("the DAG run was marked as failed: wrong plan", "wrong plan"),
        ("the DAG run was marked as failed", "the DAG run was marked as failed"),
    ],
)
def test_how_airflow_cancels_is_said_only_where_nobody_said_why(reason: str, told: str) -> None:
    error = f"cancelled by admin: {reason}"
    view = page("CANCELLED", STOPPED, cancel={**CANCEL["cancel"], "reason": reason}, error=error)
    assert str(view.headline.now) == f"Cancelled by admin: {told}. Nothing was launched."
    assert view.failures.total == 0


def test_why_it_was_cancelled_is_no_failure() -> None:
    assert page("PARTIAL_SUCCESS", READY, STOPPED).failures.total == 0
    two_lines = {**CANCEL["cancel"], "reason": "wrong plan\nsorry"}
    told = page("CANCELLED", STOPPED, cancel=two_lines, error="cancelled by admin: wrong plan\nsorry")
    assert told.failures.total == 0


def test_a_wave_that_failed_before_is_still_told_of() -> None:
    failed = wave("FAILED", server("c", "FAILED", error="no capacity"), statusReason="c failed")
    view = page("FAILED", failed, STOPPED, error=f"c failed\n{ERROR}")
    assert [failure.where for failure in view.failures.shown][:1] == ['Wave 1 "Database"']
    assert not any("cancelled by" in failure.text for failure in view.failures.shown)
    assert str(view.headline.now).startswith("Cancelled by admin: wrong plan. Wave 1 had failed before.")


def test_an_error_from_before_the_cancellation_is_not_lost() -> None:
    view = page("CANCELLED", STOPPED, error="the account is closed")
    assert [failure.text for failure in view.failures.shown] == ["the account is closed"]


def test_what_is_to_do_is_about_the_instances() -> None:
    step = page("PARTIAL_SUCCESS", READY, STOPPED, terminateAfter=DUE).headline.next_step
    assert str(step.sentence) == (
        f"2 instances are left. They are terminated at {AT}; terminate them now if no longer needed."
    )
    assert [action.kind for action in step.actions] == ["terminate"]
    kept = page("PARTIAL_SUCCESS", READY, STOPPED, keepInstances=True).headline.next_step
    assert str(kept.sentence).startswith("2 instances are left. They are never terminated automatically")
    assert str(page("CANCELLED", STOPPED).headline.next_step.sentence) == "Nothing is left to do."


def test_a_rejection_after_a_completed_wave_is_a_cancellation_too() -> None:
    refused = wave("CANCELLED", startTime=None, gate=gate("REJECTED", actor="dba-lead", comment="not today"))
    view = page("PARTIAL_SUCCESS", READY, refused, cancel=None, cancelled=True, error="the gate was REJECTED")
    assert str(view.headline.now).startswith('Wave 2 "Application" was rejected by dba-lead: not today.')
    assert not any(words in all_told(view) for words in NEVER)
    assert view.failures.total == 0


def test_after_the_clean_up_nothing_remains() -> None:
    gone = wave("COMPLETED", server("a", "TERMINATED", terminatedTime=START + 900))
    view = page("PARTIAL_SUCCESS", gone, STOPPED, instancesTerminated=True)
    assert str(view.headline.now).endswith("Its instances are terminated.")


def test_a_cancellation_that_came_too_late_changed_nothing() -> None:
    view = page("COMPLETED", READY, error=None)
    assert (view.headline.status.word, view.headline.status.tone) == ("Completed", "good")
