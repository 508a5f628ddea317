"""How pages become HTML."""

from __future__ import annotations

from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import quote

from fastapi import Request
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse, Response

from drs_recovery.web.conditional import conditional
from drs_recovery.web.static_files import folder_digest

_TEMPLATES = Path(__file__).parent / "templates"
# Where the Airflow plugin mounts the console.
_MOUNT = "/recovery"


def render(request: Request, template: str, status: int = 200, **values: Any) -> Response:
    """
    Fill a template in; a page that the browser has already is not sent again.

    :param request: that is answered.
    :param template: name of its file.
    :param status: HTTP status.
    :param values: what the template shows.
    """
    html = _environment().get_template(template).render(links=Links(request), **values)
    response = HTMLResponse(html, status)
    return conditional(request, response) if status == HTTPStatus.OK else response


class Links:
    """
    Addresses of the console's own pages and of Airflow's, below whatever path both are served.

    :param request: that is answered.
    """

    def __init__(self, request: Request) -> None:
        self._app = request.app
        self._root: str = request.scope.get("root_path", "")

    def to(self, route: str, /, **parts: str) -> str:
        """
        Path of a page.

        :param route: its name.
        :param parts: of its path.
        """
        # Not the request's own url_for: in a mounted app that knows the routes of the app around it.
        return f"{self._root}{self._app.url_path_for(route, **parts)}"

    def static(self, name: str) -> str:
        """
        Path of a file of the folder ``static``.

        :param name: of the file.
        """
        return self.to("static_file", digest=folder_digest(), name=name)

    def action(self, execution_id: str, kind: str) -> str:
        """
        Path of the API that carries an action out.

        :param execution_id: of the execution.
        :param kind: of the action.
        """
        return f"{self._root}/api/v1/executions/{execution_id}/actions/{kind}"

    def airflow(self, *parts: str) -> str:
        """
        Path of a page of Airflow's own UI.

        :param parts: of the path, in order; each may hold anything.
        """
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
