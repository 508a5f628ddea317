"""Reads plan files; every problem of every file is told at once, and one broken plan never hides another."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from drs_recovery.exceptions import PlanError, PlanProblem
from drs_recovery.plan.fields import PLAN_ID_PATTERN
from drs_recovery.plan.model import RecoveryPlan, plan_from_snapshot
from drs_recovery.plan.problems import Finding, Location, in_document_order, place
from drs_recovery.plan.yaml_reader import SourceRefusedError, read_source, read_yaml

__all__ = [
    "LoadedPlans",
    "PlanFile",
    "join_files",
    "load_files",
    "load_plan",
    "plan_files",
    "plan_from_snapshot",
    "read_plan_file",
    "stem_key",
]

_WRITTEN_ID = re.compile(rf"""^id:[ \t]*["']?({PLAN_ID_PATTERN})["']?[ \t]*(?:#.*)?$""", re.MULTILINE)


@dataclass(frozen=True)
class LoadedPlans:
    """
    What the files of a directory hold.

    :param sources: the file of each key of both; the first one where files claim the same id.
    """

    plans: dict[str, RecoveryPlan] = field(default_factory=dict)
    broken: dict[str, PlanError] = field(default_factory=dict)
    sources: dict[str, Path] = field(default_factory=dict)


@dataclass(frozen=True)
class PlanFile:
    """
    One file after reading.

    :param plan_id: the id that it claims, None when that cannot be known.
    :param written_id: what stands behind ``id:`` in a file whose id cannot be known.
    :param plan: None when there are problems.
    """

    path: Path
    plan_id: str | None = None
    written_id: str | None = None
    plan: RecoveryPlan | None = None
    problems: tuple[PlanProblem, ...] = ()


def load_plan(path: Path) -> RecoveryPlan:
    """
    Read one plan file.

    :param path: of the file; its stem is the default of the plan's id.
    :raises PlanError: with all problems, in the order of the file.
    """
    file = read_plan_file(path)
    if file.plan is None:
        raise PlanError(file.problems)
    return file.plan


def load_files(paths: Sequence[Path]) -> LoadedPlans:
    """Read plan files that belong together, so that no two may have the same id."""
    return join_files(map(read_plan_file, paths))


def join_files(files: Iterable[PlanFile]) -> LoadedPlans:
    """Join plan files that belong together, so that no two may have the same id."""
    loaded = LoadedPlans()
    known: dict[str, list[PlanFile]] = defaultdict(list)
    unknown: list[PlanFile] = []
    for file in files:
        if file.plan_id is None:
            unknown.append(file)
        else:
            known[file.plan_id].append(file)
    for plan_id, same in known.items():
        _add(loaded, plan_id, same if len(same) == 1 else [_duplicate(file, same) for file in same])
    for file in unknown:
        _add(loaded, _free_key(file, loaded.sources), [file])
    return loaded


def plan_files(directory: Path) -> list[Path]:
    """
    The plan files of a directory, sorted by name; hidden files (editors' own) are left out.

    :raises PlanError: when the directory cannot be listed.
    """
    try:
        entries = sorted(directory.iterdir())
    except OSError as error:
        raise PlanError([PlanProblem(str(directory), "", f"cannot list plans: {error.strerror}")]) from None
    return [
        path
        for path in entries
        if path.suffix.lower() in (".yaml", ".yml") and not path.name.startswith(".") and not path.is_dir()
    ]


def read_plan_file(path: Path) -> PlanFile:
    """Read one plan file, whatever is in it: nothing that goes wrong with it concerns any other plan."""
    try:
        return _read(path)
    except Exception as error:  # what nobody foresaw is this plan's problem, too
        message = f"cannot be read as a plan ({type(error).__name__}: {error})"
        return PlanFile(path, written_id=_written_id(path), problems=(PlanProblem(path.name, "", message),))


def _read(path: Path) -> PlanFile:
    try:
        written, problems = read_yaml(path)
    except PlanError as error:
        return PlanFile(path, written_id=_written_id(path), problems=error.problems)
    document = written if "id" in written else {"id": path.stem, **written}
    plan, findings = _check(document, id_is_stem="id" not in written)
    problems += [PlanProblem(path.name, place(finding.location), finding.message) for finding in findings]
    plan_id = document["id"]
    is_id = isinstance(plan_id, str) and re.fullmatch(PLAN_ID_PATTERN, plan_id)
    if not is_id:
        return PlanFile(path, written_id=_written_id(path), problems=tuple(problems))
    return PlanFile(path, plan_id, None, None if problems else plan, tuple(problems))


def _check(document: dict[str, Any], *, id_is_stem: bool) -> tuple[RecoveryPlan | None, list[Finding]]:
    """Validate a document; the plan may be there although a file must not say what it says."""
    findings = [*_blank_findings(document, ())]
    blank = {finding.location for finding in findings if finding.message == _BLANK}
    plan = None
    try:
        plan = RecoveryPlan.model_validate(document)
    except ValidationError as error:
        found = [Finding(detail["loc"], detail["ctx"]["message"]) for detail in error.errors()]
        findings += [finding for finding in found if finding.location not in blank]
    if id_is_stem:
        findings = [_explain_stem(finding) for finding in findings]
    return plan, in_document_order(findings, document)


def _explain_stem(finding: Finding) -> Finding:
    if finding.location != ("id",):
        return finding
    return Finding(
        ("id",), f"{finding.message}; it comes from the file's name: rename the file or write an id"
    )


_BLANK = "has no value; write one or remove the key"
_NO_APPROVERS = "is empty; list user ids, or remove the key to let everyone approve who may trigger the plan"


def _blank_findings(value: object, location: Location) -> Iterator[Finding]:
    """What models accept, because snapshots hold it, but what is a slip when a person writes it."""
    if value is None:
        yield Finding(location, _BLANK)
    if value == [] and location[-1:] == ("approvers",):
        yield Finding(location, _NO_APPROVERS)
    if isinstance(value, Mapping):
        for key, child in value.items():
            yield from _blank_findings(child, (*location, key))
    if isinstance(value, list):
        for index, child in enumerate(value):
            yield from _blank_findings(child, (*location, index))


def _duplicate(file: PlanFile, files: Sequence[PlanFile]) -> PlanFile:
    others = ", ".join(
        other.path.name if other.path.parent == file.path.parent else str(other.path)
        for other in files
        if other is not file
    )
    problem = PlanProblem(file.path.name, "id", f'"{file.plan_id}" is also the id of the plan in {others}')
    return replace(file, plan=None, problems=(problem, *file.problems))


def _add(loaded: LoadedPlans, key: str, files: Sequence[PlanFile]) -> None:
    loaded.sources[key] = files[0].path
    if files[0].plan:
        loaded.plans[key] = files[0].plan
    else:
        loaded.broken[key] = PlanError([problem for file in files for problem in file.problems])


def _free_key(file: PlanFile, taken: Mapping[str, Path]) -> str:
    """A key that is not taken for a plan of unknown id: what stands behind ``id:``, else the file's name."""
    if file.written_id and file.written_id not in taken:
        return file.written_id
    base = stem_key(file.path)
    candidates = (base, *(f"{base}-{number}" for number in range(2, len(taken) + 3)))
    return next(key for key in candidates if key not in taken)


def _written_id(path: Path) -> str | None:
    try:
        match = _WRITTEN_ID.search(read_source(path).decode("utf-8", errors="replace"))
    except SourceRefusedError:
        return None
    return match[1] if match else None


def stem_key(path: Path) -> str:
    """What stands for the id of a plan whose file names none and is no id either."""
    # Two characters less than an id may have, and room for a number behind.
    return re.sub(r"[^a-z0-9]+", "-", path.stem.lower()).strip("-")[:58].strip("-") or "plan"
