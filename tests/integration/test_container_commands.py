"""The commands of the containers are ones that Airflow, the sandbox and this project's own program take."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

PROJECT = Path(__file__).resolve().parents[2]
COMPOSE = yaml.safe_load((PROJECT / "docker-compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]

# Asks Airflow's own command line whether it would take these commands.
PARSE_COMMANDS = """
import json, sys
from airflow.cli.cli_parser import get_parser
for command in json.loads(sys.argv[1]):
    get_parser().parse_args(command)
"""


def python(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run this interpreter in the project, with a home of its own for what Airflow writes when it starts."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=PROJECT,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": "plugins",
            "AIRFLOW_HOME": str(home),
            # Airflow knows the commands of its executor alone; that of the profile "cluster" has some.
            "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",
        },
        capture_output=True,
        text=True,
        check=False,
    )


def init_commands() -> list[list[str]]:
    """Return the commands that prepare the databases, one after the other."""
    return [command.split() for command in SERVICES["airflow-init"]["command"][-1].split(" && ")]


def healthcheck_commands() -> list[list[str]]:
    return [service["healthcheck"]["test"][1:] for service in SERVICES.values() if "healthcheck" in service]


def test_airflow_knows_its_commands(tmp_path):
    of_services = [service["command"] for name, service in SERVICES.items() if name.startswith("airflow-")]
    processes = [command for command in of_services if command[0] != "bash"]
    called = [command[1:] for command in init_commands() + healthcheck_commands() if command[0] == "airflow"]
    assert (len(processes), len(called)) == (8, 4)

    outcome = python(tmp_path, "-c", PARSE_COMMANDS, json.dumps(processes + called))

    assert outcome.returncode == 0, outcome.stderr


def test_this_projects_own_program_knows_its_commands(tmp_path):
    (command,) = [command for command in init_commands() if command[0] == "python"]

    outcome = python(tmp_path, *command[1:], "--help")

    assert outcome.returncode == 0, outcome.stderr


def test_the_sandbox_knows_its_options(tmp_path):
    options = {argument for argument in SERVICES["sandbox"]["command"] if argument.startswith("--")}

    help_text = python(tmp_path, "-m", "sandbox", "--help").stdout

    assert {option for option in options if option not in help_text} == set()
