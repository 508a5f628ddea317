"""The container files agree with the project: files, versions, options and mounts that really exist."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml

PROJECT = Path(__file__).resolve().parents[2]
# In the profile "cluster".
CLUSTER = {
    "redis": ["redis-server", "--save", ""],
    "airflow-scheduler-2": ["scheduler"],
    "airflow-triggerer-2": ["triggerer"],
    "airflow-worker-1": ["celery", "worker"],
    "airflow-worker-2": ["celery", "worker"],
}
# Sections of the Celery provider, which only the image has.
NOT_HERE = {"drs_recovery", "celery", "celery_broker_transport_options"}
AIRFLOW_PROCESSES = ("api-server", "scheduler", "dag-processor", "triggerer")
DOCKERFILE = (PROJECT / "Dockerfile").read_text(encoding="utf-8")
DOCKERIGNORE = (PROJECT / ".dockerignore").read_text(encoding="utf-8").splitlines()
COMPOSE = yaml.safe_load((PROJECT / "docker-compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
AIRFLOW_SERVICES = sorted(name for name in SERVICES if name.startswith("airflow-"))


def compose_command() -> list[str] | None:
    """Return the Compose of this machine, old or new, or None."""
    if shutil.which("docker-compose"):
        return ["docker-compose"]
    if shutil.which("docker"):
        plugin = subprocess.run(["docker", "compose", "version"], capture_output=True, check=False)
        return None if plugin.returncode else ["docker", "compose"]
    return None


def compose_config(directory: Path) -> subprocess.CompletedProcess[str]:
    """Let Compose read the file in a directory without any variable of the caller's."""
    shutil.copy(PROJECT / "docker-compose.yaml", directory)
    return subprocess.run(
        [*(compose_command() or ()), "--profile", "cluster", "config"],
        cwd=directory,
        env={"PATH": os.environ["PATH"], "HOME": str(directory)},
        capture_output=True,
        text=True,
        check=False,
    )


@cache
def copied_files() -> tuple[str, ...]:
    """Return every source that a COPY of the Dockerfile names."""
    lines = re.findall(r"^COPY (?:--\S+ )*(.+)$", DOCKERFILE, re.MULTILINE)
    return tuple(source.rstrip("/") for line in lines for source in line.split()[:-1])


needs_compose = pytest.mark.skipif(compose_command() is None, reason="Docker Compose is not installed")


@needs_compose
def test_compose_reads_the_file_with_the_secrets_that_make_writes(tmp_path):
    shutil.copy(PROJECT / "Makefile", tmp_path)
    made = subprocess.run(["make", "secrets", f"PYTHON={sys.executable}"], cwd=tmp_path, check=False)
    assert made.returncode == 0

    outcome = compose_config(tmp_path)

    assert outcome.returncode == 0, outcome.stderr
    assert set(yaml.safe_load(outcome.stdout)["services"]) == set(SERVICES)


@needs_compose
def test_without_secrets_nothing_starts_and_the_way_out_is_named(tmp_path):
    outcome = compose_config(tmp_path)

    assert outcome.returncode != 0
    assert 'run "make secrets" first' in outcome.stderr


def test_every_part_of_the_system_has_its_service():
    airflow = {f"airflow-{process}" for process in AIRFLOW_PROCESSES}

    assert set(SERVICES) == {"postgres", "sandbox", "airflow-init", *CLUSTER} | airflow
    for process in AIRFLOW_PROCESSES:
        assert SERVICES[f"airflow-{process}"]["command"] == [process]


def test_a_cluster_is_a_profile_that_changes_nothing_else():
    profiles = {name: service["profiles"] for name, service in SERVICES.items() if "profiles" in service}
    image = (PROJECT / "requirements-image.txt").read_text(encoding="utf-8")

    assert profiles == {name: ["cluster"] for name in CLUSTER}
    assert {name: SERVICES[name]["command"] for name in CLUSTER} == CLUSTER
    assert environment()["AIRFLOW__CORE__EXECUTOR"] == "${AIRFLOW_EXECUTOR:-LocalExecutor}"
    assert environment()["AIRFLOW__CELERY__BROKER_URL"] == "redis://redis:6379/0"
    assert "apache-airflow-providers-celery" in image


def test_nothing_listens_beyond_this_machine():
    ports = [port for service in SERVICES.values() for port in service.get("ports", ())]

    assert len(ports) == 2
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_every_service_that_keeps_running_says_whether_it_is_healthy():
    keeps_running = {name for name, service in SERVICES.items() if service["restart"] != "no"}

    assert {name for name, service in SERVICES.items() if "healthcheck" in service} == keeps_running
    assert set(SERVICES) - keeps_running == {"airflow-init"}


def test_services_wait_for_what_can_come_true():
    for service in SERVICES.values():
        for name, wanted in service.get("depends_on", {}).items():
            expected = (
                "service_healthy" if "healthcheck" in SERVICES[name] else "service_completed_successfully"
            )
            assert wanted == {"condition": expected}


