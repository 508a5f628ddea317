"""The OpenAPI document: complete, with examples that are what they say."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from drs_recovery.web.api.openapi import described
from drs_recovery.web.app import create_app
from tests.integration.web.conftest import Console

DOCUMENT = described(create_app(), "/recovery")
EVERYWHERE = {"401", "422", "500", "503"}


OPERATIONS = {
    f"{method} {path}": operation
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
}
every_operation = pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)


def contents(operation: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every content that an operation takes or answers, with what it is."""
    if "requestBody" in operation:
        yield "body", operation["requestBody"]
    for status, answer in operation["responses"].items():
        if status != "304":
            yield status, answer


def problems_of(value: Any, schema: dict[str, Any]) -> list[str]:
    whole = {**schema, "components": DOCUMENT["components"]}
    checker = Draft202012Validator(whole, format_checker=FormatChecker())
    return [error.message for error in checker.iter_errors(value)]


@every_operation
def test_every_content_has_an_example_that_fits_its_schema(operation: dict[str, Any]) -> None:
    for what, content in contents(operation):
        for described_content in content["content"].values():
            assert "example" in described_content, what
            assert problems_of(described_content["example"], described_content["schema"]) == [], what


@every_operation
def test_every_operation_says_how_it_can_fail(operation: dict[str, Any]) -> None:
    failures = {status for status in operation["responses"] if status >= "400"}

    assert failures >= EVERYWHERE
    for status in failures:
        [(media_type, content)] = operation["responses"][status]["content"].items()
        assert media_type == "application/problem+json"
        assert content["example"]["status"] == int(status)


@every_operation
def test_every_operation_is_told_in_words(operation: dict[str, Any]) -> None:
    assert operation["summary"]
    assert operation["description"]
    for parameter in operation.get("parameters", []):
        assert parameter["description"], parameter["name"]


def test_examples_of_fields_fit_their_schemas() -> None:
    for name, schema in DOCUMENT["components"]["schemas"].items():
        for field, described_field in schema.get("properties", {}).items():
            for example in described_field.get("examples", []):
                assert problems_of(example, described_field) == [], f"{name}.{field}"


def test_an_example_with_a_wrong_value_would_be_found() -> None:
    schema = {"$ref": "#/components/schemas/PlanList"}

    assert problems_of({"plans": [{"planId": 5}], "notices": []}, schema)


def test_whoever_is_logged_in_may_read_it(console: Console) -> None:
    answer = console.get("/api/v1/openapi.json", "viewer")

    assert answer.status_code == 200
    assert answer.json()["openapi"].startswith("3.1")
    assert answer.json()["servers"] == [{"url": "/recovery"}]
    assert set(answer.json()["paths"]) == set(DOCUMENT["paths"])


def test_operations_have_names_of_their_own() -> None:
    names = [operation["operationId"] for operation in OPERATIONS.values()]

    assert len(names) == len(set(names))
