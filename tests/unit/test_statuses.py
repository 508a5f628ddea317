"""Every state that DRS's API model knows is classified, and no unknown one raises."""

from __future__ import annotations

from typing import get_args

import boto3
import pytest

from drs_recovery.plan.model import RecoveryPlan
from drs_recovery.statuses import (
    EXECUTION_TRANSITIONS,
    FAULT_EVENTS,
    LAUNCH_OUTCOMES,
    LOG_EVENT_PHASES,
    WAVE_TRANSITIONS,
    ExecutionStatus,
    LaunchOutcome,
    Priority,
    ServerPhase,
    WaveStatus,
    launch_outcome,
)
from drs_recovery.store.server_types import PROGRESS_PART, progress_of


@pytest.fixture(scope="module")
def shapes():
    return boto3.Session().client("drs", "us-east-1").meta.service_model.shape_for


def test_every_launch_status_of_the_model_is_classified(shapes) -> None:
    assert set(shapes("LaunchStatus").enum) == set(LAUNCH_OUTCOMES)


def test_every_priority_of_a_plan_has_its_rank() -> None:
    written = RecoveryPlan.model_fields["priority"].annotation

    assert get_args(written) == tuple(Priority)


def test_every_log_event_of_the_model_is_classified(shapes) -> None:
    assert set(shapes("JobLogEvent").enum) <= set(LOG_EVENT_PHASES)


def test_launch_end_is_classified_although_the_model_lacks_it(shapes) -> None:
    assert "LAUNCH_END" not in shapes("JobLogEvent").enum
    assert LOG_EVENT_PHASES["LAUNCH_END"] is ServerPhase.LAUNCH


def test_every_event_that_explains_a_failure_is_known() -> None:
    assert set(FAULT_EVENTS) <= set(LOG_EVENT_PHASES)


def test_every_failing_event_of_a_launch_explains_it(shapes) -> None:
    of_networks = {event for event in LOG_EVENT_PHASES if "NETWORK" in event or "TEMPLATE" in event}
    failing = {event for event in shapes("JobLogEvent").enum if event.endswith(("_FAIL", "_FAILED"))}

    assert failing - of_networks <= set(FAULT_EVENTS)


def test_a_status_that_aws_adds_later_counts_as_running() -> None:
    assert launch_outcome("QUEUED") is LaunchOutcome.RUNNING


def test_the_parts_of_a_progress_sum_to_its_total() -> None:
    progress = progress_of(ServerPhase)

    parts = [count for part, count in progress.items() if part != "totalServers"]
    assert sum(parts) == progress["totalServers"] == len(ServerPhase)
    assert set(PROGRESS_PART) == set(ServerPhase)


def test_final_statuses_lead_nowhere() -> None:
    assert {status for status in ExecutionStatus if status.is_final} == {
        ExecutionStatus.COMPLETED,
        ExecutionStatus.PARTIAL_SUCCESS,
        ExecutionStatus.FAILED,
        ExecutionStatus.CANCELLED,
        ExecutionStatus.SKIPPED,
    }
    assert {status for status in WaveStatus if status.is_final} == {
        WaveStatus.COMPLETED,
        WaveStatus.FAILED,
        WaveStatus.CANCELLED,
        WaveStatus.SKIPPED,
    }
    assert set(EXECUTION_TRANSITIONS) == set(ExecutionStatus)
    assert set(WAVE_TRANSITIONS) == set(WaveStatus)
