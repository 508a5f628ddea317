"""Many executions at once, a repeated ticket, and drills that nobody but the schedule starts."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import yaml

from devstack.errors import AirflowApiError
from devstack.stack import Stack
from tests.e2e.drills import Drills, Running, until
from tests.e2e.herd_plans import HERD, HERD_REGION, SCHEDULED
from tests.e2e.made_plans import add_servers
from tests.e2e.proofs import demand_side_by_side, falsehoods

# By signal: the thread would end the whole process, and leave that of the stack behind.
pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900, method="signal")]

_PATIENCE = 600.0


def test_ten_executions_at_once_run_to_their_ends(drills: Drills) -> None:
    runs = [drills.run(plan.id, ticket=f"CHG-{plan.id}") for plan in HERD]

    ended = drills.follow_all(runs, _PATIENCE)

    assert len(ended) == 10
    demand_side_by_side(drills, ended, HERD_REGION)


def test_a_repeated_ticket_starts_nothing_also_when_its_run_was_deleted(drills: Drills) -> None:
    dag_id, ticket = f"recover_{HERD[0].id}", "CHG0030042"
    until(lambda: drills.api.dag(dag_id) is not None, f"{dag_id} appears", 90)
    drills.api.trigger(dag_id, {"ticket": ticket}, run_id=ticket)
    first = drills.follow(dag_id, ticket, _PATIENCE)
    assert first.document["status"] == "COMPLETED"

    with pytest.raises(AirflowApiError) as caught:
        drills.api.create_run(dag_id, ticket, {"ticket": ticket})
    assert caught.value.status == 409

    # Airflow knows nothing of the first one any more, and takes the id; the record does.
    drills.api.delete_run(dag_id, ticket)
    drills.api.create_run(dag_id, ticket, {"ticket": ticket})
    again = drills.follow(dag_id, ticket, _PATIENCE)
    assert again.run_state == "success"
    assert again.document["endTime"] == first.document["endTime"]
    assert len(drills.jobs_of(first.document, HERD_REGION)) == 2


@pytest.fixture
def scheduled(drills: Drills, stack: Stack) -> Iterator[str]:
    """The DAG of the scheduled plan, which is there only while this test looks at it."""
    add_servers(drills.sandbox, [SCHEDULED])
    file, dag_id = stack.settings.plans_dir / f"{SCHEDULED.id}.yaml", f"recover_{SCHEDULED.id}"
    file.write_text(yaml.safe_dump(SCHEDULED.document()))
    drills.have_plans_parsed()
    until(lambda: drills.api.dag(dag_id) is not None, f"{dag_id} appears", 90)
    yield dag_id
    drills.api.pause(dag_id)
    file.unlink()


def test_the_scheduler_starts_a_drill_at_its_time(drills: Drills, scheduled: str) -> None:
    until(lambda: bool(drills.api.runs(scheduled)), "the scheduler starts a drill", 150)
    run = drills.api.runs(scheduled)[-1]
    assert run["run_type"] == "scheduled"

    ended = Running(drills, scheduled, run["dag_run_id"])
    (end,) = drills.follow_all([ended], _PATIENCE)

    assert (end.run_state, end.document["status"]) == ("success", "COMPLETED")
    assert (end.document["executionType"], end.document["initiatedBy"]) == ("DRILL", "scheduled")
    assert falsehoods(drills, end, SCHEDULED.region) == []
