"""Which executions a plan's card shows."""

from drs_recovery.web.plans.sources import PlanPast, past_of
from tests.unit.web.plan_records import execution, live


def test_the_newest_of_each_kind_is_picked() -> None:
    executions = [
        live(9),
        execution(10, status="SKIPPED", completedWaves=0),
        execution(8, dryRun=True),
        execution(7, completedWaves=1),
        execution(6, executionType="RECOVERY", dryRun=True),
        execution(5),
        execution(4, executionType="RECOVERY", status="FAILED"),
        execution(3),
        execution(2, executionType="RECOVERY"),
    ]

    past = past_of(executions, has_older=False)

    assert past == PlanPast(
        live=(executions[0],),
        last_drill=executions[3],
        last_good_drill=executions[5],
        last_recovery=executions[6],
    )


def test_how_far_was_looked_back_is_known_where_there_is_more() -> None:
    assert past_of([execution()], has_older=True).looked_back == 1
    assert past_of([], has_older=False) == PlanPast()