def test_all_airflow_services_are_the_same_but_for_their_command():
    shared = [
        {key: SERVICES[name][key] for key in ("build", "image", "environment", "volumes")}
        for name in AIRFLOW_SERVICES
    ]

    assert all(one == shared[0] for one in shared)


def environment() -> dict[str, str]:
    return SERVICES["airflow-scheduler"]["environment"]


def test_every_airflow_option_that_is_set_exists():
    (package,) = find_spec("airflow").submodule_search_locations
    text = (Path(package) / "config_templates/config.yml").read_text(encoding="utf-8")
    known = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    options = [name.lower().split("__")[1:] for name in environment() if name.startswith("AIRFLOW__")]

    assert len(options) > 5
    unknown = [
        f"{section}.{option}"
        for section, option in options
        if section not in NOT_HERE and option not in known[section]["options"]
    ]
    assert unknown == []


def test_every_option_of_this_project_that_is_set_is_read():
    source = ast.parse((PROJECT / "plugins/drs_recovery/settings.py").read_text(encoding="utf-8"))
    literals = {node.value for node in ast.walk(source) if isinstance(node, ast.Constant)}
    options = {
        name.lower().split("__")[2] for name in environment() if name.startswith("AIRFLOW__DRS_RECOVERY__")
    }

    assert options
    assert options - literals == set()


def test_no_more_tasks_are_queued_than_there_are_workers():
    # Beyond that the LocalExecutor keeps to the order in which they came, not to their priority.
    values = environment()

    assert values["AIRFLOW__CORE__DEFAULT_POOL_TASK_SLOT_COUNT"] == values["AIRFLOW__CORE__PARALLELISM"]


def test_the_services_reach_each_other_under_the_names_that_exist():
    values = environment()

    assert values["AWS_ENDPOINT_URL"] == "http://sandbox:5005"
    assert values["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"] == "http://airflow-api-server:8080/execution/"
    assert "@postgres:5432/airflow" in values["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"]
    assert SERVICES["sandbox"]["ports"][0].endswith(":5005")
    assert SERVICES["airflow-api-server"]["ports"][0].endswith(":8080")


def test_no_secret_is_written_down():
    secret = re.compile(r"FERNET_KEY|SECRET_KEY|JWT_SECRET|PASSWORD$|SQL_ALCHEMY_CONN")
    values = {
        name: value for service in SERVICES.values() for name, value in service.get("environment", {}).items()
    }
    # Not one: the sandbox takes any credentials.
    del values["AWS_SECRET_ACCESS_KEY"]

    secrets = [value for name, value in values.items() if secret.search(name)]
    assert len(secrets) == 5
    assert all(re.search(r"\$\{[A-Z_]+:\?.+}", value) for value in secrets)


def test_the_plans_are_mounted_where_airflow_reads_them_and_cannot_be_changed_there():
    plans = environment()["AIRFLOW__DRS_RECOVERY__PLANS_DIR"]
    (mount,) = [volume for volume in SERVICES["airflow-scheduler"]["volumes"] if volume.startswith(".")]

    assert mount == f"./include/plans:{plans}:ro"
    assert (PROJECT / "include/plans").is_dir()


def test_every_named_volume_is_declared_and_used():
    mounts = [mount for service in SERVICES.values() for mount in service.get("volumes", ())]
    assert {mount.partition(":")[0] for mount in mounts if not mount.startswith(".")} == set(
        COMPOSE["volumes"]
    )


@pytest.mark.parametrize("source", copied_files())
def test_what_the_dockerfile_copies_exists_and_is_sent_to_the_builder(source):
    assert (PROJECT / source).exists()
    assert any(Path(source).match(line.removeprefix("!")) for line in DOCKERIGNORE if line.startswith("!"))


def test_the_builder_is_sent_nothing_else():
    assert "*" in DOCKERIGNORE
    sent = {line.removeprefix("!") for line in DOCKERIGNORE if line.startswith("!")}
    assert {
        pattern for pattern in sent if not any(Path(source).match(pattern) for source in copied_files())
    } == set()


def test_every_build_target_is_a_stage_of_the_dockerfile():
    targets = {service["build"]["target"] for service in SERVICES.values() if "build" in service}

    assert targets == set(re.findall(r"^FROM \S+ AS (\S+)$", DOCKERFILE, re.MULTILINE))


def test_the_images_have_the_airflow_and_the_python_that_the_project_is_tested_with():
    requirements = (PROJECT / "requirements.txt").read_text(encoding="utf-8")
    airflow = re.search(r"^apache-airflow==(\S+)$", requirements, re.MULTILINE)[1]
    python_version = f"{sys.version_info[0]}.{sys.version_info[1]}"

    assert re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE) == [
        f"python:{python_version}-slim-bookworm",
        f"apache/airflow:slim-{airflow}-python{python_version}",
    ]


def test_the_containers_do_not_run_as_root():
    users = re.findall(r"^USER (\S+)$", DOCKERFILE, re.MULTILINE)

    assert users == ["sandbox", "airflow"]
