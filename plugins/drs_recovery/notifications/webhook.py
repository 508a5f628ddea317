"""A notifier that calls the HTTP API of a chat, pager or ticketing tool; see docs/notifications.md."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import reduce
from typing import TYPE_CHECKING, Any

import httpx
from airflow.sdk import BaseHook, BaseNotifier, Connection

if TYPE_CHECKING:
    from airflow.sdk.definitions.context import Context

# A recovery waits for a message for some seconds at most: to connect, and for the answer.
_TIMEOUT = httpx.Timeout(3, connect=2)

_PASSWORD, _FOUND = "$password", "$found"


class WebhookNotifier(BaseNotifier):
    """
    Send what happened as JSON.

    The Airflow connection, of type ``http``, has the address and what is secret: login and password for basic
    authentication, or headers in its extra. Where a body has ``$password``, the connection's goes there.

    :param connection: its id.
    :param endpoint: path behind the address of the connection; ``$found`` stands for what a lookup found.
    :param lookup: path that is asked first, for an id that the endpoint needs.
    :param found: where the id is in the answer to that, such as ``result.0.sys_id``.
    """

    template_fields = ("endpoint", "body", "lookup")

    def __init__(
        self,
        *,
        connection: str,
        endpoint: str,
        body: Mapping[str, Any],
        method: str = "POST",
        lookup: str = "",
        found: str = "",
    ) -> None:
        super().__init__()
        self.connection, self.method = connection, method
        self.endpoint, self.body, self.lookup, self.found = endpoint, body, lookup, found

    def notify(self, context: Context) -> None:
        """
        Send it.

        :raises httpx.HTTPError: it was not taken.
        :raises LookupError: the lookup found nothing.
        """
        connection = BaseHook.get_connection(self.connection)
        endpoint = self.endpoint
        if self.lookup:
            answer = self._call(connection, "GET", self.lookup).json()
            endpoint = endpoint.replace(_FOUND, str(_at(answer, self.found)))
        text = json.dumps(self.body)
        if connection.password:
            text = text.replace(f'"{_PASSWORD}"', json.dumps(connection.password))
        self._call(connection, self.method, endpoint, json.loads(text))

    @staticmethod
    def _call(connection: Connection, method: str, path: str, body: Any = None) -> httpx.Response:
        sign_in = (connection.login, connection.password or "") if connection.login else None
        headers = {name: str(value) for name, value in connection.extra_dejson.items()}
        url = f"{_address(connection)}/{path.lstrip('/')}"
        answer = httpx.request(method, url, json=body, headers=headers, auth=sign_in, timeout=_TIMEOUT)
        return answer.raise_for_status()


def _address(connection: Connection) -> str:
    host = connection.host or ""
    if "://" in host:
        return host.rstrip("/")
    port = f":{connection.port}" if connection.port else ""
    return f"{connection.schema or 'https'}://{host}{port}"


def _at(answer: Any, place: str) -> Any:
    """Follow names and positions into an answer."""
    return reduce(lambda part, name: part[int(name) if name.isdigit() else name], place.split("."), answer)
