"""The values for Airflow's Helm chart agree with the project; no cluster has tried them."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path

import yaml

from drs_recovery.settings import SETTINGS

PROJECT = Path(__file__).resolve().parents[2]
VALUES = yaml.safe_load((PROJECT / "infra/helm-values.yaml").read_text(encoding="utf-8"))
# Of the Celery provider, which only the image has.
NOT_HERE = {"celery_broker_transport_options"}


def known_options() -> dict[str, set[str]]:
    """Return the options of each section of Airflow's configuration."""
    (package,) = find_spec("airflow").submodule_search_locations
    text = (Path(package) / "config_templates/config.yml").read_text(encoding="utf-8")
    sections = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    return {name: set(section["options"]) for name, section in sections.items()}


def test_everything_that_talks_to_aws_has_the_role_and_nothing_else():
    with_role = {
        name
        for name, part in VALUES.items()
        if isinstance(part, dict) and "eks.amazonaws.com/role-arn" in str(part.get("serviceAccount"))
    }

    assert with_role == {"workers", "triggerer", "apiServer"}


def test_no_process_is_alone_and_logs_outlive_their_pods():
    replicas = {name: VALUES[name]["replicas"] for name in ("workers", "triggerer", "apiServer", "scheduler")}

    assert set(replicas.values()) == {2}
    assert VALUES["config"]["logging"]["remote_logging"] == "True"
    assert VALUES["config"]["logging"]["remote_base_log_folder"].startswith("s3://")


def test_every_setting_exists():
    variables = {one["name"] for one in VALUES["env"]}
    own = {name for name in variables if name.startswith("AIRFLOW__DRS_RECOVERY__")}
    sections = {name: set(options) for name, options in VALUES["config"].items() if name not in NOT_HERE}
    known = known_options()

    assert own <= {setting.variable for setting in SETTINGS}
    assert {name: options - known[name] for name, options in sections.items() if options - known[name]} == {}


def test_the_version_is_that_of_the_image():
    requirements = (PROJECT / "requirements.txt").read_text(encoding="utf-8")

    assert VALUES["airflowVersion"] == re.search(r"^apache-airflow==(\S+)$", requirements, re.MULTILINE)[1]
    assert "apache-airflow-providers-celery" in (PROJECT / "requirements-image.txt").read_text("utf-8")


def test_no_secret_is_written_down():
    names = ("fernetKeySecretName", "apiSecretKeySecretName", "jwtSecretName")

    assert {VALUES[name] for name in names} | {VALUES["data"]["metadataSecretName"]} == {"<secret>"}
