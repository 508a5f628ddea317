"""The wheel works without a clone: in an empty environment with Airflow, on each Python of this machine."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
PYTHONS = ("3.11", "3.12", "3.13", "3.14")

BUILD = "import sys; from setuptools import build_meta; build_meta.build_wheel(sys.argv[1])"
DAG_FILE = """\
# Recovery plans as Airflow DAGs.
from drs_recovery.dag_builder import recovery_dags

globals().update(recovery_dags(__file__))
"""
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


def run(*command: object, env: Mapping[str, str] | None = None) -> str:
    """Run a command to its good end and return what it printed."""
    outcome = subprocess.run(
        [str(part) for part in command],
        env=env,
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )
    assert outcome.returncode == 0, f"{command}:\n{outcome.stdout[-3000:]}\n{outcome.stderr[-3000:]}"
    return outcome.stdout


def uv() -> str | None:
    """Return the uv of this environment or of the machine."""
    return shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")


def python_of(version: str) -> str | None:
    """Return an interpreter of a version that starts: a name can be a stub of a version manager."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    for candidate in (shutil.which(f"python{version}"), *pyenv.glob(f"{version}.*/bin/python")):
        if (
            candidate
            and not subprocess.run([candidate, "-c", ""], capture_output=True, check=False).returncode
        ):
            return str(candidate)
    return None


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel from a copy, so that nothing is left beside the source."""
    copy, out = tmp_path_factory.mktemp("project"), tmp_path_factory.mktemp("wheel")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(PROJECT / name, copy)
    shutil.copytree(PROJECT / "plugins", copy / "plugins", ignore=shutil.ignore_patterns("__pycache__"))
    subprocess.run([sys.executable, "-c", BUILD, out], cwd=copy, check=True, capture_output=True, timeout=120)
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="module", params=PYTHONS)
def installed(request: pytest.FixtureRequest, wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the commands of an environment with the wheel, its dependencies at the locked versions."""
    python = python_of(request.param)
    if python is None:
        pytest.skip(f"this machine has no Python {request.param}")
    home = tmp_path_factory.mktemp(f"python-{request.param}")
    lock = PROJECT / "constraints.txt"
    run(python, "-m", "venv", home)
    if (tool := uv()) is not None:
        run(tool, "pip", "install", "--python", home / "bin/python", "-c", lock, wheel)
    else:
        run(home / "bin/python", "-m", "pip", "install", "--quiet", "-c", lock, wheel)
    return home / "bin"


@pytest.fixture(scope="module")
def airflow_home(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return the environment of an Airflow that has a DAG file, plans, and no folder of plugins."""
    home = tmp_path_factory.mktemp("airflow")
    (home / "dags").mkdir()
    (home / "dags" / "recovery.py").write_text(DAG_FILE, encoding="utf-8")
    shutil.copytree(PROJECT / "include" / "plans", home / "include" / "plans")
    return {"PATH": os.environ["PATH"], "AIRFLOW_HOME": str(home), "AIRFLOW__CORE__LOAD_EXAMPLES": "False"}


def test_every_module_is_there(installed: Path, airflow_home: dict[str, str]) -> None:
    run(installed / "python", "-c", IMPORT_ALL, env=airflow_home)


def test_the_command_checks_plans(installed: Path, airflow_home: dict[str, str]) -> None:
    plans = Path(airflow_home["AIRFLOW_HOME"]) / "include" / "plans"

    assert run(installed / "drs-recovery", "lint", plans, env=airflow_home) == "3 plans, no problems\n"


def test_airflow_finds_plugin_provider_and_settings(installed: Path, airflow_home: dict[str, str]) -> None:
    run(installed / "airflow", "db", "migrate", env=airflow_home)
    plugins = json.loads(run(installed / "airflow", "plugins", "--output", "json", env=airflow_home))
    providers = json.loads(run(installed / "airflow", "providers", "list", "-o", "json", env=airflow_home))
    get = (installed / "airflow", "config", "get-value", "drs_recovery")

    assert [one["name"] for one in plugins if one["name"] == "drs_recovery"] == ["drs_recovery"]
    assert "drs-recovery" in {one["package_name"] for one in providers}
    assert run(*get, "poll_interval", env=airflow_home).splitlines()[-1] == "30"


def test_a_dag_file_of_two_lines_has_every_dag(installed: Path, airflow_home: dict[str, str]) -> None:
    folder = Path(airflow_home["AIRFLOW_HOME"]) / "dags"

    found = json.loads(run(installed / "python", "-c", PARSE, folder, env=airflow_home).splitlines()[-1])

    assert found["errors"] == {}
    assert {"housekeeping", "terminate_recovery_instances", "recover_three-tier-crm"} < set(found["dags"])
