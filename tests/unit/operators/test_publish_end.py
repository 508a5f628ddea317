"""The end of an execution, good or bad, is an event of its plan's Asset."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import Asset
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from drs_recovery.cli import main
from drs_recovery.operators.open_execution import OpenExecutionOperator
from drs_recovery.operators.publish_end import PublishEndOperator
from sandbox.testing import Sandbox
from tests.plan_documents import DB_1, database, plan
from tests.unit.steps import A_LAUNCH, Steps, complete

StepsOf = Callable[..., Steps]


def published(steps: Steps) -> dict[str, Any]:
    events: dict[Asset, Any] = defaultdict(lambda: SimpleNamespace(extra={}))
    context = {**steps.context(), "outlet_events": events}
    PublishEndOperator(task_id="publish_end", plan_id="crm").execute(context)
    return dict(events[Asset("drs-recovery://plans/crm")].extra)


def test_a_good_end_is_published(aws: Sandbox, steps_of: StepsOf) -> None:
    steps = complete(aws, steps_of(plan(database())))
    assert published(steps) == {
        "executionId": steps.execution_id,
        "planId": "crm",
        "executionType": "DRILL",
        "status": "COMPLETED",
        "dryRun": False,
    }


def test_a_bad_end_is_published_and_nothing_before(aws: Sandbox, steps_of: StepsOf) -> None:
    steps = steps_of(plan(database()))
    aws.add_fault("launch_failed", server=DB_1)
    steps.open()
    with pytest.raises(AirflowSkipException, match="has not ended"):
        published(steps)
    steps.start()
    aws.advance(A_LAUNCH)
    for task in (steps.wait, steps.enrich, steps.finalize):
        with pytest.raises(AirflowFailException):
            task()

    assert published(steps)["status"] == "FAILED"


def test_the_record_says_which_version_of_a_bundle_a_run_came_from(
    steps_of: StepsOf, capsys: pytest.CaptureFixture[str]
) -> None:
    steps, unversioned = steps_of(plan(database())), steps_of(plan(database()), run_id="manual__2")
    for one, version in ((steps, "3f1c2d9"), (unversioned, None)):
        context = one.context()
        context["params"] = {**context["params"], "dry_run": True}
        context["ti"].bundle_instance = SimpleNamespace(name="plans", version=version)
        OpenExecutionOperator(task_id="open_execution", plan=one.plan).execute(context)

    assert (steps.document["bundleName"], steps.document["bundleVersion"]) == ("plans", "3f1c2d9")
    assert unversioned.document["bundleName"] == "plans"
    assert "bundleVersion" not in unversioned.document
    main(["show", steps.execution_id])
    assert "plans 3f1c2d9" in capsys.readouterr().out
