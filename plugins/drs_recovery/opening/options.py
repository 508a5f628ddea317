"""What a person may choose when starting an execution: the DAG's params, read and checked."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from drs_recovery.opening.point_in_time import PointOption, read_point_option
from drs_recovery.plan import chosen_waves
from drs_recovery.statuses import ExecutionType

if TYPE_CHECKING:
    from drs_recovery.plan import RecoveryPlan

# Airflow's ``DagRunType`` of a run that the schedule started.
SCHEDULED = "scheduled"
OPTION_NAMES = (
    "execution_type",
    "ticket",
    "reason",
    "waves",
    "point_in_time",
    "keep_instances",
    "dry_run",
    "replace_execution",
)


@dataclass(frozen=True)
class RunOptions:
    """
    The choices for one execution.

    :param ticket: id in a ticketing tool, or None.
    :param reason: in a person's words, or None.
    :param keep_instances: never clean up the drill's instances by itself.
    :param point_in_time: from when the data shall be, for all servers or for some; None as the plan says.
    :param findings: what is wrong with the choices; an execution with any of these may not start.
    """

    execution_type: ExecutionType
    ticket: str | None
    reason: str | None
    waves: tuple[int, ...]
    keep_instances: bool
    dry_run: bool
    replaces: tuple[str, ...] = ()
    is_scheduled: bool = False
    point_in_time: PointOption = None
    findings: tuple[str, ...] = ()


def read_options(plan: RecoveryPlan, context: Mapping[str, Any]) -> RunOptions:
    """
    Read the options of a DAG run.

    Airflow ignores a key of ``conf`` that it does not know; here it is a finding, because a misspelt
    ``dry_run`` would launch servers. A run that the schedule started is a drill whatever its params say.
    """
    dag_run, params = context["dag_run"], context["params"]
    findings = [
        f"unknown option {key!r}, expected one of {', '.join(OPTION_NAMES)}"
        for key in sorted(set(dag_run.conf or {}) - set(OPTION_NAMES))
    ]
    execution_type = _execution_type(dag_run, params)
    return RunOptions(
        execution_type=execution_type,
        ticket=params["ticket"] or None,
        reason=params["reason"] or None,
        waves=_waves(plan, params["waves"], findings),
        keep_instances=bool(params["keep_instances"]),
        dry_run=bool(params["dry_run"]),
        replaces=_replaced(params.get("replace_execution"), execution_type, findings),
        is_scheduled=_is_scheduled(dag_run),
        point_in_time=_point_in_time(params.get("point_in_time"), findings),
        findings=tuple(findings),
    )


def _point_in_time(given: object, findings: list[str]) -> PointOption:
    try:
        return read_point_option(given)
    except ValueError as error:
        findings.append(str(error))
        return None


def _execution_type(dag_run: Any, params: Mapping[str, Any]) -> ExecutionType:
    return ExecutionType.DRILL if _is_scheduled(dag_run) else ExecutionType(params["execution_type"])


def _is_scheduled(dag_run: Any) -> bool:
    return bool(dag_run.run_type == SCHEDULED)


def replaced_executions(given: str) -> tuple[str, ...]:
    """
    Ids of the executions that the option names: who must replace what several have launched names them all.

    :param given: the option; ids with commas between.
    """
    return tuple(dict.fromkeys(name for name in re.split(r"[,\s]+", given) if name))


def _replaced(given: str | None, execution_type: ExecutionType, findings: list[str]) -> tuple[str, ...]:
    named = replaced_executions(given or "")
    if named and execution_type is not ExecutionType.RECOVERY:
        findings.append(
            f"replace_execution {given!r} is for a real recovery: a drill never ends instances in use, leave "
            "the option out"
        )
    return named


def _waves(plan: RecoveryPlan, chosen: Sequence[int | str] | None, findings: list[str]) -> tuple[int, ...]:
    names = {wave.name: number for number, wave in enumerate(plan.waves, start=1)}
    found = chosen_waves(names, chosen, findings)
    return tuple(names.values()) if found is None else found
