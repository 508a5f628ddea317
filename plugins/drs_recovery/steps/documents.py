"""Documents of Systems Manager that steps run: whether they are there, and what it takes to run them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from drs_recovery.steps.kind import AwsClients

SHELL, POWERSHELL = "AWS-RunShellScript", "AWS-RunPowerShellScript"
"""AWS's own documents that run lines of a script."""


def missing_document(
    clients: AwsClients, region: str, document: str, version: str | None = None
) -> str | None:
    """That there is no such document, in a sentence; None if there is."""
    if clients.ssm.has_document(document, version):
        return None
    of_version = f" version {version} of" if version else ""
    return f"Systems Manager has no{of_version} document {document} in {region}"


def document_arn(document: str, arn: Callable[[str, str], str]) -> str:
    """
    ARN of a document.

    :param document: name or ARN; those of AWS, which alone begin with AWS, have no account.
    :param arn: makes ARNs in a place, of a service and of a resource.
    """
    if document.startswith("arn:"):
        return document
    made = arn("ssm", f"document/{document}")
    if not document.startswith("AWS"):
        return made
    head, _, tail = made.rpartition(":")
    return f"{head.rpartition(':')[0]}::{tail}"
