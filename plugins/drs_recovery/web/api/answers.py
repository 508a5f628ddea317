"""What the API's routes answer: JSON with an entity tag, and the links between pages of a list."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from fastapi import Request
from starlette.datastructures import URL
from starlette.responses import Response

from drs_recovery.web.rendering import conditional


def json_answer(request: Request, content: Any, headers: Mapping[str, str] | None = None) -> Response:
    """
    Answer with a value, or 304 if the program has it already.

    :param request: that is answered.
    :param content: plain values, as the store gives them. They go out as they are: no model may drop a field
        that it does not know, nor fail at a value that nobody expected.
    :param headers: of the answer.
    """
    # Sorted, so that the same record is always the same text. Only ASCII: a lone half of a UTF-16 pair in
    # somebody's text has no UTF-8.
    body = json.dumps(content, sort_keys=True, allow_nan=False, separators=(",", ":"))
    return conditional(request, Response(body, headers=headers, media_type="application/json"))


def next_page(request: Request, cursor: str | None) -> dict[str, str]:
    """
    Header ``Link`` (RFC 8288) of a page of a list; none on the last page.

    :param request: of this page.
    :param cursor: where the next page starts.
    """
    if cursor is None:
        return {}
    url = URL(scope=request.scope).include_query_params(cursor=cursor)
    return {"Link": f'<{url.path}?{url.query}>; rel="next"'}
