"""One stack of real processes for all end-to-end tests; when one fails, it tells its story."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling

from devstack.layout import AUTO, StackSettings
from devstack.stack import Stack
from sandbox.testing import Sandbox
from tests.e2e import chaos_plans, console_plans, edited_plans, herd_plans
from tests.e2e.drills import Drills, drills_of
from tests.e2e.made_plans import add_servers, write_plans
from tests.e2e.story import story_of

# Waves of about 9 s: long enough to step in between two polls, short enough for many drills.
_SPEED = 60.0
# Seconds. A pass over that many plans keeps a processor busy for one; a test that changes a plan asks for it.
_PARSE_INTERVAL = 20
_FOLDER = Path(__file__).parent
_LONG = ("browser", "test_chaos.py", "test_plan_edits.py", "test_many.py", "test_drills.py")
_PLANS = (*chaos_plans.ALL, *console_plans.ALL, *edited_plans.ALL, *herd_plans.ALL)


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A running stack with the sample plans, plans for disturbances, and plans to look at in the console."""
    home = tmp_path_factory.mktemp("stack")
    plans = write_plans(tmp_path_factory.mktemp("include") / "plans", _PLANS)
    settings = StackSettings(
        home=home,
        plans_dir=plans,
        speed=_SPEED,
        poll_interval=0.5,
        parse_interval=_PARSE_INTERVAL,
        # On a busy machine a triggerer gives up that cannot write to SQLite for some seconds.
        database=AUTO,
    )
    stack = Stack(settings)
    try:
        add_servers(Sandbox(stack.up().sandbox_url), _PLANS)
        yield stack
    finally:
        stack.down()


@pytest.fixture
def drills(stack: Stack) -> Iterator[Drills]:
    """Drills on the stack; no fault outlives the test."""
    with drills_of(stack) as found:
        yield found
        found.sandbox.clear_faults()
        found.sandbox.set_skew(0)


class OneStack(LoadFileScheduling):
    """The tests of a file, and all that use the browser, share one process and its stack."""

    def _split_scope(self, nodeid: str) -> str:
        file: str = super()._split_scope(nodeid)
        return "browser" if "/browser/" in file else file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadFileScheduling | None:
    """Spread the tests over processes so that few stacks are started."""
    return OneStack(config, log) if config.getvalue("dist") == "loadfile" else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put first what lasts longest, so that no process has to wait for another one at the end."""
    own = [item for item in items if item.path.is_relative_to(_FOLDER)]
    own.sort(key=lambda item: _LONG.index(_group(item)) if _group(item) in _LONG else len(_LONG))
    items[:] = [item for item in items if item not in own] + own


def _group(item: pytest.Item) -> str:
    return item.path.relative_to(_FOLDER).parts[0]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[Any]) -> Any:
    """Show with a failed test what the records, the processes and the tasks of the stack say."""
    report = yield
    stack = getattr(item, "funcargs", {}).get("stack")
    if report.failed and stack is not None:
        report.sections += story_of(stack)
    return report
