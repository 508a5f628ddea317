"""The JSON Schema agrees with the loader."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from drs_recovery.plan.json_schema import plan_schema
from drs_recovery.plan.loader import plan_files
from drs_recovery.plan.rules import NOT_SUPPORTED_YET
from tests.unit.plan.bad_fields import BAD_FIELDS
from tests.unit.plan.documents import GONE, changed
from tests.unit.plan.test_plan import FULL

PROJECT = Path(__file__).resolve().parents[3]
# What a schema cannot say: whether a date exists, and YAML's own reading of words.
BEYOND_A_SCHEMA = {
    "name of two lines",
    "description with an escape sequence",
    "region missing",
    "cron of four fields",
    "cron with seconds",
    "cron at random",
    "cron out of range",
    "cron of 31 February",
    "point in time to come",
    "time zone misspelt",
    "time zone that is a directory",
    "time-out of nothing",
    "time-out of ages",
    "time-out of more than a year",
    "id with a line break",
    "argument that YAML reads as a date",
}


_REFUSED_KEYS = {pattern[-1] for pattern in NOT_SUPPORTED_YET}


@pytest.fixture(scope="module")
def validator() -> Draft202012Validator:
    schema = json.loads(plan_schema())
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def test_the_committed_schema_is_current() -> None:
    assert (PROJECT / "include" / "plan.schema.json").read_text(encoding="utf-8") == plan_schema()


@pytest.mark.parametrize("path", plan_files(PROJECT / "include" / "plans"), ids=lambda path: path.stem)
def test_the_schema_accepts_the_sample_plans(validator: Draft202012Validator, path: Path) -> None:
    validator.validate(yaml.safe_load(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    "changes",
    [
        {place: value for place, value in FULL.items() if place.rpartition("/")[2] not in _REFUSED_KEYS},
        {"id": GONE, "name": GONE},
        {"waves/1/pause_before": True},
        {"approval": {"recovery": False}},
        {"drill": {"terminate_after": "PT30M"}},
    ],
)
def test_the_schema_accepts_every_key_of_a_plan(
    validator: Draft202012Validator, changes: dict[str, Any]
) -> None:
    validator.validate(changed(changes))


@pytest.mark.parametrize("case", sorted(set(BAD_FIELDS) - BEYOND_A_SCHEMA))
def test_the_schema_refuses_what_the_loader_refuses(validator: Draft202012Validator, case: str) -> None:
    changes, _ = BAD_FIELDS[case]

    assert not validator.is_valid(changed(changes))


@pytest.mark.parametrize("pattern", NOT_SUPPORTED_YET, ids=".".join)
def test_the_schema_offers_nothing_that_is_refused(pattern: tuple[str, ...]) -> None:
    schema = json.loads(plan_schema())
    waves, servers = schema["$defs"]["Wave"], schema["$defs"]["Server"]["anyOf"][0]
    part = {"waves": waves, "protection_groups": servers}.get(pattern[0], schema)

    assert pattern[-1] not in part["properties"]
    assert "timeout" in waves["properties"]


def test_the_schema_holds_no_definition_that_nothing_uses() -> None:
    schema = plan_schema()

    assert {name for name in json.loads(schema)["$defs"] if f'"#/$defs/{name}"' not in schema} == set()
