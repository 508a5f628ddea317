"""Packages know each other by their faces: what `__init__` offers, never a module inside."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
SOURCE = PROJECT / "plugins"
ROOT = "drs_recovery"
PACKAGES = {
    ".".join(init.parent.relative_to(SOURCE).parts): init for init in (SOURCE / ROOT).rglob("__init__.py")
}
OUTSIDE = ("dags", "devstack", "benchmarks")
# For the DAG file of a user: docs/deployment.md.
FOR_USERS = {"recovery_dags"}


@cache
def tree(path: Path) -> ast.Module:
    """Parse a file."""
    return ast.parse(path.read_text(encoding="utf-8"))


def importers() -> Iterator[tuple[str, Path]]:
    """Yield each file that imports, with the package that it is in."""
    for path in SOURCE.rglob("*.py"):
        yield ".".join(path.parent.relative_to(SOURCE).parts), path
    for folder in OUTSIDE:
        for path in (PROJECT / folder).rglob("*.py"):
            yield folder, path


def package_of(module: str) -> str:
    """Return the package that a module is, or is in."""
    return module if module in PACKAGES else module.rpartition(".")[0]


def offered(package: str) -> set[str]:
    """Return what a package offers: its `__all__`."""
    for node in tree(PACKAGES[package]).body:
        match node:
            case ast.Assign(targets=[ast.Name("__all__")], value=names):
                return set(ast.literal_eval(names))
    return set()


def imports_of_insides(importer: str, path: Path) -> Iterator[str]:
    """Yield the imports of a file that reach past the face of another package."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (one.name for one in node.names if one.name.startswith(f"{ROOT}."))
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith(ROOT):
            package = package_of(str(node.module))
            if package == ROOT or f"{importer}.".startswith(f"{package}."):
                continue
            for name in (one.name for one in node.names):
                if node.module != package or name not in offered(package):
                    yield f"{node.module}.{name}"


def test_other_packages_are_imported_by_their_faces() -> None:
    found = {str(path): list(imports_of_insides(importer, path)) for importer, path in importers()}

    assert {path: names for path, names in found.items() if names} == {}


@pytest.mark.parametrize("package", sorted(PACKAGES.keys() - {ROOT}))
def test_a_face_offers_nothing_that_no_other_package_uses(package: str) -> None:
    used = {
        name.name
        for importer, path in importers()
        if not f"{importer}.".startswith(f"{package}.")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ImportFrom) and node.module == package
        for name in node.names
    }

    assert offered(package) - used - FOR_USERS == set()
