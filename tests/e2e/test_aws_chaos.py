"""AWS is disturbed while recoveries run; the record stays true all the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest

from devstack.stack import Stack
from tests.e2e.chaos_plans import SINGLES, SKEWED, STUCK
from tests.e2e.drills import Drills, Ended, drills_of, until
from tests.e2e.proofs import demand_completed, falsehoods

# By signal: the thread would end the whole process, and leave that of the stack behind.
pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600, method="signal")]

# Under load a step takes several times as long as on an idle machine.
_PATIENCE = 300.0

# Longer than botocore and the hooks try a single call of DRS.
_TROUBLE_SECONDS = 20.0

# One for each of the plans that are there to be disturbed.
_TROUBLES = (
    {"kind": "error", "status": 429, "code": "ThrottlingException", "retry_after": 1},
    {"kind": "error", "status": 500, "code": "InternalServerException"},
    {"kind": "reset"},
    {"kind": "expired_token"},
    {"kind": "lost_answer", "operation": "StartRecovery", "times": 3},
)


@pytest.fixture(scope="module")
def in_trouble(stack: Stack) -> Iterator[Mapping[str, Ended]]:
    """Executions that ended, by plan id; they ran together, each with a trouble of its Region's alone."""
    with drills_of(stack) as drills:
        for plan, trouble in zip(SINGLES, _TROUBLES, strict=True):
            fault = {"service": "drs", "region": plan.region, "for_seconds": _TROUBLE_SECONDS, **trouble}
            drills.sandbox.control("POST", "/faults", fault)
        drills.sandbox.add_fault("stuck_job", server=STUCK.server_ids(1)[0])
        plans = (*SINGLES, STUCK)
        try:
            ended = drills.follow_all([drills.run(plan.id) for plan in plans], _PATIENCE)
        finally:
            drills.sandbox.clear_faults()
        yield {plan.id: one for plan, one in zip(plans, ended, strict=True)}


def test_a_time_of_throttling_errors_resets_and_expired_credentials_is_survived(
    drills: Drills, in_trouble: Mapping[str, Ended]
) -> None:
    for plan in SINGLES:
        demand_completed(drills, plan, in_trouble[plan.id])


def test_a_job_that_never_ends_fails_its_wave_at_the_time_out_and_the_run_goes_on(
    drills: Drills, in_trouble: Mapping[str, Ended]
) -> None:
    ended = in_trouble[STUCK.id]

    assert falsehoods(drills, ended, STUCK.region) == []
    stuck, behind = ended.document["waves"]
    assert (ended.document["status"], ended.run_state) == ("PARTIAL_SUCCESS", "failed")
    assert stuck["status"] == "FAILED"
    assert "not finished within its timeout" in stuck["statusReason"]
    assert behind["status"] == "COMPLETED"


def test_a_store_that_refuses_writes_for_a_while_loses_nothing(drills: Drills) -> None:
    """Recoveries meet the refusal in three places: before their opening, at a start, during a wave."""
    polled = drills.run(SINGLES[0].id)
    until(lambda: polled.wave_is(1, "POLLING"), "a wave runs", _PATIENCE)
    started = drills.run(SINGLES[1].id)
    until(lambda: bool(started.look()), "another opens", _PATIENCE)
    opened = drills.run(SINGLES[2].id)
    refusals = (
        {"status": 500, "code": "InternalServerError", "every": 2},
        {"status": 400, "code": "AccessDeniedException"},
    )
    for refusal in refusals:
        fault = {"service": "dynamodb", "operation": "TransactWriteItems", "for_seconds": _TROUBLE_SECONDS}
        drills.sandbox.add_fault("error", **fault, **refusal)

    runs = [polled, started, opened]
    for plan, ended in zip(SINGLES, drills.follow_all(runs, _PATIENCE), strict=False):
        demand_completed(drills, plan, ended)


def test_clocks_that_disagree_by_minutes_change_nothing(drills: Drills) -> None:
    """DRS's clock is five minutes ahead of the workers' in the first wave, and behind in the second."""
    drills.sandbox.set_skew(300)
    run = drills.run(SKEWED.id)
    until(lambda: run.wave_is(1, "COMPLETED"), "the first wave ends", _PATIENCE)
    drills.sandbox.set_skew(-300)

    (ended,) = drills.follow_all([run], _PATIENCE)

    demand_completed(drills, SKEWED, ended)
    assert all(wave["duration"] >= 0 for wave in ended.document["waves"])
