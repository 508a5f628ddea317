"""The wheel works without a clone: in an empty environment with Airflow, on each Python and platform."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.platforms.installing import DAG_FILE, PROJECT, Installed, run

PARSE = """
import json, sys
from airflow.dag_processing.dagbag import DagBag
bag = DagBag(sys.argv[1])
print(json.dumps({"dags": sorted(bag.dags), "errors": {str(k): v for k, v in bag.import_errors.items()}}))
"""
IMPORT_ALL = """
import importlib, pkgutil, drs_recovery
for module in pkgutil.walk_packages(drs_recovery.__path__, "drs_recovery."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
"""


@dataclass(frozen=True)
class Airflow:
    """An Airflow that has a DAG file, plans, and no folder of plugins."""

    installed: Installed
    home: Path

    def run(self, program: str, *arguments: object) -> str:
        """Run a program of its environment."""
        variables = {"AIRFLOW_HOME": str(self.home), "AIRFLOW__CORE__LOAD_EXAMPLES": "False"}
        return run(
            self.installed.commands / program, *arguments, env={"PATH": os.environ["PATH"], **variables}
        )


@pytest.fixture(scope="session")
def airflow(installed: Installed, tmp_path_factory: pytest.TempPathFactory) -> Airflow:
    home = tmp_path_factory.mktemp("airflow")
    (home / "dags").mkdir()
    (home / "dags" / "recovery.py").write_text(DAG_FILE, encoding="utf-8")
    shutil.copytree(PROJECT / "include" / "plans", home / "include" / "plans")
    return Airflow(installed, home)


def test_every_module_is_there(airflow: Airflow) -> None:
    airflow.run("python", "-c", IMPORT_ALL)


def test_the_command_checks_plans(airflow: Airflow) -> None:
    assert airflow.run("drs-recovery", "lint", airflow.home / "include/plans") == "3 plans, no problems\n"


def test_airflow_finds_plugin_provider_and_settings(airflow: Airflow) -> None:
    airflow.run("airflow", "db", "migrate")
    plugins = json.loads(airflow.run("airflow", "plugins", "--output", "json"))
    providers = json.loads(airflow.run("airflow", "providers", "list", "-o", "json"))
    interval = airflow.run("airflow", "config", "get-value", "drs_recovery", "poll_interval")

    assert [one["name"] for one in plugins if one["name"] == "drs_recovery"] == ["drs_recovery"]
    assert "drs-recovery" in {one["package_name"] for one in providers}
    assert interval.splitlines()[-1] == "30"


def test_a_dag_file_of_two_lines_has_every_dag(airflow: Airflow) -> None:
    found = json.loads(airflow.run("python", "-c", PARSE, airflow.home / "dags").splitlines()[-1])

    assert found["errors"] == {}
    assert {"housekeeping", "terminate_recovery_instances", "recover_three-tier-crm"} < set(found["dags"])
