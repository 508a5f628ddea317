"""Airflow's Variables in memory, with the calls that the project makes."""

from __future__ import annotations

import pytest


class Variables:
    """Stands for :mod:`drs_recovery.hooks.variables`."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}
        self.trouble: Exception | None = None
        self.calls: list[str] = []

    def _called(self, call: str) -> None:
        self.calls.append(call)
        if self.trouble is not None:
            raise self.trouble

    def variable_keys(self, prefix: str) -> list[str]:
        self._called("keys")
        return sorted(key for key in self.values if key.startswith(prefix))

    def read_variable(self, key: str) -> str | None:
        self._called("read")
        return self.values.get(key)

    def write_variable(self, key: str, value: str, description: str) -> None:
        self._called("write")
        assert description
        self.values[key] = value

    def delete_variable(self, key: str) -> None:
        self._called("delete")
        del self.values[key]


def variables_in_memory(monkeypatch: pytest.MonkeyPatch) -> Variables:
    """Let the plans of live executions be kept in memory."""
    found = Variables()
    for name in ("variable_keys", "read_variable", "write_variable", "delete_variable"):
        monkeypatch.setattr(f"drs_recovery.opening.live_plans.{name}", getattr(found, name))
    return found
