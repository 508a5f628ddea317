from __future__ import annotations

import re
from pathlib import Path

import pytest

from sandbox.control import ControlApi
from sandbox.fault_kinds import FAMILY_FIELDS, FAULT_KINDS
from sandbox.scenario import Scenario
from sandbox.world import World

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "sandbox.md").read_text()
# Rows of the tables of kinds, which have three columns; those of the fields that all kinds share have two.
_ROW = re.compile(r"^\| `([a-z0-9_]+)` \|[^|]*\|[^|]*\|$", re.MULTILINE)
ROWS = {match[1]: match[0] for match in _ROW.finditer(PAGE)}


@pytest.mark.parametrize("name", sorted(FAULT_KINDS))
def test_every_kind_of_fault_is_documented_with_its_fields(name: str) -> None:
    kind = FAULT_KINDS[name]
    own = set(kind.fields) - set(FAMILY_FIELDS[kind.family])
    missing = {field for field in own if f"`{field}`" not in ROWS[name]}
    assert missing == set()


def test_no_kind_of_fault_is_documented_that_does_not_exist() -> None:
    assert set(ROWS) == set(FAULT_KINDS)


def test_every_call_of_the_control_api_is_documented() -> None:
    api = ControlApi(World(), Scenario())
    assert [call for call in api.calls() if f"| `{call}` |" not in PAGE] == []
