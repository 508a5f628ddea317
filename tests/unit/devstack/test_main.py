from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from devstack.__main__ import main
from devstack.layout import PROJECT, StackSettings
from devstack.stack import Stack
from devstack.state import StackState


@pytest.fixture(autouse=True)
def _keep_signal_handlers():
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def home(tmp_path):
    """A home directory with a state of which nothing runs."""
    stack = Stack(StackSettings(home=tmp_path))
    stack.layout.claim()
    StackState(stack.settings, 4711, sandbox_url="http://127.0.0.1:1").save(stack.layout.state)
    stack.layout.passwords.write_text('{"admin": "pass"}')
    return tmp_path


def test_a_command_is_required(capsys):
    with pytest.raises(SystemExit, match="2"):
        main([])
    assert "required: COMMAND" in capsys.readouterr().err


def test_down_says_when_nothing_runs(tmp_path, capsys):
    assert main(["--home", str(tmp_path / "none"), "down"]) == 0
    assert capsys.readouterr().out == "nothing runs\n"


def test_status_without_a_stack_is_an_error(tmp_path, capsys):
    assert main(["--home", str(tmp_path), "status"]) == 1
    assert capsys.readouterr().err == (
        f"error: no stack runs in {tmp_path}; start one with: python -m devstack up\n"
    )


def test_status_of_a_stack_that_is_not_whole_names_each_process_and_exits_1(home, capsys):
    assert main(["--home", str(home), "status"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "sandbox        not running"
    assert "Airflow: http://127.0.0.1:4711  user: admin  password: pass" in lines


def test_exec_runs_a_command_with_its_options_in_the_environment_of_the_stack(home, capfd):
    code = "import os, sys; print(os.environ['AWS_ENDPOINT_URL'], sys.argv[1:]); sys.exit(3)"
    assert main(["--home", str(home), "exec", sys.executable, "-c", code, "--json", "-x"]) == 3
    assert capfd.readouterr().out == "http://127.0.0.1:1 ['--json', '-x']\n"


def test_a_refused_home_directory_is_an_error(tmp_path, capsys):
    (tmp_path / "airflow.db").touch()
    assert main(["--home", str(tmp_path), "up"]) == 1
    assert "is not empty and was not made by devstack" in capsys.readouterr().err


@pytest.mark.parametrize("ignored", [[], [signal.SIGINT]], ids=["foreground", "background"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_start_that_is_interrupted_ends_what_it_started(tmp_path, number, ignored):
    with _starting_stack(tmp_path / "home", ignored) as up:
        up.send_signal(number)
        _, errors = up.communicate(timeout=60)
    assert up.returncode == {signal.SIGINT: 130, signal.SIGTERM: 143}[number], errors
    assert not (tmp_path / "home" / "stack.json").exists()


def test_a_start_under_nohup_outlives_its_terminal(tmp_path):
    with _starting_stack(tmp_path / "home", [signal.SIGHUP]) as up:
        up.send_signal(signal.SIGHUP)
        assert up.stdout.readline().startswith("Airflow's database: ")
        up.send_signal(signal.SIGTERM)
        up.communicate(timeout=60)
    assert up.returncode == 143


@contextmanager
def _starting_stack(home: Path, ignored: Sequence[signal.Signals]) -> Iterator[subprocess.Popen[str]]:
    """``devstack up`` in the middle of its start, with signals ignored as by a shell or nohup."""
    command = (sys.executable, "-m", "devstack", "--home", str(home), "up")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join((str(PROJECT / "plugins"), str(PROJECT)))}
    ours = {number: signal.signal(number, signal.SIG_IGN) for number in ignored}
    try:
        up = subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
    finally:
        for number, handler in ours.items():
            signal.signal(number, handler)
    with up:
        try:
            assert up.stdout.readline() == "starting the sandbox …\n"
            yield up
        finally:
            up.terminate()
