"""Functions: those of moto, which learn whether they are durable, and an easy way to add one."""

from __future__ import annotations

import base64
import functools
import io
import json
import re
import zipfile
from collections.abc import Mapping
from typing import Any

from moto.awslambda.models import LambdaFunction
from moto.awslambda.utils import get_backend
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.iam.models import iam_backends

from sandbox.fields import Field, count, filled, flag, text

_ROLE = "sandbox-function"
_FIELDS: Mapping[str, Field] = {
    "name": Field(
        lambda value: isinstance(value, str) and re.fullmatch(r"[\w-]{1,64}", value) is not None,
        "up to 64 letters, digits, - and _",
        required=True,
    ),
    "region": text("us-east-1"),
    "account": text(DEFAULT_ACCOUNT_ID),
    "timeout": count(900),
    "durable": flag(),
}


class FunctionRefusedError(ValueError):
    """A described function has an unknown key or a value that does not fit."""


def add_function(description: Any) -> str:
    """
    Add a function, and return its ARN.

    :param description: ``name``, and any other of the keys with a default.
    :raises FunctionRefusedError: naming what is wrong.
    """
    if not isinstance(description, Mapping):
        raise FunctionRefusedError(f"a function is an object, not {description!r}")
    values, problems = filled(_FIELDS, description)
    if problems:
        raise FunctionRefusedError(f"function {description.get('name')}: " + "; ".join(problems))
    account = values["account"]
    spec: dict[str, Any] = {
        "FunctionName": values["name"],
        "Role": _role(account),
        "Runtime": "python3.13",
        "Handler": "main.handler",
        "Timeout": values["timeout"],
        "Code": {"ZipFile": _code()},
    }
    if values["durable"]:
        spec["DurableConfig"] = {"ExecutionTimeout": values["timeout"], "RetentionPeriodInDays": 14}
    return str(get_backend(account, values["region"]).create_function(spec).function_arn)


def use_durable_functions() -> None:
    """Let moto's functions keep their ``DurableConfig``, and tell it."""
    made, told = LambdaFunction.__init__, LambdaFunction.get_configuration

    @functools.wraps(made)
    def make(function: Any, account_id: str, spec: dict[str, Any], *args: Any, **kwargs: Any) -> None:
        made(function, account_id, spec, *args, **kwargs)
        function.durable_config = spec.get("DurableConfig")

    @functools.wraps(told)
    def tell(function: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        durable = {"DurableConfig": function.durable_config} if function.durable_config else {}
        return {**told(function, *args, **kwargs), **durable}

    LambdaFunction.__init__ = make  # type: ignore[method-assign,assignment]
    LambdaFunction.get_configuration = tell  # type: ignore[method-assign,assignment]


def _role(account: str) -> str:
    backend = iam_backends[account]["aws"]
    for role in backend.get_roles():
        if role.name == _ROLE:
            return str(role.arn)
    role = backend.create_role(_ROLE, json.dumps({}), "/", None, "", [], "3600")
    return str(role.arn)


@functools.cache
def _code() -> str:
    """An archive with an empty module, which is never run."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("main.py", "")
    return base64.b64encode(content.getvalue()).decode()
