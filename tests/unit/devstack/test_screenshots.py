from __future__ import annotations

from types import SimpleNamespace

import pytest

from devstack.console_pictures import FILES
from devstack.errors import NoDrillError
from devstack.screenshots import IMAGES, SHOTS, take_all


@pytest.mark.parametrize("runs", [[], [{"dag_run_id": "live", "state": "running"}]], ids=["none", "live"])
def test_without_a_finished_drill_the_error_says_what_to_run_first(airflow, tmp_path, runs):
    airflow.reply("GET /api/v2/dags/recover_three-tier-crm/dagRuns", {"dag_runs": runs})
    stack = SimpleNamespace(state=SimpleNamespace(airflow_url=airflow.url), passwords={"admin": "a-pass"})

    with pytest.raises(NoDrillError, match="run `make demo` first"):
        take_all(stack, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_each_picture_of_the_documentation_has_a_recipe():
    recipes = {f"airflow-{shot.view}.png" for shot in SHOTS} | FILES

    assert recipes == {path.name for path in IMAGES.glob("*.png")}
