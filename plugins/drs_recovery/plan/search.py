"""Tells which plan files may hold a plan without parsing them: a task needs one plan of hundreds."""

from __future__ import annotations

import re
from pathlib import Path

from drs_recovery.plan.loader import stem_key
from drs_recovery.plan.source import SourceRefusedError, read_source

# What stands behind each key ``id``, also those of servers, up to a blank, a quote or the end of a list.
_ID_VALUES = re.compile(rb"""\bid["']?\s*:\s*["']?([^\s"',}\]#]*)""")
_PLAIN = re.compile(rb"[\w-]+")


def may_hold(path: Path, plan_id: str) -> bool:
    """
    Whether a file may hold a plan, as far as its name and the keys ``id`` in it tell.

    :param path: of the file.
    :param plan_id: of the plan, or the key of one that cannot be read.
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
