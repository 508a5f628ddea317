"""A gate answered with the FAB auth manager, where approvers are numbers and records hold names."""

from __future__ import annotations

import subprocess
from pathlib import Path

import yaml

from drs_recovery.store.executions import ExecutionStore
from tests.integration.web.fab.run import ASKED
from tests.integration.web.fab.stack import FabAirflow
from tests.plan_documents import database, plan

# A run that hangs must fail its test, not stop the suite.
LONGEST_RUN = 120


def test_an_approver_is_named_by_number_in_the_plan_and_by_name_in_the_record(
    fab: FabAirflow, fab_plans: Path, store: ExecutionStore
) -> None:
    gate = {"message": "Go?", "approvers": [fab.users["crm-actor"]], "timeout": "PT1H"}
    (fab_plans / "crm.yaml").write_text(yaml.safe_dump(plan(database(pause_before=gate))))
    body = {"wave": 1, "comment": "go"}

    with fab.start("-m", "tests.integration.web.fab.run", stdout=subprocess.PIPE) as run:
        try:
            assert any(line.strip() == ASKED for line in run.stdout or ())
            (waiting,) = store.listings.live()
            path = f"/recovery/api/v1/executions/{waiting['executionId']}/actions/approve"
            refused = [
                fab.send("POST", path, user, json=body) for user in ("crm-reader", "operator", "nobody")
            ]
            taken = fab.send("POST", path, "crm-actor", json=body)
            run.communicate(timeout=LONGEST_RUN)
        finally:
            run.kill()

    assert [answer.status_code for answer in refused] == [403, 403, 404]
    assert refused[1].json()["detail"] == f"Only {fab.users['crm-actor']} may answer."
    assert (taken.status_code, taken.json()["actor"]) == (202, "crm-actor")
    ended = store.get_document(waiting["executionId"])
    gate = ended["waves"][0]["gate"]
    assert (gate["decision"], gate["actor"], gate["comment"]) == ("APPROVED", "crm-actor", "go")
    assert ended["status"] == "COMPLETED"
