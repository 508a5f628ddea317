"""A question that is put again says what is true now, in Airflow as in the record."""

from __future__ import annotations

from typing import Any

import pytest

from drs_recovery.statuses import CONTINUE, RETRY
from sandbox.testing import Sandbox
from tests.integration.core_api import CoreApi
from tests.integration.people import Deed, choose
from tests.integration.runs import Runner
from tests.plan_documents import DB_1, DB_2, database, plan

pytestmark = pytest.mark.integration

WAVE = "wave_01_database"


def seen_by(readers: list[dict[str, Any]], deed: Deed) -> Deed:
    """A deed of somebody who reads the question first."""

    def read_and_do(api: CoreApi, question: dict[str, Any]) -> None:
        readers.append(question)
        deed(api, question)

    return read_and_do


def test_the_question_about_a_second_failure_tells_of_the_second_failure(
    runner: Runner, sandbox: Sandbox
) -> None:
    read: list[dict[str, Any]] = []
    sandbox.add_fault("launch_failed", server=DB_1, raw_error="no capacity in us-east-1a", times=1)
    sandbox.add_fault("launch_failed", server=DB_2, raw_error="quota of vCPUs reached", times=2)

    ended = runner.run(
        plan(database(on_failure="ask")),
        people={WAVE: [seen_by(read, choose(RETRY)), seen_by(read, choose(CONTINUE))]},
    )

    first, second = (question["body"] for question in read)
    assert "no capacity in us-east-1a" in first
    assert "attempt 2" in second
    assert "quota of vCPUs reached" in second
    assert "no capacity" not in second
    assert "no capacity" not in ended.document["waves"][0]["failureGate"]["message"]
