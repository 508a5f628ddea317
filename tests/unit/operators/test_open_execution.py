"""Opening an execution: the record comes first, and a retry goes on with it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from airflow.sdk.exceptions import AirflowFailException
from airflow.utils.types import DagRunType

from sandbox.drs.api import PAGE_SIZE
from sandbox.testing import Sandbox
from tests.plan_documents import DB_1, DB_2, database, plan, web
from tests.unit.steps import Steps, deferred

StepsOf = Callable[..., Steps]

# With the servers of the sandbox they are more than a page.
STRANGERS = PAGE_SIZE


def test_the_record_has_the_plan_the_choice_and_the_resolved_servers(steps_of: StepsOf) -> None:
    steps = steps_of(plan(database(), web(), objectives={"rto": "PT1H"}))

    assert steps.open(ticket="CHG-1", reason="test") == steps.execution_id

    document = steps.document
    assert document["planSnapshot"] == steps.plan.model_dump(mode="json")
    assert document["planHash"] == steps.plan.digest()
    assert (document["ticket"], document["reason"], document["initiatedBy"]) == ("CHG-1", "test", "admin")
    assert document["objectives"] == {"rto": 3600}
    assert (document["status"], document["progress"]["totalServers"]) == ("PENDING", 4)
    assert steps.server("crm-web-01")["critical"] is True
    # Two waves of twenty minutes each: there is no history yet.
    assert document["expectedDuration"] == 2400


def test_a_plan_of_many_long_questions_fits_into_its_records(steps_of: StepsOf) -> None:
    question = "データベースの整合性を確認してください。" * 60
    waves = [
        {"name": f"Wave {number}", "groups": [f"g{number}"], "pause_before": {"message": question}}
        for number in range(60)
    ]
    groups = {f"g{number}": {"tags": {"dr:tier": f"none-{number}"}} for number in range(60)}
    steps = steps_of(
        {
            "schema_version": 1,
            "id": "large",
            "region": "us-east-1",
            "protection_groups": groups,
            "waves": waves,
        }
    )

    steps.open(dry_run=True, ticket="T" * 256, reason="あ" * 1024)

    document = steps.document
    assert (document["totalWaves"], document["reason"]) == (60, "あ" * 1024)
    assert document["planSnapshot"]["waves"][59]["pause_before"]["message"] == question
    assert len(document["findings"]) >= 60


def test_a_retry_goes_on_with_the_record_of_the_first_try(aws: Sandbox, steps_of: StepsOf) -> None:
    steps = steps_of(plan(database()))
    aws.add_fault("error", operation="DescribeSourceServers", times=4, status=503, code="ServiceUnavailable")
    deferred(steps.open)

    steps.open()

    assert steps.document["progress"]["totalServers"] == 2
    assert steps.events.count("EXECUTION_OPENED") == 1
    assert "error" not in steps.document


def test_servers_that_a_plan_names_are_found_without_a_list_of_the_region(
    aws: Sandbox, steps_of: StepsOf
) -> None:
    add_strangers(aws)
    steps = steps_of(plan(database(), web()))

    steps.open()

    assert steps.document["progress"]["totalServers"] == 4
    assert len(aws.calls("drs", "DescribeSourceServers")) == 1


def test_servers_are_listed_when_one_group_has_tags(aws: Sandbox, steps_of: StepsOf) -> None:
    add_strangers(aws)
    farm = {"tags": {"farm": "yes"}}
    steps = steps_of(plan(database(), {"groups": ["farm"]}, groups={"farm": farm}))

    steps.open()

    # Those of the first wave are found in the list.
    assert steps.document["progress"]["totalServers"] == 2 + STRANGERS
    assert len(aws.calls("drs", "DescribeSourceServers")) == 2


def add_strangers(aws: Sandbox) -> None:
    """Let the Region have more servers than one page of a list holds."""
    names = [f"s-{number:017}" for number in range(STRANGERS)]
    tags = {"farm": "yes"}
    aws.add_servers(*({"id": name, "name": name, "region": "us-east-1", "tags": tags} for name in names))


def test_a_scheduled_run_is_a_drill_whatever_its_params_say(steps_of: StepsOf) -> None:
    steps = steps_of(plan(database()))
    steps.run_type = DagRunType.SCHEDULED

    steps.open(execution_type="RECOVERY")

    assert (steps.document["executionType"], steps.document["isDrill"]) == ("DRILL", True)


def test_a_region_that_cannot_be_read_is_a_finding(aws: Sandbox, steps_of: StepsOf) -> None:
    steps = steps_of(plan(database()))
    aws.add_fault("uninitialized")

    with pytest.raises(AirflowFailException, match="UninitializedAccountException"):
        steps.open()

    assert "us-east-1" in steps.document["error"]


def test_a_named_connection_that_does_not_exist_is_refused_instead_of_using_another_account(
    steps_of: StepsOf,
) -> None:
    steps = steps_of(plan(database(), connection="dr_account"))

    with pytest.raises(AirflowFailException, match="there is no Airflow connection 'dr_account'"):
        steps.open()


def test_how_far_the_data_is_behind_is_on_record_as_far_as_drs_tells(aws: Sandbox, steps_of: StepsOf) -> None:
    aws.add_fault("replication", server=DB_1, state="CONTINUOUS", lag="PT12S")
    aws.add_fault("no_lag_duration", server=DB_2)
    steps = steps_of(plan(database()))

    steps.open()

    assert steps.server("crm-db-01")["replicationLag"] == 12
    assert "replicationLag" not in steps.server("crm-db-02")


def test_the_expected_duration_is_what_the_waves_took_in_earlier_drills(
    aws: Sandbox, steps_of: StepsOf
) -> None:
    first = steps_of(plan(database()))
    first.open()
    first.start()
    aws.advance(600)
    first.wait()
    first.enrich()
    first.finalize()
    second = steps_of(plan(database()), run_id="manual__2")

    second.open()

    assert (first.document["expectedDuration"], first.document["expectedSamples"]) == (1200, 0)
    assert second.document["expectedDuration"] == first.document["waves"][0]["duration"]
    assert second.document["expectedSamples"] == 1
