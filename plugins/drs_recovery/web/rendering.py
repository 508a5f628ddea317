"""Render pages as HTML, serve static files, answer conditional requests (RFC 9110, 13)."""

from __future__ import annotations

import hashlib
import re
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Request
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import FileResponse, HTMLResponse, Response

from drs_recovery.web.problems import not_found

_ENTITY_TAG = re.compile(r'(?:W/)?"([^"]*)"')


def conditional(request: Request, response: Response) -> Response:
    """
    Name the version of an answer, and leave out what the browser or program has already.

    The tag is a weak one, since Airflow's API server may send the same content compressed or not.

    :return: it with its ``ETag``, or 304 when ``If-None-Match`` has that tag.
    """
    digest = hashlib.sha256(response.body).hexdigest()[:32]
    tag = f'W/"{digest}"'
    if _is_known(request, digest):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers={"ETag": tag})
    response.headers["ETag"] = tag
    return response


def _is_known(request: Request, digest: str) -> bool:
    sent = ", ".join(request.headers.getlist("if-none-match"))
    return sent.strip() == "*" or digest in _ENTITY_TAG.findall(sent)


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


_TEMPLATES = Path(__file__).parent / "templates"
# Where the Airflow plugin mounts the console.
_MOUNT = "/recovery"


def render(request: Request, template: str, status: int = 200, **values: Any) -> Response:
    """Fill a template in; a page that the browser has already is not sent again."""
    html = _environment().get_template(template).render(links=Links(request), **values)
    response = HTMLResponse(html, status)
    return conditional(request, response) if status == HTTPStatus.OK else response


class Links:
    """Addresses of the console's own pages and of Airflow's, below whatever path both are served."""

    def __init__(self, request: Request) -> None:
        self._app = request.app
        self._root: str = request.scope.get("root_path", "")

    def to(self, route: str, /, **parts: str) -> str:
        """Path of a page."""
        # Not the request's own url_for: in a mounted app that knows the routes of the app around it.
        return f"{self._root}{self._app.url_path_for(route, **parts)}"

    def static(self, name: str) -> str:
        """Path of a file of the folder ``static``."""
        return self.to("static_file", digest=folder_digest(), name=name)

    def action(self, execution_id: str, kind: str) -> str:
        """Path of the API that carries an action out."""
        return f"{self._root}/api/v1/executions/{execution_id}/actions/{kind}"

    def airflow(self, *parts: str) -> str:
        """Path of a page of Airflow's own UI; its parts may hold anything."""
        base = self._root.removesuffix(_MOUNT)
        return base + "".join(f"/{quote(part, safe='')}" for part in parts)


@cache
def _environment() -> Environment:
    # Whatever is shown may come from somebody else: everything is escaped, in every file.
    return Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
