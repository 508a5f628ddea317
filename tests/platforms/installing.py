"""Install the wheel into an environment of its own, with Airflow as one platform has it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from packaging.requirements import Requirement

PROJECT = Path(__file__).resolve().parents[2]
BUILD = "import sys; from setuptools import build_meta; build_meta.build_wheel(sys.argv[1])"


@dataclass(frozen=True)
class Platform:
    """
    A Python, and the versions of Airflow and of its packages there.

    :param pins: empty for those of this project's lock.
    :param as_of: day whose newest packages are taken for the rest. An older Airflow does not start with every
        package of today; its own constraint files are of the day of its release, too.
    """

    python: str
    pins: tuple[str, ...] = ()
    as_of: str | None = None


PYTHONS = {f"python-{version}": Platform(version) for version in ("3.11", "3.12", "3.13", "3.14")}
# Tried by hand (make test-platforms-all): minutes each.
AIRFLOWS = {
    "oldest": Platform("3.12", ("apache-airflow==3.2.2",), as_of="2026-06-10"),
    "mwaa": Platform(
        "3.12",
        (
            "apache-airflow==3.3.1",
            "apache-airflow-providers-amazon==9.34.0",
            "apache-airflow-providers-standard==1.17.0",
            "boto3==1.43.56",
            "botocore==1.43.56",
        ),
    ),
    "beta": Platform("3.13", ("apache-airflow==3.4.0b2",)),
}
BY_HAND = [pytest.param(one, id=name, marks=pytest.mark.by_hand) for name, one in AIRFLOWS.items()]

DAG_FILE = """\
# Recovery plans as Airflow DAGs.
from drs_recovery.dag_builder import recovery_dags

globals().update(recovery_dags(__file__))
"""


@dataclass(frozen=True)
class Installed:
    """An environment with the wheel."""

    home: Path

    @property
    def commands(self) -> Path:
        """The folder of its programs."""
        return self.home / "bin"

    def add(self, *packages: str) -> None:
        """Install more, and change nothing that is there."""
        frozen = run(uv_or_skip(), "pip", "freeze", "--python", self.home).splitlines()
        constraints = self.home / "constraints.txt"
        # The wheel is there by its path, which is no constraint.
        constraints.write_text("\n".join(one for one in frozen if " @ " not in one), encoding="utf-8")
        run(uv_or_skip(), "pip", "install", "--python", self.home, "-c", constraints, *packages)


def run(*command: object, env: Mapping[str, str] | None = None, cwd: Path | str = "/") -> str:
    """Run a command to its good end and return what it printed."""
    outcome = subprocess.run(
        [str(part) for part in command],
        env=env,
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )
    assert outcome.returncode == 0, f"{command}:\n{outcome.stdout[-3000:]}\n{outcome.stderr[-3000:]}"
    return outcome.stdout


def build_wheel(copy: Path, out: Path) -> Path:
    """Build the wheel from a copy, so that nothing is left beside the source."""
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(PROJECT / name, copy)
    shutil.copytree(PROJECT / "plugins", copy / "plugins", ignore=shutil.ignore_patterns("__pycache__"))
    subprocess.run([sys.executable, "-c", BUILD, out], cwd=copy, check=True, capture_output=True, timeout=120)
    (built,) = out.glob("*.whl")
    return built


def install(wheel: Path, platform: Platform, home: Path) -> Installed:
    """Install the wheel, or skip the test where this machine cannot."""
    python = _python_of(platform.python)
    if python is None:
        pytest.skip(f"this machine has no Python {platform.python}")
    run(python, "-m", "venv", home)
    if platform.pins:
        _install_pinned(wheel, platform, home)
    else:
        _install_locked(wheel, home)
    return Installed(home)


def _install_locked(wheel: Path, home: Path) -> None:
    lock = PROJECT / "constraints.txt"
    if (tool := _uv()) is not None:
        run(tool, "pip", "install", "--python", home, "-c", lock, wheel)
    else:
        run(home / "bin/python", "-m", "pip", "install", "--quiet", "-c", lock, wheel)


def _install_pinned(wheel: Path, platform: Platform, home: Path) -> None:
    as_of = ("--exclude-newer", platform.as_of) if platform.as_of else ()
    run(uv_or_skip(), "pip", "install", "--python", home, *as_of, *platform.pins, wheel)


def uv_or_skip() -> str:
    """Return uv, without which the versions of another day cannot be had."""
    tool = _uv()
    if tool is None:
        pytest.skip("uv is not installed")
    return tool


def _uv() -> str | None:
    return shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")


def _python_of(version: str) -> str | None:
    """Return an interpreter of a version that starts: a name can be a stub of a version manager."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    for candidate in (shutil.which(f"python{version}"), *pyenv.glob(f"{version}.*/bin/python")):
        if (
            candidate
            and not subprocess.run([candidate, "-c", ""], capture_output=True, check=False).returncode
        ):
            return str(candidate)
    return None


def local_stack_needs() -> list[str]:
    """Return the packages of sandbox and local stack, as loose as can be: a platform has its own versions."""
    lines = (PROJECT / "requirements-sandbox.txt").read_text(encoding="utf-8").splitlines()
    named = [Requirement(line) for line in lines if line and line[0] not in "#-"]
    # The sandbox builds on private parts of moto; nothing else has to be exact.
    return ["psutil", *(str(one) if one.name == "moto" else one.name for one in named)]
