"""One stack of real processes for all end-to-end tests; it ends with them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from devstack.layout import StackSettings
from devstack.stack import Stack

# No test takes a third of this, even with the start of the stack. By signal, so that nothing is left running.
_LONGEST_SECONDS = 600

# Waves of about 9 s: long enough to step in between two polls, short enough for many drills.
_SPEED = 60.0


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """End a test that hangs as if it had failed."""
    for item in items:
        if item.get_closest_marker("e2e"):
            item.add_marker(pytest.mark.timeout(_LONGEST_SECONDS, method="signal"))


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A running stack with the sample plans."""
    stack = Stack(StackSettings(home=tmp_path_factory.mktemp("stack"), speed=_SPEED, poll_interval=0.5))
    try:
        stack.up()
        yield stack
    finally:
        stack.down()
