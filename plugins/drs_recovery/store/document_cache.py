"""Execution documents for a pass over many executions: each is read once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drs_recovery.exceptions import ExecutionNotFoundError
from drs_recovery.store.executions import ExecutionStore


class Documents:
    """
    Read documents as a pass needs them.

    :param store: the execution store.
    """

    def __init__(self, store: ExecutionStore) -> None:
        self._store = store
        self._read: dict[str, Mapping[str, Any] | None] = {}

    def get(self, execution_id: str) -> Mapping[str, Any] | None:
        """The document as it was when it was needed first; None if there is no record."""
        if execution_id not in self._read:
            try:
                self._read[execution_id] = self._store.get_document(execution_id)
            except ExecutionNotFoundError:
                self._read[execution_id] = None
        return self._read[execution_id]

    def forget(self) -> None:
        """Read all anew from now on."""
        self._read.clear()
