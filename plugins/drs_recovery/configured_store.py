"""The execution store that the settings name."""

from __future__ import annotations

from drs_recovery import settings
from drs_recovery.configured_clients import dynamodb_client, hasty_dynamodb_client
from drs_recovery.store import ExecutionsTable, ExecutionStore

# Seconds. With the time of one more request it is less than the browser waits for an answer: 15 s, live.js.
_HASTY_PATIENCE = 8.0


def execution_store(*, hasty: bool = False) -> ExecutionStore:
    """Open the configured store; nothing is sent to AWS before the first read or write."""
    name = settings.executions_table_name()
    if hasty:
        return ExecutionStore(ExecutionsTable(hasty_dynamodb_client(), name, _HASTY_PATIENCE))
    return ExecutionStore(ExecutionsTable(dynamodb_client(), name))
