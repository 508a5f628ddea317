"""
A PostgreSQL server of its own: its own data, its own port, gone afterwards.

``python -m devstack.postgres`` serves until it is told to end, and prints the URL of an empty database.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from devstack.environment import LOOPBACK, free_port
from devstack.errors import NoPostgresError

_DATABASE = "postgres"
_OWNER = "airflow"
_START_SECONDS = 60.0

# Debian keeps them off the PATH, one folder for each version.
_DEBIAN_FOLDERS = Path("/usr/lib/postgresql")

# Nothing of it outlives the server, so that nothing need be safe on disk.
_OPTIONS = (
    f"-clisten_addresses={LOOPBACK}",
    "-cunix_socket_directories=",
    "-cfsync=off",
    "-csynchronous_commit=off",
    "-cmax_connections=300",
)


def is_installed() -> bool:
    """Whether this machine has the programs."""
    return all(_find(name) for name in ("initdb", "postgres", "pg_isready"))


@contextmanager
def temporary_postgres() -> Iterator[str]:
    """
    Run a server until the block ends.

    :return: URL of an empty database, as SQLAlchemy has it.
    :raises NoPostgresError: there is none to run, or it does not start.
    """
    initdb, server = _program("initdb"), _program("postgres")
    user = _unprivileged_user()
    with TemporaryDirectory(prefix="devstack-postgres-") as name:
        if user:
            shutil.chown(name, user)
        data, port = f"{name}/data", free_port()
        make = [initdb, f"--pgdata={data}", f"--username={_OWNER}", "--auth=trust", "--no-sync"]
        made = subprocess.run(make, user=user, cwd=name, check=False, capture_output=True, text=True)
        if made.returncode:
            raise NoPostgresError(f"initdb failed: {made.stderr.strip()}")
        with _running([server, "-D", data, f"-p{port}", *_OPTIONS], user, Path(name)) as process:
            _await(process, port)
            yield f"postgresql+psycopg2://{_OWNER}@{LOOPBACK}:{port}/{_DATABASE}"


@contextmanager
def _running(command: list[str], user: str | None, home: Path) -> Iterator[subprocess.Popen[bytes]]:
    with (
        (home / "log").open("wb") as log,
        subprocess.Popen(command, user=user, cwd=home, stdout=log, stderr=log) as process,
    ):
        try:
            yield process
        finally:
            # "Fast shutdown": it does not wait for clients that are still connected.
            process.send_signal(signal.SIGINT)
            process.wait()


def _await(process: subprocess.Popen[bytes], port: int) -> None:
    command = [_program("pg_isready"), f"--host={LOOPBACK}", f"--port={port}"]
    until = time.monotonic() + _START_SECONDS
    while subprocess.run(command, check=False, stdout=subprocess.DEVNULL).returncode:
        if process.poll() is not None or time.monotonic() > until:
            raise NoPostgresError("PostgreSQL did not start")
        time.sleep(0.1)


def _find(name: str) -> str | None:
    folders = [str(path) for path in sorted(_DEBIAN_FOLDERS.glob("*/bin"), reverse=True)]
    return shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), *folders]))


def _program(name: str) -> str:
    found = _find(name)
    if found is None:
        raise NoPostgresError(f"there is no {name} here: install PostgreSQL (apt-get install postgresql)")
    return found


def _unprivileged_user() -> str | None:
    """Whom the server runs as: root may not be it."""
    if os.geteuid() != 0:
        return None
    users = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in users else "nobody"


def main() -> int:
    """Serve until SIGTERM or SIGINT."""
    told_to_end = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: told_to_end.set())
    try:
        with temporary_postgres() as url:
            print(f"postgres ready {url}", flush=True)
            told_to_end.wait()
    except NoPostgresError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
