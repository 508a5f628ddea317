"""What EC2 says of an execution's instances, read again when people decide on it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from typing import Any

from drs_recovery.hooks.clients import Clients
from drs_recovery.hooks.errors import describe
from drs_recovery.store.executions import ExecutionStore
from drs_recovery.waves.enrichment import InstanceEnricher

# A question is put in spite of an AWS that does not answer.
_PATIENCE = 20.0

THREAD = "drs-recovery-refresh"
"""Name of the thread that reads."""

log = logging.getLogger(__name__)


def refresh_details(
    store: ExecutionStore, document: Mapping[str, Any], patience: float = _PATIENCE
) -> dict[str, Any]:
    """
    Read the details of every recorded instance again, as far as AWS answers in time.

    :param store: the execution store.
    :param document: the execution document.
    :param patience: seconds after which it is left at what is on record.
    :return: the document as it is then.
    """
    launched = [wave["waveNumber"] for wave in document["waves"] if wave["jobs"]]
    if not launched:
        return dict(document)
    # A daemon: the task goes on, and ends, without an answer that comes too late.
    arguments = (store, document["executionId"], launched)
    thread = threading.Thread(target=_refresh, args=arguments, daemon=True, name=THREAD)
    thread.start()
    thread.join(patience)
    return store.get_document(document["executionId"])


def _refresh(store: ExecutionStore, execution_id: str, numbers: list[int]) -> None:
    enricher = InstanceEnricher(store, Clients(), patience=0)
    for number in numbers:
        try:
            enricher.note(execution_id, number, again=True)
        except Exception as error:  # whatever it is, the question is put
            log.warning("wave %s: its instances are not looked at again: %s", number, describe(error))
