"""What some tests need of the machine: skipped without it, but never in continuous integration."""

from __future__ import annotations

import os

import pytest


def need(found: object, what: str) -> None:
    """
    Skip the running test where something is missing; in continuous integration (``CI=true``) it fails.

    :param found: true when it is there.
    :param what: what is needed and how to get it.
    """
    if found:
        return
    if os.environ.get("CI", "").lower() == "true":
        pytest.fail(f"continuous integration must have it: {what}", pytrace=False)
    pytest.skip(what)
