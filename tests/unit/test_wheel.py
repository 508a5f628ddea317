"""A wheel of the project holds the whole package: what is copied as a folder can be installed, too."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
PACKAGE = "drs_recovery"

# The build backend that pyproject.toml names, without a build frontend, which would ask a registry for it.
BUILD = "import sys; from setuptools import build_meta; build_meta.build_wheel(sys.argv[1])"


@pytest.fixture(scope="module")
def wheel_files(tmp_path_factory):
    """Return the names in a wheel, built from a copy, so that nothing is left beside the source."""
    copy, out = tmp_path_factory.mktemp("project"), tmp_path_factory.mktemp("wheel")
    for name in ("pyproject.toml", "LICENSE"):
        shutil.copy(PROJECT / name, copy)
    shutil.copytree(PROJECT / "plugins", copy / "plugins", ignore=shutil.ignore_patterns("__pycache__"))
    subprocess.run(
        [sys.executable, "-c", BUILD, str(out)], cwd=copy, check=True, capture_output=True, timeout=120
    )
    (wheel,) = out.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_a_wheel_holds_every_file_of_the_package(wheel_files):
    source = PROJECT / "plugins"
    files = {
        path.relative_to(source).as_posix()
        for path in (source / PACKAGE).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }

    assert files
    assert files - wheel_files == set()


def test_a_wheel_holds_nothing_beside_the_package(wheel_files):
    top_level = {name.split("/")[0] for name in wheel_files}

    assert {name for name in top_level if not name.endswith(".dist-info")} == {PACKAGE}


def test_a_wheel_holds_the_license(wheel_files):
    assert [name for name in wheel_files if name.endswith(".dist-info/licenses/LICENSE")]
