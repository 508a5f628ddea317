from __future__ import annotations

import fcntl
import os
import threading
from dataclasses import replace
from urllib.parse import urlsplit

import psutil
import pytest

from devstack import components
from devstack import stack as stack_module
from devstack.components import AIRFLOW_COMPONENTS, PREPARATION
from devstack.errors import HomeRefusedError, NoStackError, StartFailedError
from devstack.layout import StackSettings
from devstack.processes import Command, is_running
from devstack.stack import Stack, access
from devstack.startup import describe_exit

STAY = "exec sleep 60"
POSTGRES = "postgresql+psycopg2://x@127.0.0.1:5/y"
HEALTHY_AIRFLOW = {
    "metadatabase": {"status": "healthy"},
    "scheduler": {"status": "healthy"},
    "dag_processor": {"status": "healthy"},
    "triggerer": {"status": "healthy"},
}


@pytest.fixture
def programs(monkeypatch, server):
    """What each process of the stack does instead of its real work; a test may change it."""
    server.reply("GET /sandbox-api/health", {})
    server.reply("GET /api/v2/monitor/health", HEALTHY_AIRFLOW)
    monkeypatch.setattr("devstack.startup.record_plans", lambda _store, _loaded: None)
    programs = dict.fromkeys(AIRFLOW_COMPONENTS, STAY) | dict.fromkeys(PREPARATION, "exit 0")
    programs["sandbox"] = f"echo sandbox ready {server.url}; {STAY}"
    programs["postgres"] = f"echo postgres ready {POSTGRES}; {STAY}"

    def command(name):
        return Command(name, ("/bin/sh", "-c", programs[name]), os.environ)

    monkeypatch.setattr(components, "sandbox", lambda _: command("sandbox"))
    monkeypatch.setattr(components, "preparation", lambda _: [command(name) for name in PREPARATION])
    monkeypatch.setattr(components, "airflow", lambda _: [command(name) for name in AIRFLOW_COMPONENTS])
    monkeypatch.setattr(components, "database_server", lambda _: command("postgres"))
    monkeypatch.setattr(stack_module, "free_port", lambda: urlsplit(server.url).port)
    return programs


@pytest.fixture
def said():
    return []


@pytest.fixture
def stack(tmp_path, programs, said):
    stack = Stack(StackSettings(home=tmp_path / "home"), said.append, start_timeout=10)
    yield stack
    stack.down()


def _left(home):
    """Return all processes that work in a home directory."""
    return [process for process in psutil.process_iter(["cwd"]) if process.info["cwd"] == str(home)]


def test_up_starts_everything_in_order_and_says_where_it_is(stack, said, server):
    state = stack.up()
    assert [record.name for record in state.processes] == ["sandbox", *AIRFLOW_COMPONENTS]
    assert all(is_running(record, stack.settings.home) for record in state.processes)
    assert stack.state == state
    assert state.sandbox_url == server.url
    assert said[:-1] == [
        "starting the sandbox …",
        "Airflow's database: SQLite; it holds a few executions at a time",
        "preparing Airflow's database and the table of executions …",
        "starting Airflow (api-server, scheduler, dag-processor, triggerer) …",
    ]
    assert said[-1].startswith("the stack is up after ")
    assert access(stack).startswith(
        f"Airflow: {server.url}  user: admin  password: {stack.passwords['admin']}\n"
    )


def test_up_reuses_a_stack_that_is_up(stack, said):
    assert stack.up() == stack.up()
    assert said[-1].startswith("the stack is up already: http://127.0.0.1:")


def test_down_ends_everything_and_then_there_is_nothing(stack):
    stack.up()
    assert stack.down() is True
    assert _left(stack.settings.home) == []
    assert stack.down() is False
    with pytest.raises(NoStackError, match="no stack runs in"):
        _ = stack.state


def test_down_without_a_home_directory_makes_none(stack):
    assert stack.down() is False
    assert not stack.settings.home.exists()


def test_another_command_can_end_what_this_one_started(stack, said):
    stack.up()
    assert Stack(stack.settings, said.append).down() is True
    assert _left(stack.settings.home) == []


