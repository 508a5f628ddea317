from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sandbox.testing import ManualWall
from tests.unit.sandbox.known import A_DRILL, DB_1, DB_2, WEB_1

Start = Callable[..., str]


def test_snapshots_are_kept_as_drs_keeps_them_by_default(drs: Any, wall: ManualWall) -> None:
    items = drs.describe_recovery_snapshots(sourceServerID=DB_1)["items"]
    ages = [wall.seconds - datetime.fromisoformat(item["timestamp"]).timestamp() for item in items]
    assert ages == sorted(ages, reverse=True)
    assert ages[-1] < 600
    assert 6 <= sum(age <= 3_600 for age in ages) <= 7
    assert max(ages) < 7 * 86_400
    assert all(item["snapshotID"].startswith("pit-") for item in items)


def test_snapshots_can_be_asked_for_by_time_and_in_reverse(drs: Any, wall: ManualWall) -> None:
    start = datetime.fromtimestamp(wall.seconds, UTC) - timedelta(hours=1)
    text = start.isoformat().replace("+00:00", "Z")
    items = drs.describe_recovery_snapshots(
        sourceServerID=DB_1, filters={"fromDateTime": text}, order="DESC"
    )["items"]
    assert 6 <= len(items) <= 7
    assert items[0]["timestamp"] > items[-1]["timestamp"]


@pytest.mark.parametrize(
    ("operation", "more"),
    [
        ("describe_source_servers", {}),
        ("describe_jobs", {}),
        ("describe_job_log_items", {"jobID": None}),
        ("describe_recovery_instances", {}),
        ("describe_recovery_snapshots", {"sourceServerID": DB_1}),
    ],
)
def test_every_describe_call_has_pages(
    drs: Any, start: Start, wall: ManualWall, operation: str, more: dict[str, Any]
) -> None:
    jobs = [start(DB_1), start(DB_2), start(WEB_1)]
    wall.advance(A_DRILL)
    arguments = {key: value or jobs[0] for key, value in more.items()}
    whole = getattr(drs, operation)(**arguments)["items"]
    paginator = drs.get_paginator(operation).paginate(**arguments, PaginationConfig={"PageSize": 2})
    pages = [page["items"] for page in paginator]
    assert [row for page in pages for row in page] == whole
    assert len(pages) > 1
    assert all(len(page) <= 2 for page in pages)


@pytest.mark.parametrize("token", ["nonsense", "WyJEZXNjcmliZUpvYkxvZ0l0ZW1zIiwgMF0=", "MTI="])
def test_a_token_of_something_else_is_refused(drs: Any, token: str) -> None:
    with pytest.raises(drs.exceptions.ValidationException, match="nextToken"):
        drs.describe_jobs(nextToken=token)
