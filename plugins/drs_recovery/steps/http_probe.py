"""Expect an answer of HTTP: its status, and words in its body."""

from __future__ import annotations

import base64
import http.client
import socket
import ssl
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal, NamedTuple
from urllib.parse import SplitResult, urljoin, urlsplit

from pydantic import Field, StrictBool, StrictInt

from drs_recovery.plan import ConnectionId, HttpUrl, Line, Name, PlanModel
from drs_recovery.steps.address_probe import TRY_SECONDS, AddressProbe, Via
from drs_recovery.steps.http_script import curl, invoke_web_request, told_by
from drs_recovery.steps.reach import ProbeRefusedError, Reach
from drs_recovery.steps.seen import Seen

if TYPE_CHECKING:
    from drs_recovery.steps.kind import Login, StepRun

_PORTS = {"http": 80, "https": 443}
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS = 5
# Of a body, so much is read, and so much of one that is not as expected is kept.
_MOST_BODY, _KEPT_BODY = 256 * 1024, 1000


class Auth(PlanModel):
    """Where the credentials are."""

    connection: ConnectionId = Field(
        description="Airflow connection: login and password, or a password alone as a bearer token."
    )


class HttpProbeArguments(PlanModel):
    """What is asked, and which answer proves that it works."""

    url: HttpUrl = Field(description="Address; placeholders such as {{ server.private_ip }} are filled in.")
    method: Literal["GET", "HEAD", "POST"] = Field(default="GET", description="Method of the request.")
    headers: dict[Name, Line] = Field(default={}, description="Headers of the request; no credentials.")
    auth: Auth | None = Field(default=None, description="Credentials from an Airflow connection.")
    status: StrictInt = Field(default=200, ge=100, le=599, description="Status code that is expected.")
    body: Line | None = Field(default=None, description="Words that the body of the answer must hold.")
    verify_tls: StrictBool = Field(default=True, description="Whether the certificate must be valid.")
    via: Via = Field(default="worker", description="From where it asks.")


class Answer(NamedTuple):
    """An answer, as far as a probe judges it."""

    status: int
    location: str | None
    body: str
    host: str


class HttpProbe(AddressProbe):
    """Asks once a look; follows redirects that stay where probes may go."""

    key = "http_probe"
    title = "Expect an HTTP answer, with a status and words in its body."
    arguments = HttpProbeArguments

    def acts_per_server(self, arguments: Mapping[str, Any]) -> bool:
        """If its address is one of each server, or each server asks."""
        return "server." in str(arguments.get("url", "")) or arguments.get("via") == "ssm"

    def problems(self, arguments: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], str]]:
        """An answer without a body cannot hold words."""
        if arguments.get("method") == "HEAD" and arguments.get("body") is not None:
            yield ("body",), "an answer to HEAD has no body; use GET"
        if arguments.get("via") == "ssm" and arguments.get("auth") is not None:
            yield ("auth",), "Systems Manager keeps what a command is given; with via: ssm there is no auth"

    def attempt(self, reach: Reach, arguments: Any, run: StepRun) -> Seen:
        """Ask once."""
        answer = answered(reach, arguments, run)
        return answer if isinstance(answer, Seen) else judged(answer, arguments)

    def script(self, arguments: Any, *, windows: bool) -> tuple[str, ...]:
        """Ask once, from the instance."""
        follows = arguments.status not in _REDIRECTS
        return (invoke_web_request if windows else curl)(arguments, TRY_SECONDS, follows=follows)

    def script_seen(self, arguments: Any, output: str) -> Seen:
        """Judge the answer as that to a worker."""
        told = told_by(output)
        if told is None:
            return Seen(ok=False, detail="the script told no HTTP status")
        status, body = told
        return judged(Answer(status, None, body, str(urlsplit(arguments.url).hostname)), arguments)


