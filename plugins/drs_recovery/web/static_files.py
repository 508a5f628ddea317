"""Style sheets and scripts of the console: files of this package, for people who are logged in."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from fastapi import APIRouter
from starlette.responses import FileResponse

from drs_recovery.web.problems import not_found

FOLDER = Path(__file__).parent / "static"
_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}

# The address of a file has a part that changes with the content of all, so that none is ever asked for again.
_CACHE_CONTROL = "private, max-age=31536000, immutable"

router = APIRouter(prefix="/static", include_in_schema=False)


@router.get("/{digest}/{name}", name="static_file")
def static_file(digest: str, name: str) -> FileResponse:
    """Send a file."""
    if name not in _names():
        raise not_found(f"there is no file {name!r}")
    path = FOLDER / name
    headers = {"Cache-Control": _CACHE_CONTROL} if digest == folder_digest() else {}
    return FileResponse(path, media_type=_TYPES[path.suffix], headers=headers)


@cache
def folder_digest() -> str:
    """What tells the files from every other version; one for all, since scripts load each other by name."""
    whole = hashlib.sha256()
    for name in sorted(_names()):
        whole.update(name.encode() + b"\0" + (FOLDER / name).read_bytes())
    return whole.hexdigest()[:16]


@cache
def _names() -> frozenset[str]:
    return frozenset(path.name for path in FOLDER.iterdir() if path.suffix in _TYPES)
