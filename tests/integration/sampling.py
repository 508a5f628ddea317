"""A reader of the store that looks at an execution all the time, as a console would."""

from __future__ import annotations

import threading
import time

from drs_recovery.exceptions import ExecutionNotFoundError
from drs_recovery.store.executions import ExecutionStore
from tests.witness import Witness

# Times the duration of a look: a reader that never rests would slow down what it looks at.
_REST = 3
# One slow reading, such as the first on a busy machine, must not let a short run pass unseen.
_LONGEST_REST = 0.2


class Sampler(threading.Thread):
    """
    Read one execution again and again and show each reading to a witness.

    :param store: the reader's own store.
    :param execution_id: the execution, which need not exist yet.
    """

    def __init__(self, store: ExecutionStore, execution_id: str) -> None:
        super().__init__(name="sampler", daemon=True)
        self._store, self._execution_id = store, execution_id
        self._enough = threading.Event()
        self.witness = Witness()
        self.statuses: list[str] = []
        self.error: Exception | None = None

    def run(self) -> None:
        """Read until told to stop."""
        try:
            took = 0.0
            while not self._enough.wait(min(_REST * took, _LONGEST_REST)):
                began = time.monotonic()
                self.look()
                took = time.monotonic() - began
        except Exception as error:
            self.error = error

    def look(self) -> None:
        """Read once."""
        try:
            document = self._store.get_document(self._execution_id)
        except ExecutionNotFoundError:
            return
        self.witness.look(document)
        if document["status"] not in self.statuses[-1:]:
            self.statuses.append(document["status"])

    def stop(self) -> None:
        """Read a last time."""
        self._enough.set()
        self.join()
        if self.error is not None:
            raise AssertionError("the store could not be read") from self.error
        self.look()
