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
# A clone's own commands, found before those of the machine.
COMMANDS = "commands"
# What `make test` gets from npm is written down here.
NPM = Path("tests/e2e")

# Stands for Python, for the interpreter of the .venv that it makes, for uv and for npm: notes how it was
# called, one line a call, lets every install fail when told so, and always fails as pytest.
FAKE_PYTHON = """#!/bin/sh
echo "$*" >> calls
case "$*" in
    "-m venv "*) mkdir -p "$3/bin" "$3/lib/site-packages" && cp "$0" "$3/bin/python" ;;
    "--version") echo "Python 3.13.9" ;;
    *purelib*) echo .venv/lib/site-packages ;;
    "-m pip install "*" uv") test ! -e uv-cannot-be-had && cp "$0" .venv/bin/uv ;;
    *"pip install "*) test ! -e broken-network ;;
    "-m pytest -m not by_hand tests/platforms"*|"-m pytest tests/cluster"*) echo "4 passed in 0.01s" ;;
    "-m pytest"*) echo "bytecode: ${PYTHONDONTWRITEBYTECODE:-kept}"
        echo "1 failed, 2 passed in 0.01s"
        exit 1 ;;
esac
"""


UV_INSTALL = "pip install --quiet --python .venv/bin/python -r requirements-dev.txt"
GET_UV = "-m pip install --quiet --disable-pip-version-check uv"
PIP_INSTALL = "-m pip install --quiet --disable-pip-version-check -r requirements-dev.txt"


def make(directory: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run make as a user does, without uv and the variables of the make that started these tests."""
    return subprocess.run(
        ["make", "--no-print-directory", *arguments],
        cwd=directory,
        env={"PATH": f"{directory / COMMANDS}:{path_without_uv()}", **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def path_without_uv() -> str:
    """Return the folders of commands, but those in which uv is."""
    folders = os.environ["PATH"].split(os.pathsep)
    return os.pathsep.join(folder for folder in folders if not (Path(folder) / "uv").exists())


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


# A Python that says of itself which version it is.
PYTHON_OF_VERSION = (
    """#!/bin/sh
case "$*" in
    "--version") echo "Python {version}"; exit ;;
    *version_info*) exec '"""
    + sys.executable
    + """' -c "
import sys
sys.version_info = tuple(map(int, '{version}'.split('.')))
$2" ;;
esac
"""
)


def install_command(clone: Path, name: str, script: str) -> Path:
    """Put a command where it is found first."""
    path = clone / COMMANDS / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(script, encoding="utf-8")
    path.chmod(0o755)
    return path


def calls(clone: Path) -> list[str]:
    """Return how Python was called since the last question."""
    path = clone / "calls"
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    path.unlink(missing_ok=True)
    return [line for line in lines if not line.startswith(("-c ", "--version"))]


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
    assert 'needs Python 3.11.5 to 3.14, and "no-such-python" is not it' in outcome.stderr
    assert "make test PYTHON=" in outcome.stderr


@pytest.mark.parametrize("version", ["3.10.13", "3.11.4", "3.15.0"])
def test_a_python_of_another_version_is_refused(clone, version):
    old = install_command(clone, "python-of-another-version", PYTHON_OF_VERSION.format(version=version))

    outcome = make(clone, "venv", f"PYTHON={old}")

    assert outcome.returncode == 2
    assert "needs Python 3.11.5 to 3.14" in outcome.stderr


@pytest.mark.parametrize("version", ["3.11.5", "3.12.1", "3.13.0", "3.14.0"])
def test_the_python_that_the_machine_has_is_found_and_named(clone, version):
    """A name that does not start, such as one of a version manager without that version, is passed over."""
    name = f"python{version.rpartition('.')[0]}"
    for other in {"python3.11", "python3.12", "python3.13", "python3.14", "python3"}:
        install_command(clone, other, "#!/bin/sh\nexit 127\n")
    install_command(clone, name, PYTHON_OF_VERSION.format(version=version) + FAKE_PYTHON.partition("\n")[2])

    outcome = make(clone, "venv")

    assert outcome.returncode == 0, outcome.stderr
    assert f"(Python {version}, uv)" in outcome.stdout


def test_the_environment_is_built_once(clone, fake_python):
    make(clone, "test-unit", fake_python)
    assert calls(clone) == [
        "-m venv .venv",
        GET_UV,
        UV_INSTALL,
        "-m pip check",
        f"-m pytest -n {SIDE_BY_SIDE} tests/unit",
    ]

    make(clone, "test-unit", fake_python)
    assert calls(clone) == [f"-m pytest -n {SIDE_BY_SIDE} tests/unit"]


def test_the_uv_of_the_machine_installs(clone, fake_python):
    install_command(clone, "uv", FAKE_PYTHON)

    make(clone, "venv", fake_python)

    assert calls(clone) == ["-m venv .venv", UV_INSTALL, "-m pip check"]


def test_without_uv_pip_installs(clone, fake_python):
    (clone / "uv-cannot-be-had").touch()

    outcome = make(clone, "venv", fake_python)

    assert outcome.returncode == 0, outcome.stderr
    assert calls(clone) == ["-m venv .venv", GET_UV, PIP_INSTALL, "-m pip check"]


def test_where_uv_finds_no_packages_pip_installs(clone, fake_python):
    install_command(clone, "uv", "#!/bin/sh\nexit 1\n")

    outcome = make(clone, "venv", fake_python)

    assert outcome.returncode == 0, outcome.stderr
    assert calls(clone) == ["-m venv .venv", PIP_INSTALL, "-m pip check"]


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


@pytest.mark.parametrize("target", ["demo", "test"])
def test_which_python_runs_is_said_also_when_nothing_is_installed(clone, fake_python, target):
    install_command(clone, "npm", FAKE_PYTHON)
    make(clone, "venv", fake_python)

    assert "Python 3.13.9" in make(clone, target, fake_python).stdout.splitlines()


def test_compiled_code_is_kept_whatever_the_environment_says(clone, fake_python):
    """Else each process of a stack, and each that runs tests, compiles all of Airflow for itself."""
    assert "bytecode: kept" in make(clone, "test-unit", fake_python, PYTHONDONTWRITEBYTECODE="1").stdout


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

    targets = re.findall(r"^(?:timeout .* )?make ([a-z -]+?)(?: 2>&1.*)?$", script, re.MULTILINE)
    assert targets == ["check", "test-platforms test-cluster-drill test"]
    assert (PROJECT / ".ci/run").stat().st_mode & stat.S_IXUSR


def test_ci_fails_when_a_test_does_and_ends_with_the_summary_of_the_tests(clone):
    for name in ("python3.11", "docker-compose", "chromium", "npm", "redis-server", "pg_lsclusters"):
        install_command(clone, name, FAKE_PYTHON)
    shutil.copytree(PROJECT / ".ci", clone / ".ci")

    outcome = subprocess.run(
        [clone / ".ci/run"],
        env={"PATH": f"{clone / COMMANDS}:{path_without_uv()}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )

    assert outcome.returncode != 0
    assert outcome.stdout.splitlines()[-1] == "1 failed, 2 passed in 0.01s"
    made = calls(clone)
    tests = f"-m pytest -n {SIDE_BY_SIDE} --dist worksteal tests/unit tests/integration"
    assert {"-m ruff check .", "-m mypy", "-m pytest -m not by_hand tests/platforms", tests} <= set(made)
    assert any(call.startswith("ci ") and str(NPM) in call for call in made)
