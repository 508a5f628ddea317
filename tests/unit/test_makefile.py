"""The Makefile's promises: a help that is complete, and a .venv that never looks finished when it is not."""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
SECRETS = {"POSTGRES_PASSWORD", "AIRFLOW_SECRET_KEY", "AIRFLOW_JWT_SECRET", "AIRFLOW_FERNET_KEY"}
PROMISED = {"help", "demo", "up", "down", "test", "check", "lint", "bench", "clean"}
# Steps of other targets, of no use by themselves.
INTERNAL = {"venv", "python"}
# What `make test` gets from npm is written down here.
NPM = Path("tests/e2e")

# Stands for python3.11, for the interpreter of the .venv that it makes, and for npm: notes how it was called,
# one line a call, lets `pip install` fail when told so, and always fails as pytest.
FAKE_PYTHON = """#!/bin/sh
echo "$*" >> calls
case "$*" in
    "-m venv "*) mkdir -p "$3/bin" "$3/lib/python3.11/site-packages" && cp "$0" "$3/bin/python" ;;
    "-m pip install "*) test ! -e broken-network ;;
    "-m pytest"*) echo "1 failed, 2 passed in 0.01s"; exit 1 ;;
esac
"""


def make(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run make as a user does, without the variables of the make that started these tests."""
    return subprocess.run(
        ["make", "--no-print-directory", *arguments],
        cwd=directory,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )


# Two a core.
SIDE_BY_SIDE = 2 * os.sysconf("SC_NPROCESSORS_ONLN")


@pytest.fixture
def clone(tmp_path) -> Path:
    """A fresh copy of what the Makefile reads."""
    for path in [PROJECT / "Makefile", *PROJECT.glob("*.txt")]:
        shutil.copy(path, tmp_path)
    (tmp_path / NPM).mkdir(parents=True)
    shutil.copy(PROJECT / NPM / "package.json", tmp_path / NPM)
    shutil.copy(PROJECT / NPM / "package-lock.json", tmp_path / NPM)
    return tmp_path


@pytest.fixture
def fake_python(tmp_path) -> str:
    path = tmp_path / "fake-python"
    path.write_text(FAKE_PYTHON, encoding="utf-8")
    path.chmod(0o755)
    return f"PYTHON={path}"


def calls(clone: Path) -> list[str]:
    """Return how Python was called since the last question."""
    path = clone / "calls"
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    path.unlink(missing_ok=True)
    return [line for line in lines if not line.startswith("-c ")]


def stamps(clone: Path) -> list[Path]:
    return list(clone.glob(".venv/.installed-*"))


def test_help_lists_every_target_for_users_and_is_the_default(clone):
    phony = re.search(r"^\.PHONY: (.+)$", (clone / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    listed = {line.split()[0] for line in make(clone, "help").stdout.splitlines()}

    assert listed == set(phony[1].split()) - INTERNAL
    assert listed >= PROMISED
    assert make(clone).stdout == make(clone, "help").stdout


def test_a_missing_python_is_named_together_with_the_way_out(clone):
    outcome = make(clone, "test", "PYTHON=no-such-python")

    assert outcome.returncode == 2
    assert 'needs Python 3.11, and "no-such-python" is not it' in outcome.stderr
    assert "make test PYTHON=" in outcome.stderr


def test_the_environment_is_built_once(clone, fake_python):
    make(clone, "test-unit", fake_python)
    assert calls(clone) == [
        "-m venv .venv",
        "-m pip install --quiet --disable-pip-version-check -r requirements-dev.txt",
        "-m pip check",
        f"-m pytest -n {SIDE_BY_SIDE} tests/unit",
    ]

    make(clone, "test-unit", fake_python)
    assert calls(clone) == [f"-m pytest -n {SIDE_BY_SIDE} tests/unit"]


def test_an_interrupted_install_is_done_again_from_the_beginning(clone, fake_python):
    (clone / "broken-network").touch()
    assert make(clone, "venv", fake_python).returncode != 0
    assert stamps(clone) == []
    (clone / "broken-network").unlink()
    calls(clone)

    assert make(clone, "venv", fake_python).returncode == 0
    assert calls(clone)[0] == "-m venv .venv"
    assert len(stamps(clone)) == 1


@pytest.mark.parametrize("file_name", ["requirements.txt", "requirements-sandbox.txt", "constraints.txt"])
def test_changed_requirements_are_installed(clone, fake_python, file_name):
    make(clone, "venv", fake_python)
    before = stamps(clone)
    calls(clone)

    (clone / file_name).write_text("# other versions\n", encoding="utf-8")
    make(clone, "venv", fake_python)

    assert calls(clone)[0] == "-m venv .venv"
    assert len(stamps(clone)) == 1
    assert stamps(clone) != before


@pytest.mark.parametrize("target", ["venv", "clean"])
def test_what_runs_is_stopped_before_its_packages_go(clone, fake_python, target):
    make(clone, "venv", fake_python)
    (clone / ".airflow").mkdir()
    (clone / ".airflow/stack.json").touch()
    calls(clone)

    (clone / "requirements.txt").write_text("# other versions\n", encoding="utf-8")
    outcome = make(clone, target, fake_python)

    assert outcome.returncode == 0, outcome.stderr
    assert calls(clone)[0] == "-m devstack down"


def test_clean_leaves_nothing_that_make_has_made(clone, fake_python):
    for name in (
        ".airflow",
        ".mypy_cache",
        "plugins/__pycache__",
        "benchmarks/results",
        NPM / "node_modules",
    ):
        (clone / name).mkdir(parents=True)
    make(clone, "venv", fake_python)

    make(clone, "clean", fake_python)

    left = {path.relative_to(clone).as_posix() for path in clone.rglob("*") if path.is_dir()}
    assert left == {"plugins", "benchmarks", "tests", "tests/e2e"}


def test_secrets_are_random_for_the_owner_only_and_made_once(clone):
    python = f"PYTHON={sys.executable}"
    make(clone, "secrets", python)
    env_file = clone / ".env"
    text = env_file.read_text(encoding="utf-8")
    secrets = dict(line.split("=", 1) for line in text.splitlines())

    assert stat.S_IMODE(env_file.stat().st_mode) == 0o600
    assert set(secrets) == {
        "POSTGRES_PASSWORD",
        "AIRFLOW_SECRET_KEY",
        "AIRFLOW_JWT_SECRET",
        "AIRFLOW_FERNET_KEY",
    }
    assert len(set(secrets.values())) == len(secrets)
    assert min(map(len, secrets.values())) >= 44

    make(clone, "secrets", python)
    assert env_file.read_text(encoding="utf-8") == text


def test_ci_runs_the_checks_and_all_tests_that_developers_run():
    script = (PROJECT / ".ci/run").read_text(encoding="utf-8")

    assert re.findall(r"^(?:timeout .* )?make (\w+)", script, re.MULTILINE) == ["check", "test"]
    assert (PROJECT / ".ci/run").stat().st_mode & stat.S_IXUSR


def test_ci_fails_when_a_test_does_and_ends_with_the_summary_of_the_tests(clone, fake_python):
    commands = clone / "commands"
    commands.mkdir()
    for name in ("python3.11", "docker-compose", "chromium", "npm"):
        shutil.copy(fake_python.partition("=")[2], commands / name)
    shutil.copytree(PROJECT / ".ci", clone / ".ci")

    outcome = subprocess.run(
        [clone / ".ci/run"],
        env={"PATH": f"{commands}:{os.environ['PATH']}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )

    assert outcome.returncode != 0
    assert outcome.stdout.splitlines()[-1] == "1 failed, 2 passed in 0.01s"
    made = calls(clone)
    tests = f"-m pytest -n {SIDE_BY_SIDE} --dist worksteal tests/unit tests/integration"
    assert {"-m ruff check .", "-m mypy", tests} <= set(made)
    assert any(call.startswith("ci ") and str(NPM) in call for call in made)
