from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace

import psutil
import pytest

from devstack.layout import Layout
from devstack.processes import Command, is_running, last_lines, members, start, stop, uninterrupted

# Says "ready" when it is; ends when asked.
OBEDIENT = "import time; print('ready', flush=True); time.sleep(60)"
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + OBEDIENT
# Leaves the process group, as Airflow's task processes do, and outlives its parent.
CHILD = f"import os; os.setpgid(0, 0); {STUBBORN}"
PARENT = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {CHILD!r}]).wait()"


@pytest.fixture
def layout(tmp_path):
    layout = Layout(tmp_path.resolve())
    layout.claim()
    layout.clear()
    return layout


@pytest.fixture
def run(layout):
    """Start Python code and wait for its word; everything is gone after the test."""
    children = []

    def run(code, name="worker"):
        child = start(Command(name, (sys.executable, "-c", code), {}), layout)
        children.append(child)
        _await(lambda: "ready" in last_lines(child.record.log))
        return child

    yield run
    stop([child.record for child in children], layout.home, grace=0.1)
    for child in children:
        child.popen.wait()


def _await(condition):
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


def test_a_process_runs_in_the_home_directory_in_a_session_of_its_own(run, layout):
    child = run(f"import os; print(os.getcwd(), os.getsid(0) == os.getpid()); {OBEDIENT}")
    assert last_lines(child.record.log).splitlines()[0] == f"{layout.home} True"
    assert is_running(child.record, layout.home)


def test_a_process_that_obeys_is_ended(run, layout):
    child = run(
        f"import signal, sys; signal.signal(signal.SIGTERM, lambda *_: sys.exit('asked')); {OBEDIENT}"
    )
    stop([child.record], layout.home)
    assert not is_running(child.record, layout.home)
    assert last_lines(child.record.log) == "ready\nasked"


def test_a_process_that_does_not_obey_is_killed(run, layout):
    child = run(STUBBORN)
    stop([child.record], layout.home, grace=0.1)
    assert not is_running(child.record, layout.home)


def test_children_are_ended_with_their_parent(run, layout):
    child = run(PARENT)
    assert len(members(child.record, layout.home)) == 2
    stop([child.record], layout.home, grace=0.2)
    assert members(child.record, layout.home) == []


def test_children_of_a_crashed_process_are_ended(run, layout):
    child = run(PARENT)
    child.popen.kill()
    child.popen.wait()
    assert len(members(child.record, layout.home)) == 1
    stop([child.record], layout.home, grace=0.1)
    assert members(child.record, layout.home) == []


def test_a_process_that_got_the_number_of_an_earlier_one_is_left_alone(run, layout):
    child = run(OBEDIENT)
    yesterday = replace(child.record, started=child.record.started - 86400)
    stop([yesterday], layout.home, grace=0.1)
    assert is_running(child.record, layout.home)


def test_a_process_that_works_elsewhere_is_left_alone(run, layout, tmp_path_factory):
    child = run(OBEDIENT)
    stop([child.record], tmp_path_factory.mktemp("another"), grace=0.1)
    assert is_running(child.record, layout.home)


def test_a_process_outside_the_session_is_left_alone(run, layout):
    child = run(OBEDIENT)
    with subprocess.Popen([sys.executable, "-c", OBEDIENT], cwd=layout.home, stdout=subprocess.PIPE) as shell:
        shell.stdout.readline()
        stop([child.record], layout.home, grace=0.1)
        assert psutil.Process(shell.pid).is_running()
        shell.kill()


def test_stopping_what_ended_before_is_fine(run, layout):
    child = run(OBEDIENT)
    child.popen.kill()
    child.popen.wait()
    stop([child.record], layout.home)


def test_output_and_errors_go_to_the_log(run):
    child = run(f"import sys; print('trouble', file=sys.stderr); {OBEDIENT}")
    assert sorted(last_lines(child.record.log).splitlines()) == ["ready", "trouble"]


def test_the_end_of_a_log_is_short_whatever_its_size(tmp_path):
    log = tmp_path / "x.log"
    log.write_text("".join(f"line {number} {'x' * 300}\n" for number in range(5000)))
    lines = last_lines(log, count=3).splitlines()
    assert [line.split()[1] for line in lines] == ["4997", "4998", "4999"]


def test_a_log_that_is_missing_or_empty_says_so(tmp_path):
    assert last_lines(tmp_path / "missing.log") == "(no output)"
    (tmp_path / "empty.log").touch()
    assert last_lines(tmp_path / "empty.log") == "(no output)"


def test_a_signal_waits_for_the_end_of_the_block():
    reached = []

    def work():
        with uninterrupted():
            signal.raise_signal(signal.SIGINT)
            reached.append("end")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert reached == ["end"]


def test_the_usual_handlers_are_back_afterwards():
    before = signal.getsignal(signal.SIGTERM)
    with uninterrupted():
        assert signal.getsignal(signal.SIGTERM) is not before
    assert signal.getsignal(signal.SIGTERM) is before


def test_it_may_be_used_in_any_thread():
    done = []

    def work():
        with uninterrupted():
            done.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == [True]
