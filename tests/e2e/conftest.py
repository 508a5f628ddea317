"""One stack of real processes for all end-to-end tests; it ends with them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from devstack.layout import StackSettings
from devstack.stack import Stack

# Waves of about 9 s: long enough to step in between two polls, short enough for many drills.
_SPEED = 60.0


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A running stack with the sample plans."""
    stack = Stack(StackSettings(home=tmp_path_factory.mktemp("stack"), speed=_SPEED, poll_interval=0.5))
    try:
        stack.up()
        yield stack
    finally:
        stack.down()
