"""The JSON Schema of plan files, made from the models, with which editors complete and check a plan."""

from __future__ import annotations

import json
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from drs_recovery.plan.model import RecoveryPlan
from drs_recovery.plan.parts import Pause, RecoveryApproval, Server
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
    titled = {
        "$schema": GenerateJsonSchema.schema_dialect,
        **schema,
        "title": "Recovery plan",
        "description": "A recovery plan for AWS Elastic Disaster Recovery; one plan a file.",
    }
    return json.dumps(titled, indent=2, ensure_ascii=False) + "\n"
