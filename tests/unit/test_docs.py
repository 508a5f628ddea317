"""The documentation's promises about the project: what it links to exists, and what it lists is complete."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from drs_recovery.settings import SETTINGS
from drs_recovery.statuses import ExecutionStatus, ServerPhase, WaveStatus

PROJECT = Path(__file__).resolve().parents[2]
PAGES = [PROJECT / "README.md", *sorted((PROJECT / "docs").glob("*.md"))]
ARCHITECTURE = PROJECT / "docs" / "architecture.md"
CONFIGURATION = PROJECT / "docs" / "configuration.md"
LIFECYCLE = PROJECT / "docs" / "lifecycle.md"
STATUSES = PROJECT / "docs" / "statuses.md"
# Prose: the pages, and what else people read in the project's root.
TEXTS = [*PAGES, *(PROJECT / f"{name}.md" for name in ("CHANGELOG", "CONTRIBUTING", "SECURITY"))]
LONGEST_LINE = 100
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
# A test that a page names as its proof: file and function, linked to the file.
PROOF = re.compile(r"\[`([\w/]+\.py)::(\w+)`\]\(([^)]+)\)")
# Also those in a list, which are indented.
CODE_BLOCK = re.compile(r"^ *```.*?^ *```$", re.MULTILINE | re.DOTALL)


@cache
def prose(page: Path) -> str:
    """Return a page without its code blocks."""
    return CODE_BLOCK.sub("", page.read_text(encoding="utf-8"))


def anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub makes of a page's headings."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken_links(page: Path) -> list[str]:
    broken = []
    for link in LINK.findall(prose(page)):
        path, _, anchor = link.partition("#")
        if path.startswith(("http://", "https://")):
            continue
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    return broken


def first_cells(page: Path, heading: str) -> list[str]:
    """Return the first column of the table whose heading's first cell is given."""
    lines = iter(page.read_text(encoding="utf-8").splitlines())
    for line in lines:
        if line.startswith(f"| {heading} |"):
            break
    next(lines)
    cells = []
    for line in lines:
        if not line.startswith("|"):
            break
        cells.append(line.split("|")[1].strip())
    return cells


def rows(page: Path, heading: str) -> list[list[str]]:
    """Return the cells of each row of the tables whose heading's first cell is given."""
    found: list[list[str]] = []
    is_inside = False
    for line in page.read_text(encoding="utf-8").splitlines():
        is_inside = line.startswith(f"| {heading} |") or (is_inside and line.startswith("|"))
        if is_inside and not line.startswith((f"| {heading} |", "|---")):
            found.append([cell.strip() for cell in line.strip("|").split(" | ")])
    return found


@cache
def names_of_tests(file: Path) -> set[str]:
    """Return the names of the test functions of a file, those of its classes included."""
    tree = ast.parse(file.read_text(encoding="utf-8")) if file.is_file() else ast.Module([], [])
    names = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    return {name for name in names if name.startswith("test_")}


def settings_that_the_code_reads() -> set[str]:
    """Return the keys of all settings."""
    return {setting.key for setting in SETTINGS}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_local_link_leads_to_something(page):
    assert broken_links(page) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_make_target_that_is_named_exists(page):
    named = set(re.findall(r"(?:^|`)make ([a-z-]+)", page.read_text(encoding="utf-8"), re.MULTILINE))
    targets = set(
        re.findall(r"^([a-z-]+):", (PROJECT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    )

    assert named - targets == set()


@pytest.mark.parametrize("page", TEXTS, ids=lambda page: page.name)
def test_lines_of_prose_end_at_100_characters(page):
    """Except rows of tables and pictures, which cannot be wrapped."""
    wrapped = [line for line in prose(page).splitlines() if not line.startswith(("|", "!["))]

    assert [line for line in wrapped if len(line) > LONGEST_LINE] == []


def test_every_page_is_reachable_from_the_readme():
    linked = set(LINK.findall(prose(PAGES[0])))

    assert {f"docs/{page.name}" for page in PAGES[1:]} - linked == set()


def test_the_configuration_page_lists_exactly_the_settings_that_the_code_reads():
    rows = first_cells(CONFIGURATION, "key")

    assert {row.strip("`") for row in rows} == settings_that_the_code_reads()


def test_no_setting_is_read_past_the_table():
    """What is not in it, nobody checks before a launch."""
    reads = re.compile(r"conf\.get\w*\(\s*(SECTION|[\"']drs_recovery[\"'])\s*,")
    sources = (PROJECT / "plugins").rglob("*.py")

    assert {path.name for path in sources if reads.search(path.read_text(encoding="utf-8"))} == {
        "setting_rules.py"
    }


def test_the_configuration_page_names_the_environment_variable_of_each_setting():
    text = CONFIGURATION.read_text(encoding="utf-8")

    assert [
        key for key in settings_that_the_code_reads() if f"AIRFLOW__DRS_RECOVERY__{key.upper()}" not in text
    ] == []


@pytest.mark.parametrize(
    ("heading", "statuses"), [("execution", ExecutionStatus), ("wave", WaveStatus), ("server", ServerPhase)]
)
def test_the_status_page_explains_every_status_in_its_order(heading, statuses):
    explained = ", ".join(first_cells(STATUSES, heading)).split(", ")

    assert explained == [status.value for status in statuses]


def test_every_path_that_the_architecture_page_names_exists():
    """Paths are in backticks: of the package, or from the project's root."""
    roots = (PROJECT / "plugins" / "drs_recovery", PROJECT)
    named = re.findall(r"`([\w.-]+(?:/[\w.-]+)*(?:/|\.\w+))`", prose(ARCHITECTURE))

    assert len(named) > 50
    assert [path for path in named if not any((root / path).exists() for root in roots)] == []


def test_the_architecture_page_describes_every_package_and_module_of_the_top_level():
    package = PROJECT / "plugins" / "drs_recovery"
    parts = {
        f"{path.name}/" if path.is_dir() else path.name
        for path in package.iterdir()
        if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    described = {cell.strip("`") for cell in first_cells(ARCHITECTURE, "package")}

    assert parts - described == {"__init__.py", "__main__.py"}
    assert described - parts == set()


def test_every_situation_in_the_life_of_an_execution_is_proved_by_tests_that_exist():
    situations = rows(LIFECYCLE, "situation")
    unproved = [row[0] for row in situations if len(row) != 6 or not PROOF.search(row[-1])]
    missing = [
        f"{file}::{name}"
        for file, name, link in PROOF.findall(LIFECYCLE.read_text(encoding="utf-8"))
        if link != f"../{file}" or name not in names_of_tests(PROJECT / file)
    ]

    assert len(situations) > 100
    assert (unproved, missing) == ([], [])


@pytest.mark.parametrize(
    ("column", "statuses"), [(1, ExecutionStatus), (2, WaveStatus), (3, ServerPhase)], ids=lambda v: str(v)
)
def test_every_status_is_reached_in_some_situation(column, statuses):
    reached = " ".join(row[column] for row in rows(LIFECYCLE, "situation"))

    assert [status for status in statuses if not re.search(rf"\b{status}\b", reached)] == []


def test_every_picture_is_small_and_shown_somewhere():
    pictures = list((PROJECT / "docs" / "images").iterdir())
    shown = {
        (page.parent / link).resolve()
        for page in PAGES
        for link in LINK.findall(prose(page))
        if "images/" in link
    }

    assert set(pictures) == shown
    assert [picture.name for picture in pictures if picture.stat().st_size > 300_000] == []
    assert sum(picture.stat().st_size for picture in pictures) < 2_000_000
