"""Plan files as Airflow sees them: a broken one beside good ones, and one that is edited during its run."""

from __future__ import annotations

import pytest
from airflow.models.dag import DagModel
from airflow.utils.session import create_session

from sandbox.testing import Sandbox
from tests.integration.core_api import CoreApi
from tests.integration.evidence import accepted_starts, jobs_of
from tests.integration.people import Question
from tests.integration.runs import Runner
from tests.plan_documents import APP_1, WEB_1, application, database, plan

pytestmark = pytest.mark.integration

BROKEN = "schema_version: 1\nid: new-payroll\nregion: us-east-1\nprotection_groups: {}\nwaves: []\n"


def test_a_broken_plan_beside_a_good_one_does_not_hide_it(runner: Runner) -> None:
    (runner.plans / "new-payroll.yaml").write_text(BROKEN)

    assert runner.run(plan(database())).document["status"] == "COMPLETED"


def test_the_dag_of_a_broken_plan_is_paused_and_tagged_and_its_run_fails_with_the_errors(
    runner: Runner, capfd: pytest.CaptureFixture[str]
) -> None:
    (runner.plans / "new-payroll.yaml").write_text(BROKEN)
    dag = runner.dag("recover_new-payroll")

    run = dag.test()

    assert run.state == "failed"
    assert "new-payroll.yaml: waves" in capfd.readouterr().out
    with create_session() as session:
        model = session.get(DagModel, "recover_new-payroll")
        assert model.is_paused is True
        assert "broken-plan" in {tag.name for tag in model.tags}


def test_editing_a_plan_during_its_run_does_not_change_the_run(runner: Runner, sandbox: Sandbox) -> None:
    document = plan(database(), application(pause_before=True), groups={"application": {"servers": [APP_1]}})

    def edit_and_approve(api: CoreApi, question: Question) -> None:
        runner.write(
            {
                **document,
                "protection_groups": {**document["protection_groups"], "application": {"servers": [WEB_1]}},
            }
        )
        api.answer(question, "admin", "Approve", None)

    ended = runner.run(document, people={"wave_02_application": edit_and_approve})

    assert ended.document["status"] == "COMPLETED"
    taking_part = [
        s["sourceServerID"] for job in jobs_of(sandbox, ended) for s in job["participatingServers"]
    ]
    assert APP_1 in taking_part
    assert WEB_1 not in taking_part
    assert accepted_starts(sandbox) == 2
