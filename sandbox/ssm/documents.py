"""Documents of Systems Manager: those that moto keeps, and some of AWS's own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from moto.ssm.exceptions import InvalidDocument, InvalidDocumentVersion, SSMException
from moto.ssm.models import Document, Documents, SimpleSystemManagerBackend, ssm_backends

_STRINGS, _STRING = "StringList", "String"


def _shell(script: str) -> dict[str, Any]:
    parameters = {
        "commands": {"type": _STRINGS},
        "workingDirectory": {"type": _STRING, "default": ""},
        "executionTimeout": {"type": _STRING, "default": "3600"},
    }
    return {
        "schemaVersion": "2.2",
        "description": "Run commands on an instance.",
        "parameters": parameters,
        "mainSteps": [{"action": script, "name": script.removeprefix("aws:")}],
    }


def _automation(*steps: str) -> dict[str, Any]:
    return {
        "schemaVersion": "0.3",
        "description": "Change the state of instances.",
        "parameters": {
            "InstanceId": {"type": _STRINGS},
            "AutomationAssumeRole": {"type": _STRING, "default": ""},
        },
        "mainSteps": [{"name": step, "action": "aws:changeInstanceState"} for step in steps],
    }


# Document type and content of AWS's own documents.
_OF_AWS: Mapping[str, tuple[str, dict[str, Any]]] = {
    "AWS-RunShellScript": ("Command", _shell("aws:runShellScript")),
    "AWS-RunPowerShellScript": ("Command", _shell("aws:runPowerShellScript")),
    "AWS-StartEC2Instance": ("Automation", _automation("startInstances")),
    "AWS-StopEC2Instance": ("Automation", _automation("stopInstances")),
    "AWS-RestartEC2Instance": ("Automation", _automation("stopInstances", "startInstances")),
}


def use_documents_of_aws() -> None:
    """Let moto know the documents that AWS has in every account."""
    theirs = SimpleSystemManagerBackend._get_documents

    def found(backend: SimpleSystemManagerBackend, name: str) -> Documents:
        return _of_aws(name) if name in _OF_AWS else theirs(backend, name)

    SimpleSystemManagerBackend._get_documents = found  # type: ignore[method-assign,assignment]


@cache
def _of_aws(name: str) -> Documents:
    document_type, content = _OF_AWS[name]
    document = Document(  # type: ignore[abstract]  # as concrete as moto's own
        account_id="Amazon",
        name=name,
        version_name="",
        content=json.dumps(content),
        document_type=document_type,
        document_format="JSON",
        requires=[],
        attachments=[],
        target_type="",
    )
    return Documents(document)


def document_of(
    account: str, region: str, name: str, version: str | None, document_type: str
) -> Document | None:
    """
    A document that can be run.

    :param name: or its ARN.
    :param version: a number, ``$LATEST`` or ``$DEFAULT``, which is also what None means.
    :returns: None if there is none of this type.
    :raises InvalidDocumentVersion: if it has no such version.
    """
    try:
        documents = ssm_backends[account][region]._get_documents(name.rpartition("/")[2])
    except InvalidDocument:
        return None
    if documents.get_default_version().document_type != document_type:
        return None
    match version:
        case None | "$DEFAULT":
            return documents.get_default_version()
        case "$LATEST":
            return documents.get_latest_version()
    found = documents.find_by_version(version)
    if found is None:
        raise InvalidDocumentVersion(f"Document {name} has no version {version}.")
    return found


def filled_parameters(
    document: Document, given: Mapping[str, list[str]], refusal: str
) -> dict[str, list[str]]:
    """
    Check the parameters of a run, and fill the defaults in.

    :param refusal: code of the error for parameters that do not fit.
    :raises SSMException: naming what is wrong.
    """
    declared: Mapping[str, Mapping[str, Any]] = document.content_json.get("parameters") or {}
    if unknown := sorted(set(given) - set(declared)):
        raise SSMException(refusal, f"Document {document.name} has no parameter {', '.join(unknown)}.")
    missing = [name for name, about in declared.items() if "default" not in about and not given.get(name)]
    if missing:
        raise SSMException(refusal, f"Document {document.name} needs {', '.join(missing)}.")
    for name, values in given.items():
        wanted = declared[name].get("type", _STRING)
        if wanted in (_STRING, "Boolean", "Integer") and len(values) != 1:
            raise SSMException(refusal, f"Parameter {name} takes one value, not {len(values)}.")
    defaults = {name: about["default"] for name, about in declared.items() if "default" in about}
    filled = {name: value if isinstance(value, list) else [str(value)] for name, value in defaults.items()}
    return {**filled, **given}
