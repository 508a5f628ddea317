"""What tests of several steps need."""

from __future__ import annotations

import pytest

from sandbox.testing import Sandbox


@pytest.fixture
def one_job(aws: Sandbox) -> Sandbox:
    """A place in which one job may run at a time."""
    aws.control("PUT", "/quotas", {"jobs_in_progress": 1})
    return aws
