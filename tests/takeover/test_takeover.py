"""The first Airflow is lost, all of it at once; a standby on the same table goes on."""

from __future__ import annotations

import logging
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from devstack.components import AIRFLOW_COMPONENTS
from devstack.layout import StackSettings
from devstack.stack import Stack
from tests.e2e.chaos_plans import GATED
from tests.e2e.drills import Drills, Running, drills_of, until
from tests.e2e.herd_plans import HERD
from tests.e2e.proofs import demand_completed

# By signal: the thread would end the whole process, and leave that of the stack behind.
pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1200, method="signal")]

# Under load a step takes several times as long as on an idle machine.
_PATIENCE = 400.0

CHAIN = HERD[0]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Standby:
    """The second Airflow."""

    stack: Stack
    drills: Drills

    def take_over(self, installation: str) -> str:
        """Give the command as an operator does; what it printed."""
        environment = self.stack.environment() | {
            "AIRFLOW_CLI_USERNAME": "admin",
            "AIRFLOW_CLI_PASSWORD": self.stack.passwords["admin"],
        }
        command = [sys.executable, "-m", "drs_recovery", "takeover", "--from", installation, "--yes"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture
def standby(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standby]:
    settings = StackSettings(
        home=tmp_path_factory.mktemp("standby"),
        plans_dir=stack.settings.plans_dir,
        poll_interval=stack.settings.poll_interval,
        parse_interval=stack.settings.parse_interval,
        shared_sandbox=stack.state.sandbox_url,
    )
    second = Stack(settings)
    try:
        second.up()
        with drills_of(second) as drills:
            until(lambda: drills.api.dag(f"recover_{GATED.id}") is not None, "the standby has the plans", 90)
            yield Standby(second, drills)
    finally:
        second.down()


def test_a_standby_goes_on_with_what_the_first_one_ran(
    drills: Drills, stack: Stack, standby: Standby, record_property: Any
) -> None:
    chain, gated = drills.run(CHAIN.id), drills.run(GATED.id)
    until(lambda: gated.look().get("status") == "PAUSED", "the gate opens", _PATIENCE)
    until(lambda: chain.wave_is(2, "POLLING"), "wave 2 runs", _PATIENCE)
    drills.sandbox.set_speed(0.1)
    for name in AIRFLOW_COMPONENTS:
        stack.kill(name)

    began = time.time()
    shown = standby.take_over(chain.look()["controller"])
    taken = time.time()
    until(lambda: chain.look()["lastPolledTime"] > taken, "the standby polls", _PATIENCE)
    went_on = time.time()
    drills.sandbox.set_speed(stack.settings.speed)

    here = [Running(standby.drills, run.dag_id, run.run_id) for run in (chain, gated)]
    ended = standby.drills.follow_all(here, _PATIENCE)
    record_property("command", round(taken - began, 1))
    record_property("goes on", round(went_on - began, 1))
    log.warning("takeover: command %.1f s, polled after %.1f s\n%s", taken - began, went_on - began, shown)
    for plan, one in zip((CHAIN, GATED), ended, strict=True):
        demand_completed(standby.drills, plan, one)
        _demand_taken_over_once(standby, one.document)
    # For the other tests of this process.
    stack.start_again(*AIRFLOW_COMPONENTS)


def _demand_taken_over_once(standby: Standby, document: dict[str, Any]) -> None:
    events = [event["event"] for event in standby.drills.store.get_events(document["executionId"])]
    (taken,) = document["takeovers"]
    assert (taken["controller"], taken["actor"]) == (document["controller"], "admin")
    assert events.count("EXECUTION_TAKEN_OVER") == 1
    assert events.count("GATE_OPENED") == sum("gate" in wave for wave in document["waves"])
    assert events.count("JOB_STARTED") == len(document["waves"])
