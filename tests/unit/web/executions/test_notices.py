"""What must not be overlooked about the page itself."""

from __future__ import annotations

from typing import Any

import pytest

from drs_recovery.web.airflow import AirflowRun
from drs_recovery.web.executions.notices import notices_for
from tests.unit.web.documents import START, Fields, document, event, server, wave

RUNS = AirflowRun("running")
LAUNCHING = wave("POLLING", server(phase="LAUNCH"), lastPolledTime=START + 600)


def told(
    state: Fields,
    airflow: AirflowRun | None = RUNS,
    later: float = 620,
    events: list[dict[str, Any]] | None = None,
) -> list[tuple[str, bool]]:
    found = notices_for(state, events or [], airflow, START + later)
    return [(str(notice.text), notice.is_serious) for notice in found]


def test_a_healthy_execution_has_none() -> None:
    assert told(document("POLLING", LAUNCHING)) == []


def test_that_airflow_could_not_be_asked_is_said_while_it_matters() -> None:
    ((text, is_serious),) = told(document("POLLING", LAUNCHING), None)
    assert text == "Airflow could not be asked about the DAG run: what you see is the record alone."
    assert not is_serious
    assert told(document("COMPLETED", wave()), None) == []


@pytest.mark.parametrize(
    ("state", "words"), [("failed", "is failed"), ("success", "is success"), (None, "was deleted")]
)
def test_a_run_that_is_over_before_its_record_is_a_serious_matter(state: str | None, words: str) -> None:
    ((text, is_serious),) = told(document("POLLING", LAUNCHING), AirflowRun(state))
    assert text.startswith(f"The DAG run {words}, and the record is not closed yet.")
    assert is_serious


def test_of_an_ended_execution_the_state_of_the_run_is_no_news() -> None:
    assert told(document("FAILED", wave("FAILED")), AirflowRun("failed")) == []


def test_a_wave_that_nobody_looked_at_for_long_may_be_further() -> None:
    state = document("POLLING", LAUNCHING)
    assert told(state, later=900) == []
    ((text, is_serious),) = told(state, later=901)
    assert text == (
        'There has been no news of wave 1 "Database" since 2027-01-15 08:10:00 UTC: '
        "DRS may be further ahead than this page shows."
    )
    assert is_serious


def test_a_wave_that_was_never_looked_at_counts_from_its_attempt() -> None:
    first = document("POLLING", wave("POLLING"))
    assert told(first, later=360) == []
    assert len(told(first, later=361)) == 1
    assert told(document("POLLING", wave("POLLING", attemptTime=START + 300)), later=361) == []


def test_a_look_that_failed_is_told_of() -> None:
    error = {"message": "ThrottlingException", "time": START + 610}
    ((text, is_serious),) = told(document("POLLING", {**LAUNCHING, "lastPollError": error}))
    assert text.endswith("it is tried again: ThrottlingException")
    assert not is_serious


def test_what_is_waited_for_before_a_start_is_told_of_with_the_time_since_when() -> None:
    waiting = {"message": "ThrottlingException: Rate exceeded", "since": START + 10, "time": START + 600}

    ((opening, is_serious),) = told({**document("PENDING"), "waitingFor": waiting})
    ((start, _),) = told(document("POLLING", wave("PENDING", waitingFor=waiting)))

    assert opening == (
        "Since 2027-01-15 08:00:10 UTC the opening of this execution waits; "
        "it is tried again: ThrottlingException: Rate exceeded"
    )
    assert start.startswith('Since 2027-01-15 08:00:10 UTC the start of wave 1 "Database" waits;')
    assert not is_serious
    assert told({**document("FAILED", wave("FAILED")), "waitingFor": waiting}) == []


def test_messages_that_could_not_be_sent_are_counted() -> None:
    failed = [event("NOTIFICATION_FAILED", n, error=f"no topic {n}") for n in (10, 20)]
    ((text, _),) = told(document("COMPLETED", wave()), events=[*failed, event("WAVE_COMPLETED", 30, wave=1)])
    assert text == (
        "2 messages about this execution could not be sent, "
        "the last one at 2027-01-15 08:00:20 UTC: no topic 20"
    )
