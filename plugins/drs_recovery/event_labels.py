"""What happened in an execution, in words."""

from __future__ import annotations

from collections.abc import Mapping
from string import Formatter
from typing import Any

# Names in braces are parts of the event's detail; what a sentence does not use is shown beside it.
EVENT_WORDS: Mapping[str, str] = {
    "EXECUTION_OPENED": "{executionType} opened",
    "POINTS_IN_TIME_CHOSEN": "Recovery snapshots chosen for servers {servers}",
    "PREFLIGHT": "Checked: {errors} errors, {warnings} warnings",
    "EXECUTION_ADMITTED": "Waves may start",
    "EXECUTION_ERROR": "Error",
    "EXECUTION_CANCELLING": "Being cancelled: nothing more is started",
    "EXECUTION_REOPENED": "Opened again for attempt {attempt} of wave {wave}",
    "EXECUTION_RECONCILED": "Its DAG run is gone: closed from outside",
    "EXECUTION_TAKEN_OVER": "Taken over by the Airflow installation {to} from {from}",
    "EXECUTION_MENDED": "Records that did not agree were mended: {mended}",
    "EXECUTION_REBUILDING": "Its record was lost: it is rebuilt from what DRS knows",
    "EXECUTION_REBUILT": "Its record is rebuilt",
    "WAVE_REBUILT": "Wave {wave} was started: DRS has jobs of it",
    "EXECUTION_COMPLETED": "Ended: COMPLETED",
    "EXECUTION_PARTIAL_SUCCESS": "Ended: PARTIAL_SUCCESS",
    "EXECUTION_FAILED": "Ended: FAILED",
    "EXECUTION_CANCELLED": "Ended: CANCELLED",
    "EXECUTION_SKIPPED": "Ended: SKIPPED, nothing was started",
    "DRILL_PREEMPTED": "A drill gives way to this recovery",
    "GATE_OPENED": "Wave {wave} waits for an answer",
    "GATE_UPDATED": "The question of wave {wave} was updated",
    "GATE_APPROVED": "Wave {wave} approved",
    "GATE_REJECTED": "Wave {wave} rejected",
    "GATE_TIMED_OUT": "The gate of wave {wave} timed out",
    "GATE_ANSWER_REFUSED": "An answer for wave {wave} does not count",
    "FAILURE_GATE_OPENED": "Wave {wave} failed: a decision is needed",
    "FAILURE_GATE_UPDATED": "The question about wave {wave} was updated",
    "FAILURE_GATE_RETRY": "The failed servers of wave {wave} are to be tried again",
    "FAILURE_GATE_CONTINUE": "The execution continues without wave {wave}",
    "FAILURE_GATE_STOP": "What depends on wave {wave} is not to start",
    "FAILURE_GATE_TIMED_OUT": "The question about wave {wave} timed out",
    "WAVE_BEGUN": "Wave {wave} begins",
    "WAVE_LAUNCHED": "Wave {wave}: every server has come to its end",
    "STEP_STARTED": "Wave {wave}: {name} begins, attempt {attempt}",
    "STEP_ASKED": "Wave {wave}: {name} waits for an answer",
    "STEP_ANSWER_DONE": "Wave {wave}: {name} is done",
    "STEP_ANSWER_COULD_NOT": "Wave {wave}: {name} could not be done",
    "STEP_ANSWER_RETRY": "Wave {wave}: {name} is to be tried again",
    "STEP_ANSWER_GO_ON": "Wave {wave} goes on without {name}",
    "STEP_ANSWER_STOP": "Wave {wave} stops at {name}",
    "STEP_ANSWER_TIMED_OUT": "Wave {wave}: the question of {name} timed out",
    "STEP_ANSWER_REFUSED": "Wave {wave}: an answer for {name} does not count",
    "STEP_SUCCEEDED": "Wave {wave}: {name} succeeded",
    "STEP_FAILED": "Wave {wave}: {name} failed",
    "STEP_TIMED_OUT": "Wave {wave}: {name} timed out",
    "STEP_CANCELLED": "Wave {wave}: {name} was cancelled",
    "STEP_UNKNOWN": "Wave {wave}: what became of {name} is not known",
    "STEPS_RESET": "Wave {wave}: new instances are to be proven: {steps}",
    "WAVE_REQUESTED": "Wave {wave} is to start",
    "WAVE_QUEUED": "Wave {wave} is queued for DRS capacity",
    "WAVE_POLLING": "Wave {wave}: every job is started",
    "WAVE_COMPLETED": "Wave {wave} completed",
    "WAVE_FAILED": "Wave {wave} failed",
    "WAVE_CANCELLED": "Wave {wave} cancelled",
    "WAVE_SKIPPED": "Wave {wave} skipped",
    "WAVE_RETRY_REQUESTED": "Attempt {attempt} of wave {wave} is to start",
    "WAVE_RETRIED": "Attempt {attempt} of wave {wave}: its servers are back at the start",
    "WAVES_REOPENED": "Waves {waves} may run after all, because wave {because} is tried again",
    "JOB_STARTED": "Wave {wave}: DRS job {jobId} started",
    "JOB_ADOPTED": "Wave {wave}: DRS job {jobId} found, started before",
    "JOB_IGNORED": "Wave {wave}: {jobId} is not adopted: {reason}",
    "TERMINATION_REQUESTED": "Its instances are to be terminated",
    "TERMINATION_POSTPONED": "Cleanup postponed: {reason}",
    "TERMINATION_JOB_STARTED": "DRS job {jobId} terminates instances",
    "TERMINATION_FAILED": "Not every instance could be terminated",
    "INSTANCES_SWEPT": "Instances without a server are terminated",
    "INSTANCE_FOUND_LATE": "An instance came up after the end",
    "INSTANCES_REPLACED": "A later launch of the servers replaces their instances: execution {by}",
    "INSTANCES_GONE": "Housekeeping found instances gone: {instances}",
    "INSTANCES_NOT_CHECKED": "Instances cannot be compared with AWS: {reason}",
    "INSTANCES_STILL_RUN": "Instances that were to be replaced still run: {instances}",
    "INSTANCES_TERMINATED": "Every instance is terminated",
    "NOTIFICATION_FAILED": "A message could not be sent",
    "METRIC_FAILED": "A metric could not be sent",
}


def in_words(event: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """Say what happened; an event that has no words here is shown by its name."""
    detail, words = event["detail"], EVENT_WORDS.get(event["event"])
    if words is not None:
        used = {name for _, name, _, _ in Formatter().parse(words) if name}
        if used <= set(detail):
            rest = {name: value for name, value in detail.items() if name not in used}
            return words.format_map({name: short(detail[name]) for name in used}), rest
    return event["event"].replace("_", " ").capitalize(), detail


def short(value: object) -> str:
    """
    A value of an event's detail; a list shows as long as it is short: a job can have a hundred servers.

    :param value: a list is counted if it is longer.
    """
    if not isinstance(value, list):
        return str(value)
    return ", ".join(map(str, value)) if len(value) <= 3 else f"({len(value)})"