def test_a_stack_with_a_dead_process_is_replaced_as_a_whole(stack, said):
    before = stack.up()
    triggerer = psutil.Process(before.processes[-1].pid)
    triggerer.kill()
    triggerer.wait(timeout=5)
    after = stack.up()
    assert "the stack here is not whole (triggerer: not running); replacing it" in said
    assert not {record.pid for record in before.processes} & {record.pid for record in after.processes}
    assert len(_left(stack.settings.home)) == len(after.processes)


def test_a_killed_process_takes_all_that_it_started_with_it_and_nothing_else(stack, programs):
    programs["scheduler"] = "sleep 60 & wait"
    state = stack.up()
    stack.kill("scheduler")
    assert len(_left(stack.settings.home)) == len(state.processes) - 1
    assert not is_running(state.process("scheduler"), stack.settings.home)


def test_killed_processes_start_again_beside_those_that_live(stack):
    before = stack.up()
    stack.kill("scheduler")
    stack.kill("triggerer")
    stack.start_again("scheduler", "triggerer")
    after = stack.state
    lived = {"sandbox", "api-server", "dag-processor"}
    assert {record.name for record in set(before.processes) & set(after.processes)} == lived
    assert all(is_running(record, stack.settings.home) for record in after.processes)
    assert stack.up() == after
    stack.down()
    assert _left(stack.settings.home) == []


def test_a_process_that_does_not_come_back_is_reported(stack, programs):
    stack.up()
    stack.kill("triggerer")
    programs["triggerer"] = "exit 3"
    with pytest.raises(StartFailedError, match="triggerer ended with exit code 3"):
        stack.start_again("triggerer")


@pytest.mark.parametrize(
    ("wanted", "is_installed", "url", "told"),
    [
        ("auto", True, POSTGRES, "PostgreSQL, a server of this stack's own"),
        ("auto", False, "", "SQLite, since PostgreSQL is not installed; it holds a few executions at a time"),
        ("sqlite", True, "", "SQLite; it holds a few executions at a time"),
        ("postgresql", True, POSTGRES, "PostgreSQL, a server of this stack's own"),
        ("postgresql://a@b/c", True, "postgresql://a@b/c", "the one of --database"),
    ],
)
def test_the_stack_takes_a_database_and_says_which(stack, said, monkeypatch, wanted, is_installed, url, told):
    monkeypatch.setattr("devstack.postgres.is_installed", lambda: is_installed)
    chosen = Stack(replace(stack.settings, database=wanted), said.append)

    state = chosen.up()

    assert state.database_url == url
    assert f"Airflow's database: {told}" in said
    assert state.has("postgres") is (url == POSTGRES)
    assert chosen.down() is True
    assert _left(stack.settings.home) == []


def test_a_database_server_that_does_not_start_is_named(stack, programs, said):
    programs["postgres"] = "echo error: initdb failed: no space left >&2; exit 1"
    with pytest.raises(StartFailedError, match=r"postgres ended with exit code 1\n.*\nerror: initdb failed"):
        Stack(replace(stack.settings, database="postgresql"), said.append).up()
    assert _left(stack.settings.home) == []


def test_a_process_of_airflow_that_ends_by_itself_is_started_again_and_it_is_told(stack, said):
    state = stack.up()
    scheduler = psutil.Process(state.process("scheduler").pid)
    state.process("scheduler").log.write_text("first\nOperationalError: database is locked\n")
    scheduler.kill()
    scheduler.wait(timeout=5)

    stack.restart_ended(lambda name: True)

    assert all(is_running(record, stack.settings.home) for record in stack.state.processes)
    told = "scheduler ended and was started again; last words: OperationalError: database is locked"
    assert stack.state.restarts[0].endswith(told)
    assert said[-1].endswith(told)
    stack.restart_ended(lambda name: True)
    assert len(stack.state.restarts) == 1


def test_a_process_that_must_not_be_started_again_stays_away(stack):
    state = stack.up()
    stack.kill("scheduler")
    stack.restart_ended(lambda name: name != "scheduler")
    assert stack.state == state


def test_a_stack_that_was_stopped_is_not_started_again(stack):
    stack.up()
    stack.down()
    with pytest.raises(NoStackError):
        stack.restart_ended(lambda name: True)