def answered(reach: Reach, arguments: HttpProbeArguments, run: StepRun) -> Answer | Seen:
    """Ask once, also where redirects lead to; the last answer, or why there is none."""
    headers = {**arguments.headers, **_authorization(arguments.auth, run)}
    url = _parsed(arguments.url)
    for _ in range(_MOST_REDIRECTS + 1):
        try:
            answer = _asked(reach, url, arguments, headers)
        except ssl.SSLError as error:
            return Seen(ok=False, detail=f"TLS with {url.hostname} failed: {_tls_words(error)}")
        except http.client.HTTPException as error:
            return Seen(ok=False, detail=f"no HTTP answer from {url.hostname} ({type(error).__name__})")
        if answer.status == arguments.status or answer.status not in _REDIRECTS or not answer.location:
            return answer
        before, url = url, _parsed(urljoin(url.geturl(), answer.location))
        if (before.scheme, before.netloc) != (url.scheme, url.netloc):
            # What is meant for one server is not told to another.
            headers = {}
    return Seen(ok=False, detail=f"more than {_MOST_REDIRECTS} redirects")


def _parsed(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        known = parts.scheme in _PORTS and parts.hostname and (parts.port is None or parts.port > 0)
    except ValueError:
        known = False
    if not known or any(character in url for character in " \t\r\n"):
        raise ProbeRefusedError(f"{url!r} is not an http:// or https:// address")
    return parts


def _asked(reach: Reach, url: SplitResult, arguments: Any, headers: Mapping[str, str]) -> Answer:
    host, port = str(url.hostname), url.port or _PORTS[url.scheme]
    address = reach.address_of(host, port)
    connection = _connection(url.scheme, host, port, verify=arguments.verify_tls)
    # To this address, whatever the name resolves to by now; the certificate is still that of the name.
    connection._create_connection = _connector(address)  # type: ignore[attr-defined]
    try:
        target = (url.path or "/") + (f"?{url.query}" if url.query else "")
        connection.request(arguments.method, target, headers={"User-Agent": "drs-recovery", **headers})
        response = connection.getresponse()
        body = response.read(_MOST_BODY).decode("utf-8", errors="replace")
        return Answer(response.status, response.getheader("Location"), body, host)
    finally:
        connection.close()


def _connection(scheme: str, host: str, port: int, *, verify: bool) -> http.client.HTTPConnection:
    if scheme == "http":
        return http.client.HTTPConnection(host, port, timeout=TRY_SECONDS)
    context = ssl.create_default_context()
    if not verify:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return http.client.HTTPSConnection(host, port, timeout=TRY_SECONDS, context=context)


def _connector(address: str) -> Any:
    def connect(target: tuple[str, int], *arguments: Any) -> socket.socket:
        return socket.create_connection((address, target[1]), *arguments)

    return connect


def _authorization(auth: Auth | None, run: StepRun) -> dict[str, str]:
    if auth is None:
        return {}
    login: Login = run.login(auth.connection)
    if login.user:
        pair = base64.b64encode(f"{login.user}:{login.secret or ''}".encode()).decode()
        return {"Authorization": f"Basic {pair}"}
    return {"Authorization": f"Bearer {login.secret}"} if login.secret else {}


def judged(answer: Answer, arguments: HttpProbeArguments) -> Seen:
    """Say whether an answer is the expected one."""
    said = f"HTTP {answer.status} from {answer.host}"
    if answer.status != arguments.status:
        detail = f"{said}, expected {arguments.status}"
        return Seen(ok=False, detail=detail, output=answer.body[:_KEPT_BODY])
    if arguments.body is not None and arguments.body not in answer.body:
        return Seen(ok=False, detail=f"{said} without the expected words", output=answer.body[:_KEPT_BODY])
    return Seen(ok=True, detail=said)


def _tls_words(error: ssl.SSLError) -> str:
    return str(getattr(error, "verify_message", "") or error.reason or error)


KIND = HttpProbe()
