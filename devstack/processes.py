"""Start, watch and stop processes, each in a session of its own, so that all its children are known."""

from __future__ import annotations

import contextlib
import math
import os
import signal
import subprocess
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from devstack.layout import Layout
from devstack.state import ProcessRecord

# Two looks at the same process may differ in its start time when the system clock was set in between.
_CLOCK_TOLERANCE = 60.0
# Airflow's processes end within 4 s of being asked, but for a triggerer, which may take 12 s to end its own
# child. Nothing is lost when that is cut short: a stack's database is never used again.
_TERMINATION_GRACE = 5.0
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True)
class Command:
    """What to run."""

    name: str
    argv: Sequence[str]
    environment: Mapping[str, str]


@dataclass(frozen=True)
class Child:
    """A process that this very process started, and thus can ask for its exit code."""

    record: ProcessRecord
    popen: subprocess.Popen[bytes]


def start(command: Command, layout: Layout) -> Child:
    """Start a process in a new session, in the home directory, with its output in a log file."""
    log = layout.process_logs / f"{command.name}.log"
    with log.open("ab") as output:
        popen = subprocess.Popen(
            command.argv,
            env=dict(command.environment),
            cwd=layout.home,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    started = psutil.Process(popen.pid).create_time()
    return Child(ProcessRecord(command.name, popen.pid, started, log), popen)


def is_running(record: ProcessRecord, home: Path) -> bool:
    """Tell whether the recorded process itself still runs."""
    try:
        process = psutil.Process(record.pid)
    except psutil.NoSuchProcess:
        return False
    return _in_session(process, record.pid) and _is_recorded(process, record, home)


def stop(records: Iterable[ProcessRecord], home: Path, grace: float = _TERMINATION_GRACE) -> None:
    """
    End processes and all that they started: ask first, kill after a grace.

    :param records: the processes; those that ended already are fine.
    :param grace: seconds between asking and killing.
    """
    records = list(records)
    sessions = {record: members(record, home) for record in records}
    asked = [process for record, session in sessions.items() for process in _to_be_asked(record, session)]
    _send(asked, signal.SIGTERM)
    psutil.wait_procs(asked, timeout=grace)
    stubborn = {process for session in sessions.values() for process in session if process.is_running()}
    stubborn |= {process for record in records for process in members(record, home)}
    _send(stubborn, signal.SIGKILL)
    psutil.wait_procs(stubborn, timeout=grace)


def kill(record: ProcessRecord, home: Path) -> None:
    """
    End a process and all that it started without asking.

    :param record: the process; one that ended already is fine.
    """
    session = members(record, home)
    _send(session, signal.SIGKILL)
    psutil.wait_procs(session, timeout=_TERMINATION_GRACE)


def _to_be_asked(record: ProcessRecord, session: Sequence[psutil.Process]) -> Sequence[psutil.Process]:
    """A live leader ends its children in good order by itself; orphans must be asked one by one."""
    return [process for process in session if process.pid == record.pid] or session


def _send(processes: Iterable[psutil.Process], number: signal.Signals) -> None:
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(number)


def members(record: ProcessRecord, home: Path) -> list[psutil.Process]:
    """
    Find what still runs of a recorded process and its children, which all stay in its session.

    Process ids are used again by the system. The recorded process is recognised by its start time and its
    working directory; when it has ended, its children are recognised by theirs.
    """
    session = [process for process in psutil.process_iter() if _in_session(process, record.pid)]
    leader = next((process for process in session if process.pid == record.pid), None)
    if leader is None:
        return [
            process for process in session if _start_difference(process, record, home) > -_CLOCK_TOLERANCE
        ]
    return session if _is_recorded(leader, record, home) else []


def _is_recorded(process: psutil.Process, record: ProcessRecord, home: Path) -> bool:
    return abs(_start_difference(process, record, home)) < _CLOCK_TOLERANCE


def _in_session(process: psutil.Process, session: int) -> bool:
    try:
        return os.getsid(process.pid) == session and bool(process.status() != psutil.STATUS_ZOMBIE)
    except (psutil.Error, OSError):
        return False


def _start_difference(process: psutil.Process, record: ProcessRecord, home: Path) -> float:
    """Seconds from the record's start to the process's; minus infinity when it is not of this stack."""
    try:
        return float(process.create_time() - record.started) if process.cwd() == str(home) else -math.inf
    except (psutil.Error, OSError):
        return -math.inf


def last_lines(log: Path, count: int = 20) -> str:
    """
    Return the end of a log file.

    :param log: the file; it may be missing.
    """
    try:
        with log.open("rb") as file:
            # Lines of Airflow are rarely longer than 400 bytes, those of tracebacks much shorter.
            file.seek(max(0, log.stat().st_size - count * 400))
            text = file.read().decode(errors="replace")
    except FileNotFoundError:
        return "(no output)"
    return "\n".join(text.splitlines()[-count:]) or "(no output)"


@contextmanager
def uninterrupted() -> Iterator[None]:
    """
    Put signals off until the block has ended, and then handle them as usual.

    They are caught, not blocked: processes started meanwhile would inherit a block. Outside the main thread,
    where Python handles no signals, there is nothing to put off.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    arrived: list[int] = []
    usual = {number: signal.signal(number, lambda number, _: arrived.append(number)) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in usual.items():
            signal.signal(number, handler)
        for late in arrived:
            signal.raise_signal(late)
