"""The JSON Schema agrees with the loader."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from drs_recovery.plan.json_schema import plan_schema
from drs_recovery.plan.loader import plan_files
from drs_recovery.plan.step_kinds import step_kinds
from drs_recovery.plan.steps import Step
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
        FULL,
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


def test_the_schema_offers_each_kind_of_step_and_none_that_is_refused() -> None:
    offered = set(json.loads(plan_schema())["$defs"]["Step"]["properties"])

    assert offered == {*Step.model_fields, *step_kinds()}


def test_the_schema_holds_no_definition_that_nothing_uses() -> None:
    schema = plan_schema()

    assert {name for name in json.loads(schema)["$defs"] if f'"#/$defs/{name}"' not in schema} == set()
