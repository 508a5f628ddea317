"""The stack of the end-to-end tests, which is the Airflow that is lost."""

from __future__ import annotations

from tests.e2e.conftest import drills, pytest_runtest_makereport, stack

__all__ = ["drills", "pytest_runtest_makereport", "stack"]
