"""A good plan, and ways to spoil it."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from drs_recovery.exceptions import PlanError
from drs_recovery.plan.loader import load_plan

DB_1, DB_2, APP_1, APP_2 = (f"s-{digit * 16}{letter}" for digit in "12" for letter in "ab")

# As a value in `changed`: take the key away.
GONE = object()

GOOD: Mapping[str, Any] = {
    "schema_version": 1,
    "id": "payroll",
    "name": "Payroll",
    "region": "us-east-1",
    "protection_groups": {
        "db": {"servers": [DB_1, DB_2]},
        "app": {"tags": {"dr:application": "payroll", "dr:tier": "application"}},
        "web": {"servers": [{"id": APP_1, "critical": False}], "region": "us-west-2"},
    },
    "waves": [
        {"name": "Database", "groups": ["db"]},
        {"name": "Application", "groups": ["app"]},
        {"name": "Web", "groups": ["web"]},
    ],
}


def changed(changes: Mapping[str, Any]) -> dict[str, Any]:
    """The good plan with other values at places such as ``waves/0/name``."""
    document = copy.deepcopy(dict(GOOD))
    for place, value in changes.items():
        *parents, last = (int(part) if part.isdigit() else part for part in place.split("/"))
        target: Any = document
        for part in parents:
            target = target[part]
        if value is GONE:
            del target[last]
        else:
            target[last] = value
    return document


def write_plan(path: Path, document: object) -> Path:
    """Write a document as a YAML file."""
    path.write_text(yaml.safe_dump(document, sort_keys=False, allow_unicode=True), encoding="utf-8")
    return path


def problems_of(path: Path) -> list[str]:
    """The lines in which the loader refuses a file."""
    with pytest.raises(PlanError) as caught:
        load_plan(path)
    return [str(problem) for problem in caught.value.problems]
