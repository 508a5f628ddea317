"""Whatever stands wherever in a plan, the answer is a plan or a list of problems, and never a crash."""

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from drs_recovery.exceptions import PlanError
from drs_recovery.plan.loader import load_plan
from tests.unit.plan.documents import changed
from tests.unit.plan.test_plan import FULL

JUNK: dict[str, Any] = {
    "nothing": None,
    "true": True,
    "a number": -1,
    "infinity": float("inf"),
    "empty text": "",
    "text": "{x} 'y' \u2028",
    "an empty list": [],
    "lists": [[None], "a", "a"],
    "a mapping": {"": {"a": None}, "name": [], "line\nbreak": 1},
}


def places(value: object) -> Iterator[tuple[str | int, ...]]:
    children = (
        value.items() if isinstance(value, dict) else enumerate(value if isinstance(value, list) else ())
    )
    for key, child in children:
        yield (key,)
        yield from ((key, *place) for place in places(child))


def with_junk(document: dict[str, Any], place: tuple[str | int, ...], junk: object) -> dict[str, Any]:
    spoiled = copy.deepcopy(document)
    target: Any = spoiled
    for part in place[:-1]:
        target = target[part]
    target[place[-1]] = junk
    return spoiled


@pytest.mark.parametrize("junk", JUNK.values(), ids=JUNK)
def test_a_spoiled_plan_is_refused_in_sentences(tmp_path: Path, junk: object) -> None:
    path = tmp_path / "payroll.yaml"
    document = changed(FULL)

    for place in places(document):
        # With a key that no plan has, also what fits into its place makes the plan no good.
        spoiled = {**with_junk(document, place, junk), "no_such_key": 1}
        path.write_text(json.dumps(spoiled), encoding="utf-8")
        with pytest.raises(PlanError) as caught:
            load_plan(path)
        text = str(caught.value)
        assert len(text.splitlines()) == len(caught.value.problems)
        assert all(line.startswith("payroll.yaml: ") for line in text.splitlines())
        assert "Input should" not in text
