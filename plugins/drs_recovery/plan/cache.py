"""Cache the plans of a folder: a process parses each content of a file once, and searches without parsing."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock

from drs_recovery.plan.loader import LoadedPlans, PlanFile, join_files, plan_files, read_plan_file, stem_key
from drs_recovery.plan.yaml_reader import SourceRefusedError, read_source

# What stands behind each key ``id``, also those of servers, up to a blank, a quote or the end of a list.
_ID_VALUES = re.compile(rb"""\bid["']?\s*:\s*["']?([^\s"',}\]#]*)""")
_PLAIN = re.compile(rb"[\w-]+")


def may_hold(path: Path, plan_id: str) -> bool:
    """
    Whether a file may hold a plan, as far as its name and the keys ``id`` in it tell.

    :return: True where it cannot be told, as for ``id: !!str crm``. Only a key that is not written as ``id``
        in letters escapes: who finds no plan must look at all files.
    """
    if plan_id in (path.stem, stem_key(path)):
        return True
    try:
        content = read_source(path)
    except SourceRefusedError:
        return True
    wanted = plan_id.encode()
    values = _ID_VALUES.findall(content)
    return any(value == wanted or not _PLAIN.fullmatch(value) for value in values)


# A file that changed this short a time before it was looked at may change again within the same tick of its
# file system's clock, and keep its size: two seconds are the coarsest clock in use.
_TICK_NS = 2_000_000_000

Signature = tuple[int, int, int, int]


def load_plans(directories: Sequence[Path], only_id: str | None = None) -> LoadedPlans:
    """
    Read the plans of directories, from this process's cache where files are as they were.

    :param directories: with ``*.yaml`` and ``*.yml`` files; directories in them are not entered.
    :param only_id: what the caller needs; files that cannot hold it may be left out of the result.
    :raises PlanError: when a directory cannot be listed.
    """
    return _of_this_process.load(directories, only_id)


@dataclass(frozen=True)
class _Look:
    """
    A file as it was parsed.

    :param signature: of the file then; None if that could not tell a later change.
    :param digest: of the content that was parsed; None if that is not known for sure.
    """

    signature: Signature | None
    digest: bytes | None
    file: PlanFile


class PlanCache:
    """Plan files as they were parsed; any number of threads may ask."""

    def __init__(self) -> None:
        self._kept: dict[Path, _Look] = {}
        self._lock = Lock()

    def load(self, directories: Sequence[Path], only_id: str | None = None) -> LoadedPlans:
        """
        Read the plans of directories as :func:`load_plans` does.

        :raises PlanError: when a directory cannot be listed.
        """
        files = {directory: plan_files(directory) for directory in directories}
        paths = [path for of_one in files.values() for path in of_one]
        with self._lock:
            for directory, of_one in files.items():
                self._forget(directory, of_one)
            if only_id is not None:
                some = self._read([path for path in paths if may_hold(path, only_id)])
                if only_id in some.sources:
                    return some
            return self._read(paths)

    def _forget(self, directory: Path, paths: Sequence[Path]) -> None:
        for gone in {path for path in self._kept if path.parent == directory}.difference(paths):
            del self._kept[gone]

    def _read(self, paths: Sequence[Path]) -> LoadedPlans:
        looks = {path: self._look(path) for path in paths}
        for path, look in looks.items():
            if look.digest is None:
                self._kept.pop(path, None)
            else:
                self._kept[path] = look
        return join_files(look.file for look in looks.values())

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
        return hashlib.sha256(read_source(path)).digest()
    except SourceRefusedError:
        return None


_of_this_process = PlanCache()
