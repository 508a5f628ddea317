"""An execution that another Airflow installation controls is shown here, and acted on there."""

from __future__ import annotations

from typing import Any

import pytest

from drs_recovery.store import WaveRef
from drs_recovery.store.executions import ExecutionStore
from tests.integration.web.conftest import Console
from tests.integration.web.html_page import read_page
from tests.integration.web.on_record import begun

SENTENCE = "This execution belongs to the Airflow installation graz: act there."

ACTIONS: dict[str, dict[str, Any]] = {
    "approve": {"wave": 1},
    "reject": {"wave": 1},
    "decide": {"wave": 1, "decision": "STOP"},
    "answer": {"wave": 1, "side": "before", "step": 1, "decision": "DONE"},
    "retry": {"wave": 1},
    "cancel": {"reason": "wrong plan"},
    "terminate": {},
}


@pytest.fixture
def theirs(store: ExecutionStore, known_dags: None, monkeypatch: pytest.MonkeyPatch) -> str:
    """An execution that waits at a gate, in another installation than the console's."""
    monkeypatch.setenv("AIRFLOW__DRS_RECOVERY__INSTALLATION", "vienna")
    recovery = begun(store, controller="graz")
    store.gates.open(WaveRef(recovery.id, 1), "start?", [])
    return recovery.id


@pytest.mark.parametrize("action", ACTIONS)
def test_each_action_is_refused_and_says_where_to_act(
    console: Console, store: ExecutionStore, theirs: str, action: str
) -> None:
    before = store.get_document(theirs), store.get_events(theirs)

    answer = console.post(f"/api/v1/executions/{theirs}/actions/{action}", ACTIONS[action])

    assert (answer.status_code, answer.json()["detail"]) == (409, SENTENCE)
    assert (store.get_document(theirs), store.get_events(theirs)) == before


def test_the_page_shows_it_and_offers_nothing(console: Console, theirs: str) -> None:
    found = read_page(console, f"/executions/{theirs}")

    assert "This execution belongs to the Airflow installation graz" in found.text
    assert "Approve" not in found.text
