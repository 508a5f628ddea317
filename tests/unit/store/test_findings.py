"""What the preflight found, in the record."""

from __future__ import annotations

import pytest

from drs_recovery.exceptions import TransitionRefusedError
from drs_recovery.statuses import ExecutionStatus, FindingSeverity
from drs_recovery.store.executions import MOST_FINDINGS
from drs_recovery.store.records import NewFinding

ERROR = NewFinding(FindingSeverity.ERROR, "it is STALLED", "fix it", "s-1", "db-01", 1)
WARNING = NewFinding(FindingSeverity.WARNING, "no room", "wait")


def test_findings_are_recorded_errors_first_with_their_event(store, opened):
    assert store.set_findings("e1", [WARNING, ERROR]) is True
    assert store.get_execution("e1")["findings"] == [
        {
            "severity": "ERROR",
            "what": "it is STALLED",
            "remedy": "fix it",
            "sourceServerId": "s-1",
            "serverName": "db-01",
            "waveNumber": 1,
        },
        {"severity": "WARNING", "what": "no room", "remedy": "wait"},
    ]
    event = store.get_events("e1")[-1]
    assert (event["event"], event["detail"]) == ("PREFLIGHT", {"errors": 1, "warnings": 1})


def test_a_preflight_that_finds_nothing_is_recorded_too(store, opened):
    assert store.set_findings("e1", []) is True
    assert store.get_execution("e1")["findings"] == []


def test_a_retry_that_finds_the_same_changes_nothing_and_a_later_result_replaces_it(store, opened):
    store.set_findings("e1", [ERROR])
    assert store.set_findings("e1", [ERROR]) is False
    assert store.set_findings("e1", [WARNING]) is True
    assert [finding["what"] for finding in store.get_execution("e1")["findings"]] == ["no room"]
    assert opened.events().count("PREFLIGHT") == 2


def test_a_record_has_room_for_so_many_findings_and_tells_how_many_more_there_are(store, opened):
    store.set_findings("e1", [WARNING] * MOST_FINDINGS + [ERROR])
    findings = store.get_execution("e1")["findings"]
    assert (len(findings), findings[0]["severity"]) == (MOST_FINDINGS, "ERROR")
    assert findings[-1]["what"] == "there are 2 more findings"
    assert store.get_events("e1")[-1]["detail"] == {"errors": 1, "warnings": MOST_FINDINGS}


def test_an_execution_that_ended_is_checked_no_more(store, opened):
    store.ending.finalize("e1", ExecutionStatus.FAILED)
    with pytest.raises(TransitionRefusedError, match="FAILED"):
        store.set_findings("e1", [])
