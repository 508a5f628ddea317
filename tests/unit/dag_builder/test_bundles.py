"""Plans beside their DAG file, wherever Airflow keeps the bundle: a folder, or a version in git."""

from __future__ import annotations

import importlib.util
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from airflow.dag_processing.bundles.local import LocalDagBundle
from airflow.providers.amazon.aws.bundles.s3 import S3DagBundle
from airflow.providers.git.bundles.git import GitDagBundle
from airflow.sdk import DAG

from sandbox.testing import PREPARING_KEY, Sandbox
from tests.plan_documents import database, plan

DAG_FILE = """\
# Airflow looks for this word: airflow.
from drs_recovery.dag_builder import recovery_dags

globals().update(recovery_dags(__file__))
"""

SHARED = {"housekeeping", "terminate_recovery_instances"}


@pytest.fixture(autouse=True)
def _no_setting(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("AIRFLOW__DRS_RECOVERY__PLANS_DIR", raising=False)
    monkeypatch.setenv("AIRFLOW__CORE__DAGS_FOLDER", str(tmp_path / "another-place"))
    monkeypatch.setenv("AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_STORAGE_PATH", str(tmp_path / "bundles"))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A repository with a DAG file, and a plan beside its folder."""
    root = tmp_path / "project"
    (root / "dags").mkdir(parents=True)
    (root / "dags" / "recovery.py").write_text(DAG_FILE)
    write(root / "include" / "plans", "crm")
    return root


def write(folder: Path, plan_id: str, **fields: object) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{plan_id}.yaml").write_text(yaml.safe_dump(plan(database(), id=plan_id, **fields)))


def dags(file: Path) -> dict[str, DAG]:
    """The plans' DAGs of a DAG file, as the DAG processor imports it."""
    spec = importlib.util.spec_from_file_location("bundled", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found = {name: value for name, value in vars(module).items() if isinstance(value, DAG)}
    assert found.keys() >= SHARED
    return {name: dag for name, dag in found.items() if name not in SHARED}


@pytest.fixture
def git(project: Path) -> Callable[..., str]:
    """Runs git in the project, which has one commit."""

    def run(*arguments: str) -> str:
        who = ("-c", "user.name=Ops", "-c", "user.email=ops@example.com")
        done = subprocess.run(
            ["git", *who, *arguments], cwd=project, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    run("init", "-q", "-b", "main")
    run("add", ".")
    run("commit", "-q", "-m", "One plan")
    return run


def test_a_local_bundle_has_its_own_plans(project: Path) -> None:
    bundle = LocalDagBundle(name="local", path=str(project))

    assert set(dags(bundle.path / "dags" / "recovery.py")) == {"recover_crm"}


def test_a_git_bundle_has_the_plans_of_its_version(project: Path, git: Callable[..., str]) -> None:
    first = git("rev-parse", "HEAD")
    write(project / "include" / "plans", "crm", name="Second name")
    write(project / "include" / "plans", "billing")
    git("add", ".")
    git("commit", "-q", "-m", "Two plans")

    newest = GitDagBundle(name="git", repo_url=str(project), tracking_ref="main")
    newest.initialize()
    pinned = GitDagBundle(name="git", repo_url=str(project), tracking_ref="main", version=first)
    pinned.initialize()

    now, then = (dags(bundle.path / "dags" / "recovery.py") for bundle in (newest, pinned))
    assert (set(now), now["recover_crm"].dag_display_name) == (
        {"recover_crm", "recover_billing"},
        "Second name",
    )
    assert set(then) == {"recover_crm"}
    assert then["recover_crm"].dag_display_name != "Second name"


def test_a_bundle_in_s3_has_the_plans_that_are_there_now(
    aws: Sandbox, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Of the DAG processor; what starts recoveries needs no right to read the bucket.
    monkeypatch.setenv(
        "AIRFLOW_CONN_BUNDLES", f"aws://{PREPARING_KEY}:{PREPARING_KEY}@/?region_name=us-east-1"
    )
    s3 = aws.client("s3")
    s3.create_bucket(Bucket="dags")
    write(project / "include" / "plans", "billing")
    upload(s3, project)
    bundle = S3DagBundle(name="s3", aws_conn_id="bundles", bucket_name="dags", prefix="recovery/")
    bundle.initialize()
    assert set(dags(bundle.path / "dags" / "recovery.py")) == {"recover_crm", "recover_billing"}

    s3.delete_object(Bucket="dags", Key="recovery/include/plans/billing.yaml")
    bundle.refresh()
    assert set(dags(bundle.path / "dags" / "recovery.py")) == {"recover_crm"}


def upload(s3: Any, folder: Path) -> None:
    for file in folder.rglob("*.*"):
        s3.upload_file(str(file), "dags", f"recovery/{file.relative_to(folder)}")


def test_plans_in_the_dags_folder_count_too(project: Path) -> None:
    write(project / "dags" / "plans", "billing")

    assert set(dags(project / "dags" / "recovery.py")) == {"recover_crm", "recover_billing"}


def test_a_project_may_have_its_plans_in_the_dags_folder_alone(tmp_path: Path) -> None:
    write(tmp_path / "plans", "billing")
    (tmp_path / "recovery.py").write_text(DAG_FILE)

    assert set(dags(tmp_path / "recovery.py")) == {"recover_billing"}


def test_several_folders_can_be_named_from_the_dag_file_on(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(project / "more", "erp")
    write(tmp_path / "shared", "web")
    folders = f"../include/plans, ../more,{tmp_path / 'shared'}"
    monkeypatch.setenv("AIRFLOW__DRS_RECOVERY__PLANS_DIR", folders)

    assert set(dags(project / "dags" / "recovery.py")) == {"recover_crm", "recover_erp", "recover_web"}


def test_an_id_in_two_folders_is_told_with_both_files(project: Path) -> None:
    write(project / "dags" / "plans", "crm")

    (broken,) = dags(project / "dags" / "recovery.py").values()

    assert "broken-plan" in broken.tags
    assert str(project / "dags" / "plans" / "crm.yaml") in (broken.doc_md or "")
    assert str(project / "dags" / ".." / "include") not in (broken.doc_md or "")
    assert str(project / "include" / "plans" / "crm.yaml") in (broken.doc_md or "")
