"""A key that is written wrongly is told with its place and what was expected, in the file's order."""

from pathlib import Path
from typing import Any

import pytest

from tests.unit.plan.bad_fields import BAD_FIELDS, PLAN_ID_FORM
from tests.unit.plan.documents import GONE, changed, problems_of, write_plan


@pytest.mark.parametrize(("changes", "lines"), BAD_FIELDS.values(), ids=BAD_FIELDS)
def test_a_bad_value_is_told_with_its_place_and_what_was_expected(
    tmp_path: Path, changes: dict[str, Any], lines: list[str]
) -> None:
    path = write_plan(tmp_path / "payroll.yaml", changed(changes))

    assert problems_of(path) == [f"payroll.yaml: {line}" for line in lines]


def test_an_id_taken_from_a_bad_file_name_says_where_it_comes_from(tmp_path: Path) -> None:
    path = write_plan(tmp_path / "Pay Roll.yaml", changed({"id": GONE}))

    assert problems_of(path) == [
        f'Pay Roll.yaml: id: "Pay Roll" is not {PLAN_ID_FORM}; '
        "it comes from the file's name: rename the file or write an id"
    ]


def test_an_error_in_an_inherited_value_is_told_once_where_it_is_written(tmp_path: Path) -> None:
    path = write_plan(tmp_path / "payroll.yaml", changed({"connection": "a b", "region": "here", "id": "X"}))

    assert [line.split(":")[1].strip() for line in problems_of(path)] == ["id", "region", "connection"]


def test_all_problems_come_in_the_order_of_the_file(tmp_path: Path) -> None:
    changes = {
        "id": "Pay",
        "owner": 7,
        "protection_groups/db/servers/0": "s-1",
        "protection_groups/db/servers/1": "s-2",
        "waves/0/name": GONE,
        "waves/0/timeout": "1h",
        "waves/2/groups": ["wep"],
    }
    path = write_plan(tmp_path / "payroll.yaml", changed(changes))

    assert [line.removeprefix("payroll.yaml: ").split(": ")[0] for line in problems_of(path)] == [
        "id",
        "protection_groups.db.servers[0]",
        "protection_groups.db.servers[1]",
        "protection_groups.web",
        "waves[0].timeout",
        "waves[0].name",
        "waves[2].groups[0]",
        "owner",
    ]
