"""Examples of actions: what is sent, and what is answered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drs_recovery.web.allowed_actions import ActionKind
from drs_recovery.web.api.examples_execution import EXECUTION_ID

_TAKEN = {"executionId": EXECUTION_ID, "time": 1795275242.977, "dagRunId": "CHG0030042"}
_TERMINATING_RUN = f"console-{EXECUTION_ID}-all-0"

SENT: Mapping[ActionKind, dict[str, Any]] = {
    ActionKind.APPROVE: {"wave": 2, "comment": "row counts match"},
    ActionKind.REJECT: {"wave": 2, "comment": "table ORDERS is empty"},
    ActionKind.DECIDE: {"wave": 2, "decision": "RETRY", "comment": "capacity is back"},
    ActionKind.CANCEL: {"reason": "wrong plan"},
    ActionKind.RETRY: {"wave": 2, "reason": "capacity is back"},
    ActionKind.TERMINATE: {"confirmation": "three-tier-crm"},
}


def _taken(kind: ActionKind, actor: str, outcome: str, **more: Any) -> dict[str, Any]:
    about = {"wave": SENT[kind]["wave"]} if kind.is_about_wave else {}
    return {"action": kind, "outcome": outcome, "actor": actor, **_TAKEN, **about, **more}


TAKEN: Mapping[ActionKind, dict[str, Any]] = {
    example["action"]: example
    for example in (
        _taken(
            ActionKind.APPROVE,
            "dba-lead",
            'Airflow has taken your approval of wave 2 "Application": the wave starts within seconds.',
        ),
        _taken(
            ActionKind.REJECT,
            "dba-lead",
            'Airflow has taken your rejection of wave 2 "Application": the wave does not start, and the '
            "execution ends when what runs has ended.",
        ),
        _taken(
            ActionKind.DECIDE,
            "dba-lead",
            'Airflow has taken your decision about wave 2 "Application": the failed servers get a new job '
            "within seconds, launched ones stay as they are.",
        ),
        _taken(
            ActionKind.CANCEL,
            "admin",
            "Nothing more starts. One DRS job still runs: it is followed to its end.",
        ),
        _taken(
            ActionKind.RETRY,
            "admin",
            'Attempt 2 at wave 2 "Application" is asked for: it begins within seconds, for the servers that '
            "failed or were never started.",
        ),
        _taken(
            ActionKind.TERMINATE,
            "dr-lead",
            "The termination of what is left (2 on record) is asked for. It is gone when the "
            "record says so, usually within minutes; until then it costs money.",
            dagRunId=_TERMINATING_RUN,
        ),
    )
}
