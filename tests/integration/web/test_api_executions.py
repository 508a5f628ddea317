"""Executions over the API: lists, documents, events, versions and refusals."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from pydantic import TypeAdapter

from drs_recovery.statuses import ExecutionStatus, ExecutionType
from drs_recovery.store import WaveRef
from drs_recovery.store.execution_types import ExecutionDocument
from drs_recovery.store.executions import ExecutionStore
from drs_recovery.web.api.executions import EventList, ExecutionPage
from tests.integration.web.conftest import Console
from tests.integration.web.on_record import opened
from tests.unit.store.conftest import Recovery

LIST = "/api/v1/executions"


def run_ids(answer: Any) -> list[str]:
    return [item["dagRunId"] for item in answer.json()["executions"]]


def test_the_list_is_newest_first_and_leaves_the_plan_out(console: Console, store: ExecutionStore) -> None:
    for number in range(3):
        opened(store, f"run-{number}")

    answer = console.get(LIST, "viewer")

    assert answer.status_code == 200
    assert run_ids(answer) == ["run-2", "run-1", "run-0"]
    assert "nextCursor" not in answer.json()
    assert "planSnapshot" not in answer.json()["executions"][0]
    TypeAdapter(ExecutionPage).validate_json(answer.content)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"plan": "erp"}, ["b"]),
        ({"type": "RECOVERY"}, ["c"]),
        ({"ticket": "CHG9"}, ["b"]),
        ({"ticket": "CHG"}, []),
        ({"status": "CANCELLED"}, ["a"]),
        ({"cancelled": "true"}, ["a"]),
        ({"cancelled": "false"}, ["c", "b"]),
        ({"dagRunId": "c"}, ["c"]),
        ({"dagRunId": "c", "type": "DRILL"}, []),
        ({"dagRunId": "c", "plan": "erp"}, []),
        ({"since": "2999-01-01T00:00:00Z"}, []),
        ({"until": "2001-01-01T00:00:00+02:00"}, []),
        ({"since": "0", "until": "99999999999"}, ["c", "b", "a"]),
        ({"plan": "crm", "type": "DRILL", "status": "CANCELLED"}, ["a"]),
    ],
)
def test_the_list_can_be_narrowed(
    console: Console, store: ExecutionStore, known_dags: None, query: dict[str, str], expected: list[str]
) -> None:
    cancelled = opened(store, "a")
    store.ending.finalize(cancelled, ExecutionStatus.CANCELLED)
    opened(store, "b", "erp", ticket="CHG9")
    opened(store, "c", execution_type=ExecutionType.RECOVERY)

    assert run_ids(console.get(LIST, params=query)) == expected


def test_a_run_id_finds_the_runs_of_all_plans(
    console: Console, store: ExecutionStore, known_dags: None
) -> None:
    for plan_id in ("crm", "erp"):
        opened(store, "INC7", plan_id)

    found = console.get(LIST, params={"dagRunId": "INC7"}).json()["executions"]

    assert [item["planId"] for item in found] == ["erp", "crm"]


def test_pages_follow_each_other_by_cursor_and_by_link(console: Console, store: ExecutionStore) -> None:
    for number in range(5):
        opened(store, f"run-{number}")

    first = console.get(LIST, params={"limit": "2", "plan": "crm"})
    cursor = first.json()["nextCursor"]
    second = console.get(LIST, params={"limit": "2", "plan": "crm", "cursor": cursor})
    address, _, rel = second.headers["link"].partition("; ")
    third = console.get(address.strip("<>").removeprefix("/recovery"))

    assert [*run_ids(first), *run_ids(second), *run_ids(third)] == [f"run-{n}" for n in (4, 3, 2, 1, 0)]
    assert rel == 'rel="next"'
    assert "link" not in third.headers


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("plann=crm", "/query/plann"),
        ("plan=crm&plan=erp", "/query/plan"),
        ("plan=", "/query/plan"),
        ("ticket=", "/query/ticket"),
        ("status=DONE", "/query/status"),
        ("limit=0", "/query/limit"),
        ("limit=201", "/query/limit"),
        ("since=yesterday", "/query/since"),
        ("since=2026-11-01T00:00:00", "/query/since"),
        ("until=nan", "/query/until"),
    ],
)
def test_a_query_that_makes_no_sense_is_refused_by_name(console: Console, query: str, pointer: str) -> None:
    answer = console.get(f"{LIST}?{query}")

    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


@pytest.mark.parametrize("cursor", ["x", "W10=", "WzFlOTk5LCAiYSJd", "W05hTiwgImEiXQ==", "\x00", "é"])
def test_what_is_no_cursor_is_refused(console: Console, cursor: str) -> None:
    assert console.get(LIST, params={"cursor": cursor}).status_code == 422


def test_the_document_is_that_of_the_store(console: Console, store: ExecutionStore) -> None:
    recovery = Recovery(store)
    recovery.id = opened(store)
    store.add_servers(WaveRef(recovery.id, 1), recovery.servers(1, 2))
    recovery.complete(1)

    answer = console.get(f"{LIST}/{recovery.id}", "viewer")

    assert answer.status_code == 200
    assert answer.json() == store.get_document(recovery.id)
    TypeAdapter(ExecutionDocument).validate_json(answer.content)


def test_a_field_that_no_model_knows_reaches_the_reader(console: Console, store: ExecutionStore) -> None:
    recovery = Recovery(store)
    recovery.id = opened(store)
    recovery.force("EXECUTION", addedLater={"a": 1.5})

    assert console.get(f"{LIST}/{recovery.id}").json()["addedLater"] == {"a": 1.5}


def test_events_are_told_in_order(console: Console, store: ExecutionStore) -> None:
    identity = opened(store)
    store.ending.request_cancel(identity, "dr-lead", "enough")

    answer = console.get(f"{LIST}/{identity}/events", "viewer")

    assert [event["event"] for event in answer.json()["events"]] == [
        "EXECUTION_OPENED",
        "EXECUTION_CANCELLING",
    ]
    TypeAdapter(EventList).validate_json(answer.content)


@pytest.mark.parametrize("path", ["", "/events"])
def test_an_unknown_execution_is_not_found(console: Console, path: str) -> None:
    answer = console.get(f"{LIST}/{uuid4()}{path}")

    assert answer.status_code == 404
    assert answer.json()["type"] == "urn:drs-recovery:problem:not-found"


def test_what_is_no_id_is_refused(console: Console) -> None:
    assert console.get(f"{LIST}/e1").status_code == 422


def test_an_unchanged_answer_is_sent_once(console: Console, store: ExecutionStore) -> None:
    path = f"{LIST}/{opened(store)}"
    tag = console.get(path).headers["etag"]

    for known in (tag, f'"other", {tag}', tag.removeprefix("W/"), "*"):
        answer = console.get(path, headers={"If-None-Match": known})

        assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", tag)
        assert answer.headers["cache-control"] == "private, no-cache"


def test_a_changed_answer_is_sent_again(console: Console, store: ExecutionStore) -> None:
    identity = opened(store)
    tag = console.get(f"{LIST}/{identity}").headers["etag"]
    store.ending.request_cancel(identity, "dr-lead", "enough")

    answer = console.get(f"{LIST}/{identity}", headers={"If-None-Match": tag})

    assert answer.status_code == 200
    assert answer.json()["status"] == "CANCELLING"
    assert answer.headers["etag"] != tag


def test_head_tells_the_version_without_the_content(console: Console, store: ExecutionStore) -> None:
    path = f"{LIST}/{opened(store)}"
    answer = console.send("HEAD", path, "viewer")

    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["etag"] == console.get(path).headers["etag"]


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "POST"])
def test_a_method_that_an_address_lacks_is_a_problem(console: Console, method: str) -> None:
    answer = console.send(method, LIST, "admin", json={})

    assert answer.status_code == 405
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["allow"] == "GET"


def test_who_may_not_see_a_plan_sees_no_execution_of_it(
    console: Console, store: ExecutionStore, known_dags: None, hidden_plan: str
) -> None:
    hidden, shown = opened(store, "r", hidden_plan), opened(store, "r", "crm")

    for query in ({}, {"plan": hidden_plan}, {"dagRunId": "r"}, {"dagRunId": "r", "plan": hidden_plan}):
        found = console.get(LIST, "viewer", params=query).json()["executions"]
        assert hidden not in [item["executionId"] for item in found]
    assert console.get(f"{LIST}/{shown}", "viewer").status_code == 200


@pytest.mark.parametrize("path", ["", "/events"])
def test_a_hidden_execution_is_answered_like_one_that_is_not_there(
    console: Console, store: ExecutionStore, hidden_plan: str, path: str
) -> None:
    hidden = opened(store, "r", hidden_plan)
    answer = console.get(f"{LIST}/{hidden}{path}", "viewer")
    missing = str(uuid4())
    other = console.get(f"{LIST}/{missing}{path}", "viewer")

    assert answer.status_code == other.status_code == 404
    assert answer.text.replace(hidden, "…") == other.text.replace(missing, "…")
    assert {**answer.headers, "date": ""} == {**other.headers, "date": ""}


def test_a_table_that_cannot_be_reached_is_told_with_when_to_ask_again(
    console: Console, unreachable_table: None
) -> None:
    answer = console.get(LIST)

    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "5"
    assert answer.json()["detail"].startswith("the table of executions cannot be read")


@pytest.mark.parametrize("content", [b"{", b"\xd8", b"[" * 100_000], ids=["cut off", "no text", "too deep"])
def test_a_body_that_is_no_json_is_refused(console: Console, store: ExecutionStore, content: bytes) -> None:
    path = f"{LIST}/{opened(store)}/actions/cancel"
    answer = console.send(
        "POST", path, "admin", content=content, headers={"Content-Type": "application/json"}
    )

    assert answer.status_code == 422
    assert answer.json()["type"] == "urn:drs-recovery:problem:invalid-request"
    assert answer.json()["errors"][0]["pointer"].startswith("/body")


def test_a_plan_that_another_version_wrote_is_told_as_such(console: Console, store: ExecutionStore) -> None:
    identity = opened(store, plan_snapshot={"id": "crm", "steps": []})
    store.gates.open(WaveRef(identity, 1), "Start?", ())
    answer = console.post(f"{LIST}/{identity}/actions/reject", {"wave": 1})

    assert answer.status_code == 409
    assert "another version" in answer.json()["detail"]
