"""What a stack is started with, and where its files are."""

from __future__ import annotations

import shutil
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from devstack.errors import HomeRefusedError

PROJECT = Path(__file__).resolve().parents[1]

# A wave of two servers takes DRS about 9 minutes, so three take 27; at this speed they take about 50 seconds,
# to which Airflow adds about 10 seconds a wave.
DEMO_SPEED = 32.0

AUTO, SQLITE, POSTGRESQL = "auto", "sqlite", "postgresql"


@dataclass(frozen=True)
class StackSettings:
    """
    How a stack is started; two stacks with equal settings are the same one.

    :param poll_interval: seconds between two looks at a running DRS job.
    :param parse_interval: seconds between two passes of the DAG processor over the plans.
    :param database: of Airflow: ``sqlite``, a file in the home directory, which holds a few executions at a
        time; ``postgresql``, a server of the stack's own; ``auto``, PostgreSQL where it is installed, else
        SQLite; or the URL of an empty database, as SQLAlchemy has it.
    :param cluster: two of each of Airflow's processes, with Celery's workers, on PostgreSQL.
    :param shared_sandbox: address of the sandbox of another stack: this one is then its standby, runs no
        schedule, and has its own Airflow on the same table. Empty for a sandbox of its own.
    """

    home: Path = PROJECT / ".airflow"
    dags_folder: Path = PROJECT / "dags"
    plans_dir: Path = PROJECT / "include" / "plans"
    speed: float = DEMO_SPEED
    poll_interval: float = 1.0
    parse_interval: int = 5
    database: str = SQLITE
    shared_sandbox: str = ""
    cluster: bool = False
    watched: bool = field(default=False, compare=False)

    def __post_init__(self) -> None:
        """Make paths comparable with those that the kernel reports for a process."""
        for name in ("home", "dags_folder", "plans_dir"):
            object.__setattr__(self, name, Path(getattr(self, name)).resolve())

    def to_json(self) -> dict[str, Any]:
        """Return plain values, for the state file."""
        return {key: str(value) if isinstance(value, Path) else value for key, value in asdict(self).items()}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> StackSettings:
        """Read what :meth:`to_json` wrote."""
        return cls(**values)


@dataclass(frozen=True)
class Layout:
    """The files of a stack."""

    home: Path

    @property
    def lock(self) -> Path:
        """Held while a stack is started or stopped; that it exists marks the directory as a stack's."""
        return self.home / "stack.lock"

    @property
    def state(self) -> Path:
        """What runs, see :mod:`devstack.state`."""
        return self.home / "stack.json"

    @property
    def passwords(self) -> Path:
        """User name to password, in the form that Airflow's SimpleAuthManager reads and completes."""
        return self.home / "passwords.json"

    @property
    def database(self) -> Path:
        """Airflow's metadata database."""
        return self.home / "airflow.db"

    @property
    def task_logs(self) -> Path:
        """Airflow's own logs: one directory for each DAG, run and task."""
        return self.home / "logs"

    @property
    def process_logs(self) -> Path:
        """What each process of the stack printed."""
        return self.home / "processes"

    def claim(self) -> None:
        """
        Make the directory, or make sure that an existing one is a stack's.

        :raises HomeRefusedError: it holds files that are not a stack's, such as a user's own Airflow home.
        """
        if self.home.exists() and not self.lock.exists() and any(self.home.iterdir()):
            raise HomeRefusedError(self.home)
        self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.lock.touch()

    def clear(self) -> None:
        """
        Remove what an earlier stack left.

        The sandbox forgets everything when it ends, so an old Airflow database would tell of recoveries and
        waiting tasks whose jobs do not exist any more.
        """
        for entry in self.home.iterdir():
            if entry == self.lock:
                continue
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()
        self.process_logs.mkdir()
