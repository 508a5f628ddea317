"""The JSON Schema of plan files, made from the models, with which editors complete and check a plan."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from drs_recovery.plan.model import RecoveryPlan
from drs_recovery.plan.parts import Pause, RecoveryApproval, Server
from drs_recovery.plan.rules import NOT_SUPPORTED_YET
from drs_recovery.plan.success_rule import SuccessRule

# Required in the models, but the loader knows a default: the file's name, the plan's id, the plan's region.
_DEFAULTED = {"RecoveryPlan": ("id", "name"), "ProtectionGroup": ("region",)}


class _FileSchema(GenerateJsonSchema):
    """Describes what people write: no nulls, and short forms where the loader takes them."""

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        """Leave out null, which files may not hold."""
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        """Keep defaults that a person could write: no nulls, no empty lists, no whole parts."""
        described = super().default_schema(schema)
        default = described.get("default")
        if not default or isinstance(default, dict):
            described.pop("default", None)
        return described

    def encode_default(self, dflt: Any) -> Any:
        """Show a rule of success as in a file."""
        return str(dflt) if isinstance(dflt, SuccessRule) else super().encode_default(dflt)

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        """Add the short form of a model, if it has one."""
        described = super().model_schema(schema)
        defaulted = _DEFAULTED.get(schema["cls"].__name__, ())
        described["required"] = [key for key in described.get("required", ()) if key not in defaulted]
        if schema["cls"] is Server:
            return {"anyOf": [described, described["properties"]["id"]]}
        if schema["cls"] in (Pause, RecoveryApproval):
            return {"anyOf": [described, {"type": "boolean"}]}
        return described


def plan_schema() -> str:
    """The schema as the text of its file, the same at every call."""
    schema = RecoveryPlan.model_json_schema(schema_generator=_FileSchema)
    for *parents, key in NOT_SUPPORTED_YET:
        # An editor offers what the schema has, and these the loader refuses.
        del _resolved(schema, _at(schema, parents))["properties"][key]
    _drop_unused_definitions(schema)
    titled = {
        "$schema": GenerateJsonSchema.schema_dialect,
        **schema,
        "title": "Recovery plan",
        "description": "A recovery plan for AWS Elastic Disaster Recovery; one plan a file.",
    }
    return json.dumps(titled, indent=2, ensure_ascii=False) + "\n"


def _drop_unused_definitions(schema: dict[str, Any]) -> None:
    definitions = schema["$defs"]
    while unused := [name for name in definitions if f'"#/$defs/{name}"' not in json.dumps(schema)]:
        for name in unused:
            del definitions[name]


def _at(schema: dict[str, Any], pattern: Sequence[str]) -> dict[str, Any]:
    """The part of a schema that describes a place; ``*`` is any key or index."""
    current = schema
    for step in pattern:
        current = _resolved(schema, current)
        if step == "*":
            current = current.get("items") or current["additionalProperties"]
        else:
            current = current["properties"][step]
    return current


def _resolved(schema: dict[str, Any], part: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in part:
        part = schema["$defs"][part["$ref"].rpartition("/")[2]]
    return _resolved(schema, part["anyOf"][0]) if "anyOf" in part else part
