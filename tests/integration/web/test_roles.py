"""What each role of Airflow's simple auth manager is offered on a page, and what the server lets it do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from drs_recovery.plan.model import RecoveryPlan
from drs_recovery.statuses import ExecutionStatus
from drs_recovery.store import WaveRef
from drs_recovery.store.executions import ExecutionStore
from tests.integration.web.conftest import Console
from tests.integration.web.markup import Page
from tests.integration.web.test_api_executions import opened
from tests.plan_documents import application, database, plan
from tests.unit.store.conftest import Recovery

BODIES: dict[str, dict[str, Any]] = {
    "approve": {"wave": 2},
    "reject": {"wave": 2},
    "decide": {"wave": 1, "decision": "STOP"},
    "answer": {"wave": 1, "side": "before", "step": 1, "decision": "DONE"},
    "cancel": {"reason": "wrong plan"},
    "retry": {"wave": 1},
    "terminate": {},
}
ACTING_ROLES = ("user", "op", "admin")


def started(store: ExecutionStore) -> Recovery:
    """A drill whose first wave has launched."""
    document = RecoveryPlan.model_validate(plan(database(), application(pause_before=True)))
    recovery = Recovery(store)
    recovery.id = opened(store, plan_snapshot=document.model_dump(mode="json"))
    for number in (1, 2):
        store.add_servers(WaveRef(recovery.id, number), recovery.servers(number, 2))
    return recovery.start(1).launch(1)


def asking(store: ExecutionStore) -> str:
    recovery = started(store)
    store.waves.complete(WaveRef(recovery.id, 1))
    store.gates.open(WaveRef(recovery.id, 2), "Go?", [])
    return recovery.id


def failed(store: ExecutionStore) -> str:
    recovery = started(store)
    store.waves.fail(WaveRef(recovery.id, 1), "no capacity")
    store.ending.finalize(recovery.id, ExecutionStatus.FAILED)
    return recovery.id


STATES = pytest.mark.parametrize(
    ("state", "actions"),
    [(asking, {"approve", "reject", "cancel"}), (failed, {"retry", "terminate"})],
    ids=["asking", "failed"],
)


def offered(page: str) -> set[str]:
    """The actions that a page has a dialog or a button for."""
    source = Page(page).attributes
    return {kind for kind in BODIES if any(text == kind or text.startswith(f"do-{kind}") for text in source)}


@STATES
def test_who_may_trigger_the_plan_is_offered_what_can_be_done(
    console: Console, store: ExecutionStore, state: Callable[[ExecutionStore], str], actions: set[str]
) -> None:
    path = f"/executions/{state(store)}"

    for role in ACTING_ROLES:
        assert offered(console.get(path, role, html=True).text) == actions


@STATES
def test_a_viewer_is_offered_nothing_and_told_why(
    console: Console, store: ExecutionStore, state: Callable[[ExecutionStore], str], actions: set[str]
) -> None:
    answer = console.get(f"/executions/{state(store)}", "viewer", html=True)

    assert offered(answer.text) == set()
    assert not {"dialog", "fieldset", "textarea"} & set(Page(answer.text).tags)
    assert "You may view this plan, but not act on it" in answer.text


@STATES
def test_a_viewer_is_refused_whatever_they_send(
    console: Console, store: ExecutionStore, state: Callable[[ExecutionStore], str], actions: set[str]
) -> None:
    execution = state(store)
    before = store.get_document(execution)

    for kind, body in BODIES.items():
        refused = console.post(f"/api/v1/executions/{execution}/actions/{kind}", body, "viewer")
        assert (kind, refused.status_code) == (kind, 403)
        assert "the right to trigger recover_crm" in refused.json()["detail"]
    assert store.get_document(execution) == before


def test_what_somebody_may_not_see_they_cannot_act_on_either(
    console: Console, store: ExecutionStore, hidden_plan: str
) -> None:
    execution = opened(store, plan_id=hidden_plan)

    for kind, body in BODIES.items():
        refused = console.post(f"/api/v1/executions/{execution}/actions/{kind}", body, "op")
        assert (kind, refused.status_code) == (kind, 404)
        assert refused.json()["detail"] == f"there is no execution {execution} in the store"
