"""Records as the store writes them, and the page that is made of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from drs_recovery.web.allowed_actions import Rights
from drs_recovery.web.executions.page import ExecutionView, execution_view
from tests.unit.store.conftest import (
    Clock,
    Recovery,
    client,
    clock,
    new_client,
    opened,
    ready,
    recovery,
    running,
    stages,
    store,
    table,
)

__all__ = [
    "client",
    "clock",
    "new_client",
    "opened",
    "ready",
    "recovery",
    "running",
    "stages",
    "store",
    "table",
]

LEAD = Rights("dr-lead", "Dora Lead", may_act=True, may_terminate=True)
VIEWER = Rights("viewer", "viewer", may_act=False, may_terminate=False)

PageOf = Callable[..., ExecutionView]


@pytest.fixture
def page_of(clock: Clock) -> PageOf:
    """Makes the page of what was written down, for somebody, some seconds after the last change."""

    def page(recovery: Recovery, rights: Rights = LEAD, *, later: float = 0, **options: Any) -> ExecutionView:
        document = recovery.store.get_document(recovery.id)
        events = recovery.store.get_events(recovery.id)
        return execution_view(document, events, rights, clock.now + later, **options)

    return page
