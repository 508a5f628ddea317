"""Airflow's plugin scanner runs the one plugin file, and leaves the package beside it alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]

# Prints the name of every module that comes from the plugins folder, and every error.
SCAN = """
import json, sys
from airflow import plugins_manager
_, errors = plugins_manager._get_plugins()
files = {name: str(getattr(module, "__file__", None)) for name, module in sys.modules.items()}
modules = [name for name, file in files.items() if file.startswith(sys.argv[1])]
print(json.dumps({"modules": modules, "errors": errors}))
"""


@pytest.mark.parametrize("syntax", ["glob", "regexp"])
def test_only_the_plugin_file_is_run_by_its_bare_name(tmp_path, syntax):
    plugins = PROJECT / "plugins"
    environment = {
        "PATH": os.environ["PATH"],
        "AIRFLOW_HOME": str(tmp_path),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(plugins),
        "AIRFLOW__CORE__DAG_IGNORE_FILE_SYNTAX": syntax,
        "AIRFLOW__CORE__LOAD_EXAMPLES": "false",
    }

    outcome = subprocess.run(
        [sys.executable, "-c", SCAN, f"{plugins}{os.sep}"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert outcome.returncode == 0, outcome.stderr
    found = json.loads(outcome.stdout.splitlines()[-1])
    assert found["errors"] == {}
    assert "drs_recovery_plugin" in found["modules"]
    assert {name.partition(".")[0] for name in found["modules"]} <= {"drs_recovery", "drs_recovery_plugin"}


def test_the_plugin_brings_no_process_what_only_some_need():
    code = "import sys, drs_recovery.plugin; print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert {
        "drs_recovery.store",
        "drs_recovery.hooks",
        "drs_recovery.opening",
        "drs_recovery.web.app",
    }.isdisjoint(modules.split())
