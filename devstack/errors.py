"""
What can go wrong with the local stack, each with a text that is shown to the person as it is.

::

    DevstackError
    ├── HomeRefusedError     the home directory holds something that this package did not make
    ├── NoStackError         no stack was started in the home directory
    ├── StateUnreadableError the state file was not written by this version
    ├── StartFailedError     a process ended or did not get ready; carries its last log lines
    ├── NoPostgresError      no PostgreSQL server can be run on this machine
    ├── NoClusterError       this machine lacks a program of a cluster
    ├── AirflowApiError      Airflow answered a request with an error
    ├── UnreachableError     a server of the stack does not answer
    ├── DemoFailedError      the drill could not be run or did not end as it should
    ├── BrowserError         the browser that takes pictures is missing or fails
    └── NoDrillError         there is no drill of which pictures could be taken
"""

from __future__ import annotations

from pathlib import Path


class DevstackError(Exception):
    """Base class: its text is meant for the terminal."""


class HomeRefusedError(DevstackError):
    """The directory is in use by something else, so nothing in it may be replaced."""

    def __init__(self, home: Path) -> None:
        self.home = home
        super().__init__(
            f"{home} is not empty and was not made by devstack; "
            "choose another directory with --home, or empty this one yourself"
        )


class NoStackError(DevstackError):
    """No stack was started in this home directory, or it was stopped."""

    def __init__(self, home: Path) -> None:
        self.home = home
        super().__init__(f"no stack runs in {home}; start one with: python -m devstack up")


class StateUnreadableError(DevstackError):
    """The state file was written by another version of this package, or by hand."""

    def __init__(self, path: Path) -> None:
        self.path = path
        super().__init__(
            f"{path} cannot be read, perhaps because another version wrote it; "
            "end the processes that it names, then remove it"
        )


class StartFailedError(DevstackError):
    """A process of the stack ended too early or did not get ready in time."""

    def __init__(self, process: str, reason: str, log: Path, last_lines: str) -> None:
        self.process, self.reason, self.log, self.last_lines = process, reason, log, last_lines
        super().__init__(f"{process} {reason}\nlast lines of {log}:\n{last_lines}")


class NoPostgresError(DevstackError):
    """No PostgreSQL server can be run on this machine; the text says why, and how to get one."""


class NoClusterError(DevstackError):
    """A program that a cluster needs is missing."""


class AirflowApiError(DevstackError):
    """Airflow's REST API refused a request."""

    def __init__(self, request: str, status: int, detail: str) -> None:
        self.request, self.status, self.detail = request, status, detail
        super().__init__(f"{request} was answered with {status}: {detail}")


class UnreachableError(DevstackError):
    """A server of the stack does not answer at all."""

    def __init__(self, server: str, error: Exception) -> None:
        self.server = server
        super().__init__(
            f"{server} does not answer ({error}); `python -m devstack status` tells what still runs"
        )


class DemoFailedError(DevstackError):
    """The demo drill could not be run, or did not end as it should."""


class BrowserError(DevstackError):
    """The browser is not there, or does not do what it should."""


class NoPictureError(DevstackError):
    """A drill does not come to what a picture is to show."""

    def __init__(self, dag_id: str, what: str, seconds: float) -> None:
        self.dag_id = dag_id
        super().__init__(f"no picture of a drill of {dag_id}: not within {seconds:.0f} s: {what}")


class NoDrillError(DevstackError):
    """There is no drill of which pictures could be taken."""

    def __init__(self, dag_id: str) -> None:
        self.dag_id = dag_id
        super().__init__(f"no run of {dag_id} has succeeded here: run `make demo` first")
