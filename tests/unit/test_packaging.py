"""What is installed, here and in the containers, is what the requirement files and the lock say."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

PROJECT = Path(__file__).resolve().parents[2]
REQUIREMENT_FILES = sorted(path.name for path in PROJECT.glob("requirements*.txt"))

# Which requirements a part of the project may rely on.
PARTS = {
    "plugins": "requirements.txt",
    "dags": "requirements.txt",
    "sandbox": "requirements-sandbox.txt",
    "devstack": "requirements-dev.txt",
    "benchmarks": "requirements-dev.txt",
    "tests": "requirements-dev.txt",
}


@cache
def requirements_of(file_name: str) -> tuple[Requirement, ...]:
    """Return what a requirements file names itself and by ``-r``."""
    found: list[Requirement] = []
    for line in (PROJECT / file_name).read_text(encoding="utf-8").splitlines():
        option, _, value = line.partition(" ")
        if option == "-r":
            found += requirements_of(value)
        elif line and option not in ("#", "-c"):
            found.append(Requirement(line))
    return tuple(found)


@cache
def lock() -> dict[str, str]:
    """Return version by canonical name."""
    lines = (PROJECT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line.partition(";")[0].strip().split("==") for line in lines if not line.startswith("#")]
    return {canonicalize_name(name): version for name, version in pins}


def closure(requirements: tuple[Requirement, ...]) -> set[str]:
    """Return the names of the distributions that these need, all the way down, on this machine."""
    waiting = [(canonicalize_name(one.name), extra) for one in requirements for extra in ("", *one.extras)]
    seen: set[tuple[str, str]] = set()
    while waiting:
        name, extra = here = waiting.pop()
        if here in seen:
            continue
        seen.add(here)
        for text in metadata.requires(name) or ():
            needed = Requirement(text)
            if needed.marker is None or needed.marker.evaluate({"extra": extra}):
                waiting += [(canonicalize_name(needed.name), each) for each in ("", *needed.extras)]
    return {name for name, _ in seen}


@pytest.mark.parametrize("file_name", REQUIREMENT_FILES)
def test_each_requirement_is_pinned_to_the_version_of_the_lock(file_name):
    pins = {canonicalize_name(one.name): str(one.specifier) for one in requirements_of(file_name)}

    assert pins == {name: f"=={lock()[name]}" for name in pins}


@pytest.mark.parametrize("file_name", REQUIREMENT_FILES)
def test_each_requirements_file_installs_under_the_lock(file_name):
    text = (PROJECT / file_name).read_text(encoding="utf-8")

    assert re.search(r"^-(c constraints|r requirements(-\w+)?)\.txt$", text, re.MULTILINE)


def test_the_lock_holds_everything_that_development_needs_at_the_installed_version():
    needed = closure(requirements_of("requirements-dev.txt"))

    assert {name: metadata.version(name) for name in needed} == {name: lock().get(name) for name in needed}


def test_the_python_of_this_run_is_the_one_that_the_project_declares():
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

    assert SpecifierSet(project["requires-python"]).contains(".".join(map(str, sys.version_info[:3])))


def imported_modules(part: str) -> Iterator[str]:
    """Yield the dotted name of every module that the Python files of a folder import."""
    for path in (PROJECT / part).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                yield node.module


def distribution_of(module: str) -> str:
    """Return the distribution that a module comes from; Airflow's are named after their packages."""
    if module.startswith("airflow.providers."):
        return f"apache-airflow-providers-{module.split('.')[2]}"
    top_level = module.partition(".")[0]
    return "apache-airflow" if top_level == "airflow" else canonicalize_name(providers()[top_level][0])


@cache
def providers() -> dict[str, list[str]]:
    """Return the distributions that provide a top-level module."""
    return dict(metadata.packages_distributions())


@pytest.mark.parametrize("part", PARTS)
def test_what_a_part_imports_is_among_its_requirements(part):
    third_party = {
        module
        for module in imported_modules(part)
        if module.partition(".")[0] in providers() and module.partition(".")[0] not in sys.stdlib_module_names
    }
    declared = {canonicalize_name(one.name) for one in requirements_of(PARTS[part])}

    assert {distribution_of(module) for module in third_party} - declared == set()


def tracked_texts() -> Iterator[tuple[str, str]]:
    """Yield name and content of every text file under version control."""
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=PROJECT, capture_output=True, check=False)
    if listing.returncode:
        pytest.skip("not a git checkout: which files belong to the project is unknown")
    for name in filter(None, listing.stdout.decode().split("\0")):
        content = (PROJECT / name).read_bytes() if (PROJECT / name).is_file() else b"\0"
        if b"\0" not in content:
            yield name, content.decode("utf-8")


@pytest.mark.parametrize(
    "unwanted",
    [
        pytest.param(r"pypi\.|pythonhosted\.|--(extra-)?index-url|--find-links", id="registry"),
        pytest.param(r"(?<![\w.:-])/(root|Users/\w+|home/(?!airflow\b)\w+)/", id="home directory"),
    ],
)
def test_no_file_names_what_only_one_machine_has(unwanted):
    this_file = Path(__file__).relative_to(PROJECT).as_posix()

    found = [name for name, text in tracked_texts() if name != this_file and re.search(unwanted, text)]

    assert found == []
