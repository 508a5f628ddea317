"""The options of an execution, as people and programs give them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.sdk import Param

from drs_recovery.statuses import ExecutionType

if TYPE_CHECKING:
    from drs_recovery.plan import RecoveryPlan


def trigger_form(plan: RecoveryPlan | None) -> dict[str, Param]:
    """
    The options of an execution, as Airflow's trigger form and REST API offer them.

    :param plan: its wave names are in the form's explanations; None if it is broken.
    """
    waves = plan.waves if plan else ()
    names = ", ".join(f"{number} ({wave.name})" for number, wave in enumerate(waves, start=1))
    return {
        "execution_type": Param(
            ExecutionType.DRILL.value,
            type="string",
            enum=[entry.value for entry in ExecutionType],
            description="DRILL launches test instances; RECOVERY is real and asks for approval first.",
        ),
        "ticket": Param(
            None, type=["null", "string"], maxLength=256, description="Id in your ticketing tool."
        ),
        "reason": Param(None, type=["null", "string"], maxLength=1024, description="Why this is started."),
        "waves": Param(
            None,
            type=["null", "array"],
            items={"type": ["integer", "string"]},
            description=f"Only these waves, by number or name, of {names}. Empty: all.",
        ),
        "point_in_time": Param(
            None,
            type=["null", "string", "object"],
            description="From when the data shall be: 'latest', a UTC time such as 2025-01-31T03:00:00Z (the "
            'newest snapshots not after it), or {"s-…": "pit-…"} for some servers. Empty: as the plan says.',
        ),
        "keep_instances": Param(
            False, type="boolean", description="The drill's instances stay until you terminate them."
        ),
        "dry_run": Param(False, type="boolean", description="Check everything, launch nothing."),
        "replace_execution": Param(
            None,
            type=["null", "string"],
            maxLength=1024,
            description="Of a RECOVERY: id of the execution whose instances in use it may end; they are lost "
            "with what is on them. Empty: it is refused where instances are in use.",
        ),
    }
