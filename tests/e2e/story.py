"""What a stack has to say when a test fails: its records, the ends of its logs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from devstack.errors import DevstackError
from devstack.processes import last_lines
from devstack.records import open_store
from devstack.stack import Stack
from drs_recovery.store.executions import ExecutionStore
from tests.history import told

# The newest of each are told.
_EXECUTIONS, _TASK_LOGS = 6, 8


def story_of(stack: Stack) -> list[tuple[str, str]]:
    """
    Tell what a stack did, as titles and texts.

    :param stack: the stack; it may be in any state.
    """
    return [*_records(stack), *_process_logs(stack), *_task_logs(stack)]


def _records(stack: Stack) -> Iterator[tuple[str, str]]:
    try:
        store = open_store(stack.state.sandbox_url)
        for execution in store.listings.page(limit=_EXECUTIONS).items:
            yield f"{execution['planId']} {execution['dagRunId']}", _told(store, execution["executionId"])
    # Whatever is wrong with the stack must not hide the test's own failure.
    except Exception as error:
        yield "records", f"cannot be read: {error!r}"


def _told(store: ExecutionStore, execution_id: str) -> str:
    document = store.get_document(execution_id)
    lines = [f"{execution_id} {document['status']} {document['progress']} error: {document.get('error')}"]
    for wave in document["waves"]:
        jobs = [(job["jobId"], job["status"]) for job in wave["jobs"]]
        lines.append(f"  wave {wave['waveNumber']} {wave['status']} {wave.get('statusReason', '')} {jobs}")
        lines += [
            f"    {server['sourceServerId']} {server['phase']} {server['launchStatus']} "
            f"{server.get('instanceId')} {server.get('error', '')}"
            for server in wave["serverStatuses"]
        ]
    return "\n".join([*lines, told(store.get_events(execution_id))])


def _process_logs(stack: Stack) -> Iterator[tuple[str, str]]:
    try:
        processes = stack.state.processes
    except DevstackError as error:
        yield "processes", str(error)
        return
    for record in processes:
        yield f"log of {record.name}", last_lines(record.log)


def _task_logs(stack: Stack) -> Iterator[tuple[str, str]]:
    logs = stack.layout.task_logs
    newest = sorted(logs.glob("dag_id=*/**/*.log*"), key=lambda log: log.stat().st_mtime)[-_TASK_LOGS:]
    for log in newest:
        yield f"log of {_name(log, logs)}", last_lines(log, 12)


def _name(log: Path, logs: Path) -> str:
    return str(log.relative_to(logs))
