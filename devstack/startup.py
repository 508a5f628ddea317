"""One start of a stack, from an empty home directory to healthy processes."""

from __future__ import annotations

import json
import os
import re
import secrets
import sqlite3
import time
from collections.abc import Callable, Collection
from contextlib import closing
from dataclasses import replace

from devstack import cluster, components, postgres
from devstack.components import HEALTHY, airflow_names, stack_health
from devstack.environment import USERS
from devstack.errors import StartFailedError
from devstack.layout import AUTO, POSTGRESQL, SQLITE, Layout
from devstack.processes import Child, Command, last_lines, start, uninterrupted
from devstack.records import open_store
from devstack.state import StackState
from drs_recovery.exceptions import PlanError
from drs_recovery.plan import load_plans
from drs_recovery.recorded_plans import record_plans

_LOOK_INTERVAL = 0.1
_READY_LINE = re.compile(r"^(?:sandbox|postgres) ready (\S+)$", re.MULTILINE)


class Startup:
    """
    Starts the processes of a stack one after the other and records each of them at once.

    :param timeout: seconds that each step may take.
    """

    def __init__(self, state: StackState, say: Callable[[str], None], timeout: float) -> None:
        self.state = state
        self.children: list[Child] = []
        self._layout = Layout(state.settings.home)
        self._say = say
        self._timeout = timeout

    def run(self) -> StackState:
        """
        Start everything and wait until it is healthy.

        :raises StartFailedError: a process ended or did not get ready in time; what was started still runs.
        """
        began = time.monotonic()
        self._start_sandbox()
        self._write_passwords()
        self._provide_database()
        self._prepare()
        if self.state.settings.cluster:
            self._start_cluster()
        self._start_airflow()
        if self.state.settings.watched:
            self._launch(components.watcher(self.state))
        self._say(f"the stack is up after {time.monotonic() - began:.0f} s")
        return self.state

    def revive(self, names: Collection[str]) -> None:
        """
        Start processes of Airflow in the place of those that ended, and wait until the stack is healthy.

        :raises StartFailedError: a process ended or did not get ready in time; what was started still runs.
        """
        self.replace(names)
        self._wait_for_health()

    def replace(self, names: Collection[str]) -> None:
        """Start processes of Airflow in the place of those that ended."""
        for command in components.airflow(self.state):
            if command.name in names:
                self._record(self.state.without_process(self.state.process(command.name)))
                self._launch(command)

    def note_restart(self, line: str) -> None:
        """Keep for people that a process was started again."""
        self._record(replace(self.state, restarts=(*self.state.restarts, line)))

    def _start_sandbox(self) -> None:
        if shared := self.state.settings.shared_sandbox:
            self._say(f"sharing the sandbox at {shared}")
            self._record(replace(self.state, sandbox_url=shared))
            return
        self._say("starting the sandbox …")
        url = self._serve(components.sandbox(self.state))
        self._record(replace(self.state, sandbox_url=url))

    def _serve(self, command: Command) -> str:
        """Start a server that prints its address when it is ready."""
        log = self._launch(command).record.log
        self._wait(lambda: [] if _READY_LINE.search(log.read_text(errors="replace")) else [command.name])
        return str(_READY_LINE.findall(log.read_text(errors="replace"))[0])

    def _write_passwords(self) -> None:
        """Airflow would make them up itself, but print them to its log, and only once the API server runs."""
        descriptor = os.open(self._layout.passwords, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump({user: secrets.token_urlsafe(12) for user in USERS}, file)

    def _provide_database(self) -> None:
        wanted = POSTGRESQL if self.state.settings.cluster else self.state.settings.database
        if wanted == POSTGRESQL or (wanted == AUTO and postgres.is_installed()):
            self._say("Airflow's database: PostgreSQL, a server of this stack's own")
            url = self._serve(components.database_server(self.state))
            self._record(replace(self.state, database_url=url))
        elif wanted in (AUTO, SQLITE):
            why = ", since PostgreSQL is not installed" if wanted == AUTO else ""
            self._say(f"Airflow's database: SQLite{why}; it holds a few executions at a time")
            self._create_database_file()
        else:
            self._say("Airflow's database: the one of --database")
            self._record(replace(self.state, database_url=wanted))

    def _create_database_file(self) -> None:
        """
        Create the database file in write-ahead mode, which the file remembers.

        Several processes share it, and in SQLite's default mode a writer and its readers lock each other out.
        """
        with closing(sqlite3.connect(self._layout.database)) as database:
            database.execute("PRAGMA journal_mode=WAL")

    def _prepare(self) -> None:
        """Run what has to end before Airflow starts, all at once: most of it is loading Airflow."""
        self._say("preparing Airflow's database and the table of executions …")
        children = [self._launch(command) for command in components.preparation(self.state)]
        self._wait(lambda: [child.record.name for child in children if child.popen.poll() is None])
        for child in children:
            self.children.remove(child)
            self._record(self.state.without_process(child.record))
        self._record_plans()

    def _record_plans(self) -> None:
        """The console shows plans at once; housekeeping would record them within ten minutes."""
        try:
            loaded = load_plans([self.state.settings.plans_dir])
        except PlanError as error:
            self._say(str(error))
        else:
            record_plans(open_store(self.state.sandbox_url), loaded)

    def _start_cluster(self) -> None:
        cluster.copy_plans(self.state)
        for command in (components.broker(self.state), components.balancer(self.state)):
            self._launch(command)

    def _start_airflow(self) -> None:
        self._say(f"starting Airflow ({', '.join(airflow_names(self.state.settings))}) …")
        for command in components.airflow(self.state):
            self._launch(command)
        self._wait_for_health()

    def _wait_for_health(self) -> None:
        self._wait(lambda: [name for name, health in stack_health(self.state).items() if health != HEALTHY])

    def _launch(self, command: Command) -> Child:
        # A process that was started but not recorded could not be found again.
        with uninterrupted():
            child = start(command, self._layout)
            self.children.append(child)
            self._record(self.state.with_process(child.record))
        return child

    def _record(self, state: StackState) -> None:
        self.state = state
        state.save(self._layout.state)

    def _wait(self, pending: Callable[[], Collection[str]]) -> None:
        """Wait until nothing is pending any more, while everything that was started lives."""
        deadline = time.monotonic() + self._timeout
        while names := pending():
            self._check_children()
            if time.monotonic() > deadline:
                raise self._failure(next(iter(names)), f"was not ready after {self._timeout:g} s")
            time.sleep(_LOOK_INTERVAL)
        self._check_children()

    def _check_children(self) -> None:
        """A command that is run to its end may end well; all others may not end at all."""
        for child in self.children:
            code = child.popen.poll()
            if code is not None and not (code == 0 and child.record.name in components.PREPARATION):
                raise self._failure(child.record.name, describe_exit(code))

    def _failure(self, name: str, reason: str) -> StartFailedError:
        log = self.state.process(name).log
        return StartFailedError(name, reason, log, last_lines(log))


def describe_exit(code: int) -> str:
    """
    Say how a process ended, as the rest of a sentence.

    :param code: as :class:`subprocess.Popen` gives it: minus a signal's number when one ended the process.
    """
    return f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
