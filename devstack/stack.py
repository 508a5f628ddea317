"""Start, reuse and end the local stack as a whole."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from devstack import cluster
from devstack.components import DATABASE_SERVER, HEALTHY, SANDBOX, airflow_names, stack_health
from devstack.environment import airflow_environment, free_port, free_ports
from devstack.errors import NoStackError
from devstack.layout import Layout, StackSettings
from devstack.processes import Child, is_running, kill, last_lines, stop
from devstack.startup import Startup
from devstack.state import ProcessRecord, StackState, load_state

# Generous: a cold start takes some 20 s on two cores, a machine that compiles something else many times that.
_START_TIMEOUT = 180.0


class Stack:
    """
    The stack of one home directory.

    :param start_timeout: seconds that each step of a start may take.
    """

    def __init__(
        self,
        settings: StackSettings,
        say: Callable[[str], None] = print,
        start_timeout: float = _START_TIMEOUT,
    ) -> None:
        self.settings = settings
        self.layout = Layout(settings.home)
        self._say = say
        self._start_timeout = start_timeout
        self._children: list[Child] = []

    @property
    def state(self) -> StackState:
        """
        What was started; it says nothing about health.

        :raises NoStackError: nothing was started, or it was stopped.
        """
        state = load_state(self.layout.state)
        if state is None:
            raise NoStackError(self.settings.home)
        return state

    @property
    def passwords(self) -> dict[str, str]:
        """Each user's password."""
        return {str(user): str(word) for user, word in json.loads(self.layout.passwords.read_text()).items()}

    def environment(self) -> dict[str, str]:
        """Return the environment in which Airflow's and this project's commands talk to the stack."""
        return airflow_environment(os.environ, self.state)

    def up(self) -> StackState:
        """
        Make sure that the stack runs: reuse a good one, replace a half dead or differently started one.

        :raises HomeRefusedError: the home directory is not a stack's.
        :raises StartFailedError: a process ended or did not get ready; nothing is left running.
        """
        self.layout.claim()
        with self._locked():
            return self._reusable() or self._start()

    def down(self) -> bool:
        """End all that was started for this home directory, also by a start that was cut off."""
        if not self.layout.lock.exists():
            return False
        with self._locked():
            return self._end_all()

    def kill(self, name: str) -> None:
        """
        End a process and all that it started at once, as a machine does that loses its power.

        :param name: such as ``scheduler``.
        :raises NoStackError: no stack runs here.
        """
        with self._locked():
            kill(self.state.process(name), self.settings.home)

    def start_again(self, *names: str) -> None:
        """
        Start processes of Airflow that were killed, and wait until the stack is healthy.

        :param names: such as ``scheduler``.
        :raises StartFailedError: one ended or did not get ready.
        """
        with self._locked():
            startup = Startup(self.state, self._say, self._start_timeout)
            startup.revive(names)
            self._children += startup.children

    def restart_ended(self, wanted: Callable[[str], bool]) -> None:
        """
        Start the processes of Airflow again that ended by themselves, and put on record why they ended.

        :raises NoStackError: the stack was stopped meanwhile.
        """
        with self._locked():
            startup = Startup(self.state, self._say, self._start_timeout)
            for record in startup.state.processes:
                if not self._has_ended(record) or not wanted(record.name):
                    continue
                why = last_lines(record.log, 1)
                startup.replace([record.name])
                line = f"{time.strftime('%X')} {record.name} ended and was started again; last words: {why}"
                startup.note_restart(line)
                self._say(line)
            self._children += startup.children

    def _has_ended(self, record: ProcessRecord) -> bool:
        return record.name in airflow_names(self.settings) and not is_running(record, self.settings.home)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Let only one command at a time change the stack; the system frees the lock of a killed one."""
        with self.layout.lock.open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                self._say("waiting for another devstack command to finish …")
                fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _reusable(self) -> StackState | None:
        state = load_state(self.layout.state)
        if state is None:
            return None
        if state.settings != self.settings:
            self._say("a stack with other settings was started here; replacing it")
            return None
        wrong = [f"{name}: {health}" for name, health in stack_health(state).items() if health != HEALTHY]
        if wrong:
            self._say(f"the stack here is not whole ({'; '.join(wrong)}); replacing it")
            return None
        self._say(f"the stack is up already: {state.airflow_url}")
        return state

    def _start(self) -> StackState:
        self._end_all()
        self.layout.clear()
        startup = Startup(self._new_state(), self._say, self._start_timeout)
        self._children = startup.children
        try:
            return startup.run()
        except BaseException:
            self._end_all()
            raise

    def _new_state(self) -> StackState:
        if not self.settings.cluster:
            return StackState(self.settings, free_port())
        cluster.demand_programs()
        balanced, first, second, broker = free_ports(4)
        return StackState(self.settings, balanced, (first, second), broker_port=broker)

    def _end_all(self) -> bool:
        state = load_state(self.layout.state)
        was_alive = state is not None and self._end(state)
        for child in self._children:
            child.popen.poll()
        self._children = []
        return was_alive

    def _end(self, state: StackState) -> bool:
        was_alive = any(is_running(record, self.settings.home) for record in state.processes)
        # These last, so that the others lose neither AWS nor their database while they end.
        servers = (SANDBOX, DATABASE_SERVER, cluster.BROKER)
        last = [record for record in state.processes if record.name in servers]
        stop([record for record in state.processes if record not in last], self.settings.home)
        stop(last, self.settings.home)
        self.layout.state.unlink()
        return was_alive


def access(stack: Stack) -> str:
    """Say where the UI of a running stack is, how to log in and how to end it."""
    return (
        f"Airflow: {stack.state.airflow_url}  user: admin  password: {stack.passwords['admin']}\n"
        f"other users and their passwords: {stack.layout.passwords}\n"
        "to stop everything: make down"
    )
