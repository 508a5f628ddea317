"""Reads the bytes of plan files, and refuses what is no plan file whatever it holds."""

from __future__ import annotations

import os
import stat
from pathlib import Path

# DRS's quota of 4000 source servers, each on a line with a comment, takes a third of it.
MOST_BYTES = 1_048_576


class SourceRefusedError(Exception):
    """A file is not read; the text goes on behind the file's name."""


def read_source(path: Path) -> bytes:
    """
    Read a plan file.

    :raises SourceRefusedError: it is not there, no regular file, too large, or a link out of its folder: what
        the link leads to may be none of the reader's business, and errors quote what they find.
    """
    try:
        if not path.resolve(strict=True).is_relative_to(path.parent.resolve()):
            raise SourceRefusedError("is a link out of its folder; put the file itself there")
        # Without waiting: opening a FIFO would hold up the reader until somebody writes.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except (OSError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or "its links lead in a circle"
        raise SourceRefusedError(f"cannot be read: {reason}") from None
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise SourceRefusedError("is not a regular file")
        content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise SourceRefusedError(
            f"is larger than {MOST_BYTES // 1024} KiB, the most that a plan file may have"
        )
    return content
