from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from devstack.components import AIRFLOW_COMPONENTS, HEALTHY, SANDBOX, stack_health
from devstack.environment import free_port
from devstack.layout import Layout, StackSettings
from devstack.processes import Command, start, stop
from devstack.state import StackState

NAMES = (SANDBOX, *AIRFLOW_COMPONENTS)
AIRFLOW_HEALTH = {
    "metadatabase": {"status": "healthy"},
    "scheduler": {"status": "healthy"},
    "dag_processor": {"status": "healthy"},
    "triggerer": {"status": "healthy"},
}


@pytest.fixture
def state(tmp_path, server):
    """A stack all of whose processes run, and whose servers are the fake one."""
    layout = Layout(tmp_path.resolve())
    layout.claim()
    layout.clear()
    children = [start(Command(name, ("/bin/sleep", "60"), {}), layout) for name in NAMES]
    settings = StackSettings(home=layout.home)
    records = tuple(child.record for child in children)
    yield StackState(settings, urlsplit(server.url).port, sandbox_url=server.url, processes=records)
    stop(records, layout.home)
    for child in children:
        child.popen.wait()


def test_a_whole_stack_is_healthy(state, server):
    server.reply("GET /sandbox-api/health", {"status": "ok"})
    server.reply("GET /api/v2/monitor/health", AIRFLOW_HEALTH)
    assert stack_health(state) == dict.fromkeys(NAMES, HEALTHY)


def test_each_part_tells_what_is_wrong_with_it(state, server):
    server.reply("GET /sandbox-api/health", {"status": "no"}, status=500)
    parts = AIRFLOW_HEALTH | {"scheduler": {"status": "unhealthy"}, "triggerer": {"status": None}}
    server.reply("GET /api/v2/monitor/health", parts)
    assert stack_health(state) == {
        "sandbox": "does not answer",
        "api-server": HEALTHY,
        "scheduler": "unhealthy",
        "dag-processor": HEALTHY,
        "triggerer": "no heartbeat yet",
    }


def test_nothing_is_known_of_airflow_while_its_api_server_does_not_answer(state, server):
    server.reply("GET /sandbox-api/health", {})
    server.reply("GET /api/v2/monitor/health", "<html>not json</html>")
    assert set(stack_health(state).values()) == {HEALTHY, "unknown, api-server does not answer"}


def test_a_heartbeat_of_the_past_does_not_make_a_dead_process_healthy(state, server):
    server.reply("GET /sandbox-api/health", {})
    server.reply("GET /api/v2/monitor/health", AIRFLOW_HEALTH)
    scheduler = next(record for record in state.processes if record.name == "scheduler")
    without = state.without_process(scheduler)
    assert stack_health(without)["scheduler"] == "not running"


def test_a_stack_of_which_nothing_was_started_is_not_running(tmp_path):
    health = stack_health(StackState(StackSettings(home=tmp_path), free_port()))
    assert health == dict.fromkeys(NAMES, "not running")
