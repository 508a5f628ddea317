"""Nothing of the console is for anonymous requests, and nothing changes because another site wants it."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from fastapi.routing import APIRoute

from drs_recovery.store.listings import Listings
from drs_recovery.web.app import HEADERS, create_app
from tests.integration.web.conftest import Console

EXECUTION = "6f1c1c5e-8d3f-5d8e-b1a9-3f4d0d8f0f10"
VALUES = {
    "execution_id": EXECUTION,
    "plan_id": "crm",
    "dag_id": "recover_crm",
    "run_id": "r",
    "name": "console.css",
}


def every_route() -> list[tuple[str, str]]:
    routes = [route for route in create_app().routes if isinstance(route, APIRoute)]
    return [(method, route.path) for route in routes for method in sorted(route.methods)]


def filled(path: str) -> str:
    for name in [part.partition(":")[0] for part in path.replace("{", "}").split("}")[1::2]]:
        path = path.replace(f"{{{name}}}", VALUES.get(name, "x")).replace(
            f"{{{name}:path}}", VALUES.get(name, "x")
        )
    return path


@pytest.mark.parametrize(("method", "path"), every_route())
def test_every_route_refuses_anonymous_requests(console: Console, method: str, path: str) -> None:
    answer = console.send(method, filled(path), role=None, headers={"Content-Type": "application/json"})

    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == "urn:drs-recovery:problem:not-logged-in"


def test_somebody_who_is_not_logged_in_is_led_to_the_login(console: Console) -> None:
    answer = console.get("/", role=None, html=True)

    assert answer.status_code == 307
    assert "/auth/login" in answer.headers["location"]


def test_the_login_leads_back_to_the_page_and_never_to_another_host(console: Console) -> None:
    answer = console.get(
        "/executions?ticket=CHG1",
        role=None,
        html=True,
        headers={"Host": "evil.example", "X-Forwarded-Host": "e"},
    )

    (back,) = parse_qs(urlsplit(answer.headers["location"]).query)["next"]
    assert back == "/recovery/executions?ticket=CHG1"
    assert "evil" not in answer.headers["location"]


@pytest.mark.parametrize(
    ("path", "role", "status"),
    [
        ("/", "viewer", 200),
        ("/nothing-here", "viewer", 404),
        ("/executions?status=nonsense", "viewer", 422),
        ("/", None, 307),
        ("/api/v1/nothing-here", "viewer", 404),
        ("/api/v1/openapi.json", None, 401),
    ],
)
def test_every_answer_has_the_security_headers(
    console: Console, path: str, role: str | None, status: int
) -> None:
    answer = console.get(path, role, html=True)

    assert answer.status_code == status
    assert_secured(answer)


def test_what_nobody_expected_has_the_security_headers_and_tells_no_secret(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise RuntimeError("password=hunter2")

    monkeypatch.setattr(Listings, "page", fails)

    for path in ("/executions", "/api/v1/executions"):
        answer = console.get(path, html=True)
        assert answer.status_code == 500
        assert "hunter2" not in answer.text
        assert_secured(answer)


def assert_secured(answer: httpx.Response) -> None:
    assert {name: answer.headers[name] for name in HEADERS} == HEADERS
    policy = dict(part.split(" ", 1) for part in answer.headers["Content-Security-Policy"].split("; "))
    assert "unsafe" not in str(policy)
    assert (policy["default-src"], policy["script-src"]) == ("'none'", "'self'")
    assert (policy["frame-ancestors"], policy["base-uri"]) == ("'self'", "'none'")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 404),
        ({"Origin": "http://airflow"}, 404),
        ({"Sec-Fetch-Site": "same-origin", "Content-Type": "application/x-www-form-urlencoded"}, 415),
        ({"Sec-Fetch-Site": "same-origin", "Content-Type": "text/plain"}, 415),
        ({"Sec-Fetch-Site": "same-origin", "Content-Type": "multipart/form-data; boundary=x"}, 415),
        ({"Sec-Fetch-Site": "same-origin", "Content-Type": ""}, 415),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "http://airflow"}, 403),
        ({"Origin": "http://airflow.evil.example"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Authorization": "Basic YWRtaW46YWRtaW4="}, 403),
    ],
)
def test_a_cookie_alone_changes_nothing(console: Console, headers: dict[str, str], status: int) -> None:
    cookie = {"Cookie": f"_token={console.core_api.token('admin', 'admin')}"}
    content = {"Content-Type": "application/json"}

    answer = console.send(
        "POST",
        f"/api/v1/executions/{EXECUTION}/actions/cancel",
        role=None,
        headers={**content, **cookie, **headers},
        content='{"reason": "wrong plan"}',
    )

    assert answer.status_code == status


@pytest.mark.parametrize("path", [path for method, path in every_route() if method not in ("GET", "HEAD")])
def test_no_action_is_taken_for_another_site(console: Console, path: str) -> None:
    cookie = f"_token={console.core_api.token('admin', 'admin')}"
    headers = {"Cookie": cookie, "Content-Type": "application/json", "Sec-Fetch-Site": "cross-site"}

    answer = console.send("POST", filled(path), role=None, headers=headers, content="{}")

    assert answer.status_code == 403
    assert "comes from another site" in answer.json()["detail"]
