"""Conditional answers: who has the newest version already is told so, without content (RFC 9110, 13)."""

from __future__ import annotations

import hashlib
import re
from http import HTTPStatus

from fastapi import Request
from starlette.responses import Response

_ENTITY_TAG = re.compile(r'(?:W/)?"([^"]*)"')


def conditional(request: Request, response: Response) -> Response:
    """
    Name the version of an answer, and leave out what the browser or program has already.

    The tag is a weak one, since Airflow's API server may send the same content compressed or not.

    :param request: that is answered.
    :param response: with the whole content.
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
