"""
The plans of live executions, kept where the parse of the DAG file can read them without AWS.

Airflow runs what the DAG file says now: a task that is not in it any more is taken out of the runs that are
under way. So the DAG file must know with which plans they were opened, whatever became of the plan files.

One Airflow Variable an execution: whoever writes one never touches that of another. A parse asks once for
their names. These tell the DAG and the version of the plan already; what is in a Variable is read only where
that version is not the one of the file.
"""

from __future__ import annotations

import base64
import json
import logging
import time
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from drs_recovery.hooks import delete_variable, read_variable, variable_keys, write_variable
from drs_recovery.plan import RecoveryPlan, plan_from_snapshot
from drs_recovery.statuses import ExecutionType

if TYPE_CHECKING:
    from drs_recovery.store import Execution, ExecutionRecord

PREFIX = "drs_recovery_live."

_DESCRIPTION = "Plan of a live execution. Its DAG is built from it; housekeeping removes it."

# Behind the last task of a run: the scheduler must find its tasks until it has ended the run.
AFTERGLOW_SECONDS = 60.0

# Enough to tell the versions of one plan apart; the name of a Variable may have 250 characters.
_VERSION_LENGTH = 16

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class KeptPlan:
    """A kept plan, as far as the name of its Variable tells."""

    dag_id: str
    version: str
    execution_id: str

    @property
    def key(self) -> str:
        """Name of the Variable."""
        return f"{PREFIX}{self.dag_id}.{self.version}.{self.execution_id}"


@dataclass(frozen=True)
class LivePlan:
    """
    A kept plan as it was read.

    :param submitted: when the execution was opened, epoch seconds.
    :param ended: when it had ended, epoch seconds; None while it lives.
    """

    plan: RecoveryPlan
    is_recovery: bool
    submitted: float
    dag_run_id: str
    ended: float | None = None

    def counts(self, now: float) -> bool:
        """Whether the DAG needs the tasks of this plan."""
        return self.ended is None or now < self.ended + AFTERGLOW_SECONDS


def version_of(plan_hash: str) -> str:
    """The beginning of a plan's digest, which tells the versions of a plan apart."""
    return plan_hash[:_VERSION_LENGTH]


def keep_plan(execution: ExecutionRecord, ended: float | None = None) -> None:
    """
    Keep the plan of an execution until it has ended. Never raises: housekeeping tries again.

    :param ended: when it has ended, epoch seconds: from then on the plan is kept for a moment only.
    """
    value = {
        "dagRunId": execution["dagRunId"],
        "executionType": execution["executionType"],
        "submittedTime": float(execution["submittedTime"]),
        "endedTime": ended,
        "plan": _packed(execution["planSnapshot"]),
    }
    try:
        write_variable(_kept(execution).key, json.dumps(value), _DESCRIPTION)
    except Exception as error:  # whatever Airflow raises: nobody's recovery depends on it by itself
        log.warning("execution %s: its plan is not kept: %s", execution["executionId"], error)


def delete_plan(kept: KeptPlan) -> None:
    """Keep a plan no longer."""
    delete_variable(kept.key)


def kept_plans(dag_id: str | None = None) -> list[KeptPlan]:
    """
    Ask Airflow which plans are kept, in one query.

    :param dag_id: only those of this DAG.
    :raises Exception: Airflow cannot be asked.
    """
    keys = variable_keys(f"{PREFIX}{dag_id}." if dag_id else PREFIX)
    parts = (key.removeprefix(PREFIX).split(".") for key in keys)
    return [KeptPlan(*names) for names in parts if len(names) == 3]


def read_plan(kept: KeptPlan) -> LivePlan | None:
    """Read a kept plan; None if it is gone, or cannot be read."""
    try:
        value = json.loads(read_variable(kept.key) or "")
        return LivePlan(
            plan=plan_from_snapshot(_unpacked(value["plan"])),
            is_recovery=value["executionType"] == ExecutionType.RECOVERY,
            submitted=float(value["submittedTime"]),
            dag_run_id=value["dagRunId"],
            ended=value["endedTime"],
        )
    except Exception as error:  # whatever is wrong with one of them, the DAGs of all others are built
        log.warning("Variable %s cannot be read: %s", kept.key, error)
        return None


def versions_needed(kept: Iterable[KeptPlan], current: RecoveryPlan | None) -> tuple[RecoveryPlan, ...]:
    """
    The versions of a plan from which its DAG is built, those that decide first.

    A real recovery goes first and keeps its DAG to itself: nothing else of the plan may start beside it.
    Beside a drill a recovery may start, of the plan as the file has it now, and must find its tasks.

    :param kept: what is kept of the plan's DAG.
    :param current: the plan as its file has it; None if that is broken or gone.
    """
    kept = list(kept)
    if current is not None and all(one.version == version_of(current.digest()) for one in kept):
        return (current,)
    now = time.time()
    live = [found for found in map(read_plan, kept) if found is not None and found.counts(now)]
    live.sort(key=lambda one: (not one.is_recovery, one.submitted))
    plans = [one.plan for one in live]
    if current is not None and not any(one.is_recovery for one in live):
        plans.append(current)
    return tuple(plans)


def _kept(execution: Execution) -> KeptPlan:
    return KeptPlan(execution["dagId"], version_of(execution["planHash"]), execution["executionId"])


def _packed(snapshot: Mapping[str, Any]) -> str:
    text = json.dumps(snapshot, default=float, separators=(",", ":"))
    return base64.b64encode(zlib.compress(text.encode())).decode()


def _unpacked(packed: str) -> dict[str, Any]:
    snapshot: dict[str, Any] = json.loads(zlib.decompress(base64.b64decode(packed)))
    return snapshot
