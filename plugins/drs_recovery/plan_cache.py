"""Plan files for processes that need all of them again and again: only what changed is parsed anew."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Lock

from drs_recovery.exceptions import PlanError
from drs_recovery.plan_loader import LoadedPlans, PlanFile, join_files, plan_files, read_plan_file

# A file that changed this short a time before it was looked at may change again within the same tick of its
# file system's clock, and keep its size: two seconds are the coarsest clock in use.
_TICK_NS = 2_000_000_000

Signature = tuple[int, int, int, int]


@dataclass(frozen=True)
class PlansRead:
    """
    What a folder of plans holds now.

    :param loaded: as :func:`~drs_recovery.plan_loader.load_plans` gives it; empty if the folder is not there.
    :param notice: why the folder could not be read; empty if it could.
    """

    loaded: LoadedPlans = field(default_factory=LoadedPlans)
    notice: str = ""


@dataclass(frozen=True)
class _Look:
    """
    A file as it was parsed.

    :param signature: of the file then; None if that could not tell a later change.
    :param digest: of the content that was parsed; None if that is not known for sure.
    :param file: what was found.
    """

    signature: Signature | None
    digest: bytes | None
    file: PlanFile


class PlanCache:
    """The plans of one folder; any number of threads may ask."""

    def __init__(self) -> None:
        self._kept: dict[Path, _Look] = {}
        self._lock = Lock()

    def read(self, directory: Path) -> PlansRead:
        """
        Read the plans of a folder: the same as ``load_plans``, and a sentence instead of its error.

        :param directory: with the plan files.
        """
        try:
            paths = plan_files(directory)
        except PlanError as error:
            reasons = "; ".join(problem.message for problem in error.problems)
            return PlansRead(notice=f"The plan files are not on this web server: {reasons}")
        with self._lock:
            looks = {path: self._look(path) for path in paths}
            self._kept = {path: look for path, look in looks.items() if look.digest is not None}
        return PlansRead(join_files(look.file for look in looks.values()))

    def _look(self, path: Path) -> _Look:
        kept, signature = self._kept.get(path), _signature(path)
        if kept is not None and signature is not None and kept.signature == signature:
            return kept
        digest = _digest(path)
        if kept is not None and kept.digest == digest:
            return replace(kept, signature=_trusted(signature))
        file = read_plan_file(path)
        # Changed meanwhile: nobody knows which of the two contents was parsed.
        return _Look(_trusted(signature), digest if digest == _digest(path) else None, file)


def _signature(path: Path) -> Signature | None:
    """What changes with every change of a file, also when another one takes its place."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino


def _trusted(signature: Signature | None) -> Signature | None:
    if signature is None or time.time_ns() - max(signature[:2]) < _TICK_NS:
        return None
    return signature


def _digest(path: Path) -> bytes | None:
    try:
        return hashlib.sha256(path.read_bytes()).digest()
    except OSError:
        return None