def test_a_stack_with_other_settings_is_replaced(stack, said):
    before = stack.up()
    faster = Stack(StackSettings(home=stack.settings.home, speed=1000), said.append)
    after = faster.up()
    faster.down()
    assert "a stack with other settings was started here; replacing it" in said
    assert before.processes[0].pid != after.processes[0].pid


def test_nothing_of_an_earlier_stack_is_left_for_the_next(stack):
    stack.up()
    old_password = stack.passwords["admin"]
    stack.layout.task_logs.mkdir()
    stack.down()
    stack.up()
    assert stack.passwords["admin"] != old_password
    assert not stack.layout.task_logs.exists()


def test_passwords_are_for_the_owner_only(stack):
    stack.up()
    assert stack.layout.passwords.stat().st_mode & 0o777 == 0o600
    assert len(set(stack.passwords.values())) == 4


@pytest.mark.parametrize("name", ["sandbox", "database", "scheduler"])
def test_a_process_that_ends_too_early_is_named_with_its_last_words(stack, programs, name):
    programs[name] = "echo first line; echo no space left on device >&2; exit 1"
    with pytest.raises(StartFailedError) as caught:
        stack.up()
    log = stack.layout.process_logs / f"{name}.log"
    assert str(caught.value) == (
        f"{name} ended with exit code 1\nlast lines of {log}:\nfirst line\nno space left on device"
    )
    assert _left(stack.settings.home) == []


def test_a_long_running_process_must_not_end_even_without_an_error(stack, programs):
    programs["triggerer"] = "echo done"
    with pytest.raises(StartFailedError, match="triggerer ended with exit code 0"):
        stack.up()


@pytest.mark.parametrize(("name", "program"), [("sandbox", STAY), ("executions-table", STAY)])
def test_a_process_that_does_not_get_ready_is_named(stack, programs, said, name, program):
    programs[name] = program
    impatient = Stack(stack.settings, said.append, start_timeout=0.5)
    with pytest.raises(StartFailedError, match=f"{name} was not ready after 0.5 s"):
        impatient.up()
    assert _left(stack.settings.home) == []


def test_an_unhealthy_airflow_is_named(stack, said, server):
    server.replace("GET /api/v2/monitor/health", HEALTHY_AIRFLOW | {"scheduler": {"status": "unhealthy"}})
    impatient = Stack(stack.settings, said.append, start_timeout=1)
    with pytest.raises(StartFailedError, match="scheduler was not ready after 1 s"):
        impatient.up()


def _interrupt_at_airflow(line):
    if line.startswith("starting Airflow"):
        raise KeyboardInterrupt


def test_an_interrupted_start_leaves_nothing_running(stack):
    with pytest.raises(KeyboardInterrupt):
        Stack(stack.settings, _interrupt_at_airflow).up()
    assert _left(stack.settings.home) == []


def test_what_a_killed_start_left_is_ended_by_the_next_command(stack, monkeypatch):
    monkeypatch.setattr(Stack, "_end_all", lambda self: False)  # a killed process cleans up nothing
    killed = Stack(stack.settings, _interrupt_at_airflow)
    with pytest.raises(KeyboardInterrupt):
        killed.up()
    assert len(_left(stack.settings.home)) == 1
    monkeypatch.undo()
    assert stack.down() is True
    assert killed.down() is False
    assert _left(stack.settings.home) == []


def test_a_directory_of_somebody_else_is_refused(stack):
    stack.settings.home.mkdir()
    (stack.settings.home / "airflow.db").touch()
    with pytest.raises(HomeRefusedError):
        stack.up()


def test_two_commands_do_not_change_the_stack_at_once(stack, said):
    stack.layout.claim()
    with stack.layout.lock.open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        release = threading.Timer(0.1, lambda: fcntl.flock(lock, fcntl.LOCK_UN))
        release.start()
        stack.down()
        release.join()
    assert said == ["waiting for another devstack command to finish …"]


@pytest.mark.parametrize(("code", "text"), [(3, "ended with exit code 3"), (-9, "was ended by signal 9")])
def test_the_end_of_a_process_is_described(code, text):
    assert describe_exit(code) == text
