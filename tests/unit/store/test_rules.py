"""How an execution ends, from its document alone, and what may be terminated."""

from __future__ import annotations

import pytest

from drs_recovery.statuses import ExecutionStatus, SkipCause
from drs_recovery.store.rules import can_terminate, final_status, standing_status

READY = {"phase": "READY", "instanceId": "i-1"}
FAILED = {"phase": "FAILED"}
PENDING = {"phase": "PENDING"}


def wave(status, *servers, gate=None):
    return {
        "status": status,
        "serverStatuses": list(servers),
        **({"gate": {"decision": gate}} if gate else {}),
    }


COMPLETED_WAVE = wave("COMPLETED", READY)
SKIPPED = wave("SKIPPED", PENDING)
BEHIND_A_FAILURE = {**SKIPPED, "skipCause": SkipCause.DEPENDENCY}


@pytest.mark.parametrize(
    ("waves", "cancelled", "expected"),
    [
        # every wave COMPLETED
        ([COMPLETED_WAVE, COMPLETED_WAVE], False, "COMPLETED"),
        ([COMPLETED_WAVE, SKIPPED], False, "COMPLETED"),
        ([SKIPPED, SKIPPED], False, "COMPLETED"),
        # ... which a cancellation after the last wave does not undo
        ([COMPLETED_WAVE, COMPLETED_WAVE], True, "COMPLETED"),
        # ended otherwise, with instances of a completed wave
        ([wave("COMPLETED", READY, FAILED)], False, "PARTIAL_SUCCESS"),
        ([COMPLETED_WAVE, wave("FAILED", READY, FAILED)], False, "PARTIAL_SUCCESS"),
        ([COMPLETED_WAVE, wave("CANCELLED", PENDING)], True, "PARTIAL_SUCCESS"),
        ([COMPLETED_WAVE, wave("NOT_STARTED", PENDING)], True, "PARTIAL_SUCCESS"),
        ([COMPLETED_WAVE, wave("NOT_STARTED", PENDING)], False, "PARTIAL_SUCCESS"),
        ([COMPLETED_WAVE, wave("SKIPPED", PENDING, gate="REJECTED")], False, "PARTIAL_SUCCESS"),
        ([COMPLETED_WAVE, wave("SKIPPED", PENDING, gate="TIMED_OUT")], True, "PARTIAL_SUCCESS"),
        # no wave completed and something failed
        ([wave("FAILED", READY, FAILED), wave("NOT_STARTED")], False, "FAILED"),
        ([wave("FAILED", READY, FAILED), wave("CANCELLED")], True, "FAILED"),
        # ... or was passed over because of a failure, which a retry may have mended since
        ([COMPLETED_WAVE, wave("FAILED", FAILED), BEHIND_A_FAILURE], False, "PARTIAL_SUCCESS"),
        ([COMPLETED_WAVE, BEHIND_A_FAILURE], False, "PARTIAL_SUCCESS"),
        ([wave("FAILED", FAILED), BEHIND_A_FAILURE], False, "FAILED"),
        ([wave("NOT_STARTED", PENDING)], False, "FAILED"),
        # a completed wave without any instance is no success
        ([wave("COMPLETED", FAILED)], False, "FAILED"),
        # no wave completed and it was cancelled
        ([wave("CANCELLED", READY), wave("NOT_STARTED")], True, "CANCELLED"),
        ([wave("NOT_STARTED", PENDING)], True, "CANCELLED"),
        ([SKIPPED], True, "CANCELLED"),
        ([wave("NOT_STARTED", PENDING, gate="REJECTED")], False, "CANCELLED"),
        ([wave("SKIPPED", PENDING, gate="TIMED_OUT"), SKIPPED], False, "CANCELLED"),
    ],
)
def test_final_status_follows_from_the_waves(waves, cancelled, expected):
    assert final_status({"waves": waves}, cancelled) == expected


@pytest.mark.parametrize("status", ["SKIPPED", "NOT_STARTED"])
def test_dry_run_is_completed_although_it_launched_nothing(status):
    document = {"dryRun": True, "waves": [wave(status, PENDING)]}
    assert final_status(document, cancelled=False) is ExecutionStatus.COMPLETED
    assert final_status(document, cancelled=True) is ExecutionStatus.CANCELLED


def test_error_before_the_first_wave_is_a_failure():
    document = {"error": "no server matches the tags", "waves": [SKIPPED]}
    assert final_status(document, cancelled=False) is ExecutionStatus.FAILED
    assert final_status({**document, "dryRun": True}, cancelled=False) is ExecutionStatus.FAILED


@pytest.mark.parametrize("status", ExecutionStatus)
def test_instances_may_be_terminated_after_any_end(status):
    document = {"status": status, "waves": [wave("CANCELLED", PENDING, READY)]}
    assert can_terminate(document) is status.is_final


@pytest.mark.parametrize(
    "server", [{"phase": "FAILED", "instanceId": "i-1"}, {"phase": "FAILED", "recoveryInstanceId": "i-1"}]
)
def test_instance_of_a_failed_server_may_be_terminated(server):
    assert can_terminate({"status": ExecutionStatus.FAILED, "waves": [wave("FAILED", server)]})


@pytest.mark.parametrize(
    "document",
    [
        {"waves": [wave("FAILED", FAILED, PENDING)]},
        {"waves": [wave("COMPLETED", {"phase": "TERMINATED", "instanceId": "i-1"})]},
        {"waves": [COMPLETED_WAVE], "instancesTerminated": True},
        {"waves": []},
    ],
)
def test_nothing_is_terminated_twice_or_without_an_instance(document):
    assert not can_terminate({"status": ExecutionStatus.COMPLETED, **document})


@pytest.mark.parametrize(
    ("status", "active", "waiting", "expected"),
    [
        ("PENDING", [], [], "PENDING"),
        ("PENDING", [1], [], "POLLING"),
        ("PENDING", [], [1], "PAUSED"),
        ("POLLING", [], [], "POLLING"),
        ("POLLING", [], [2], "PAUSED"),
        ("POLLING", [1], [2], "POLLING"),
        ("PAUSED", [], [], "POLLING"),
        ("PAUSED", [1], [2], "POLLING"),
        ("PAUSED", [], [2], "PAUSED"),
        ("CANCELLING", [1], [], "CANCELLING"),
        ("CANCELLING", [], [2], "CANCELLING"),
    ],
)
def test_live_execution_is_paused_only_while_a_gate_is_all_it_waits_for(status, active, waiting, expected):
    assert standing_status(ExecutionStatus(status), active, waiting) == expected
