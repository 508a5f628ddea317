"""Executions that another release opened go on under this one, and come to a good end."""

from __future__ import annotations

import asyncio
import base64
import importlib
import json
import os
import re
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException
from airflow.triggers.base import BaseTrigger

from drs_recovery.cli import main
from drs_recovery.closing.reconciler import reconcile
from drs_recovery.exceptions import NewerRecordError
from drs_recovery.operators.start_recovery import StartRecoveryOperator
from drs_recovery.operators.step import StepOperator
from drs_recovery.plan.model import RecoveryPlan
from drs_recovery.sensors.recovery_job import RecoveryJobSensor
from drs_recovery.statuses import GateDecision
from drs_recovery.store import WaveRef
from drs_recovery.store.facts import RECORD_VERSION
from drs_recovery.store.values import uncompressed
from drs_recovery.web.allowed_actions import ActionKind, Rights, why_not
from sandbox.testing import Sandbox
from tests.plan_documents import APP_1, APP_2
from tests.unit.releases.played import ASKING, POLLING, STEPPING, dump, load, play
from tests.unit.steps import A_LAUNCH, Steps

StepsOf = Callable[..., Steps]
Left = dict[str, Any]
RELEASES = sorted((Path(__file__).parent / "records").glob("*.json"))
"""What releases left; ``RECORDS_TO=records/NAME.json`` lets a test write what this one leaves."""

_SECONDS = re.compile(r"\b1[789]\d{8}\b")
_MOMENT = re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?=\.\d+Z)")


def read(path: Path, aws: Sandbox) -> Left:
    """What a release left, as if a moment ago, and with the job of its second wave in DRS."""
    text = path.read_text()
    old = json.loads(text)
    (polling,) = (one for one in old["records"] if one["recordKey"]["S"] == "WAVE#02")
    job = polling["jobs"]["L"][0]["M"]["jobId"]["S"]
    text = text.replace(job, started_again(aws, polling["executionId"]["S"]))
    newest = max(float(one["lastUpdatedTime"]["N"]) for one in old["records"] if "lastUpdatedTime" in one)
    passed = int(time.time() - newest)
    text = _SECONDS.sub(lambda found: str(int(found[0]) + passed), text)
    return dict(json.loads(_MOMENT.sub(lambda found: _moved(found[0], passed), text)))


def _moved(moment: str, seconds: int) -> str:
    return (datetime.fromisoformat(moment) + timedelta(seconds=seconds)).isoformat()


def started_again(aws: Sandbox, execution_id: str) -> str:
    """Start the job of the second wave with the tags that it had; its id."""
    tags = {"dr:executionId": execution_id, "dr:planId": "crm", "dr:wave": "2", "dr:executionType": "DRILL"}
    servers = [{"sourceServerID": server} for server in (APP_1, APP_2)]
    answer = aws.client("drs").start_recovery(sourceServers=servers, isDrill=True, tags=tags)
    return str(answer["job"]["jobID"])


def trigger_of(wait: Left) -> BaseTrigger:
    """Make a trigger as a triggerer does of what Airflow keeps."""
    module, _, name = wait["path"].rpartition(".")
    trigger = getattr(importlib.import_module(module), name)(**wait["arguments"])
    assert isinstance(trigger, BaseTrigger)
    return trigger


def fired(trigger: BaseTrigger) -> dict[str, Any]:
    async def first() -> dict[str, Any]:
        async for event in trigger.run():
            return dict(event.payload)
        raise AssertionError("it fired nothing")

    return asyncio.run(first())


def all_end_well(aws: Sandbox, steps_of: StepsOf, waits: list[Left]) -> None:
    """Go on with what was left as its tasks would have, from where they waited."""
    jobs, step, turn = map(trigger_of, waits)
    polling, stepping, asking = map(steps_of, (POLLING, STEPPING, ASKING))
    tasks = (RecoveryJobSensor, StepOperator, StartRecoveryOperator)
    assert all(hasattr(task, wait["method"]) for task, wait in zip(tasks, waits, strict=True))
    aws.advance(A_LAUNCH)
    polling.resume_wait(fired(jobs), 2)
    polling.enrich(2)
    polling.finalize()

    assert fired(step) == {"status": "over"}
    stepping.step("before", 1)
    stepping.launch(aws)
    stepping.finalize()

    if asking.document["status"] == "PAUSED":
        asking.store.gates.decide(WaveRef(asking.execution_id, 1), GateDecision.APPROVED, "cfo")
    assert fired(turn)["status"] in ("turn", "over")
    asking.launch(aws)
    asking.finalize()

    for steps in (polling, stepping, asking):
        assert steps.document["status"] == "COMPLETED", steps.document.get("error")
        assert {w["status"] for w in steps.document["waves"]} == {"COMPLETED"}


@pytest.mark.parametrize("path", RELEASES, ids=lambda path: path.stem)
def test_executions_that_an_earlier_release_left_alive_come_to_a_good_end(
    aws: Sandbox, steps_of: StepsOf, path: Path
) -> None:
    left = read(path, aws)
    load(left["records"])

    all_end_well(aws, steps_of, left["waits"])


@pytest.mark.parametrize("path", RELEASES, ids=lambda path: path.stem)
def test_a_plan_without_new_keys_is_written_as_earlier_releases_read_it(path: Path) -> None:
    # They refuse keys that they do not know, and compare plans by their hashes.
    rows = [row for row in json.loads(path.read_text())["records"] if "planSnapshot" in row]
    then = {row["planId"]["S"]: (row["planHash"]["S"], row["planSnapshot"]["B"]) for row in rows}
    for fields in (POLLING, STEPPING, ASKING):
        now = RecoveryPlan.model_validate(fields)
        plan_hash, snapshot = then.pop(now.id)
        assert now.model_dump(mode="json") == uncompressed(base64.b64decode(snapshot))
        assert now.digest() == plan_hash
    assert then == {}


def test_executions_with_fields_of_a_later_release_come_to_a_good_end(
    aws: Sandbox, steps_of: StepsOf
) -> None:
    left = play(aws, steps_of)
    versions = [one["recordVersion"] for one in left["records"] if one["recordKey"]["S"] == "EXECUTION"]
    assert versions == [{"N": str(RECORD_VERSION)}] * 3
    if "RECORDS_TO" in os.environ:
        Path(os.environ["RECORDS_TO"]).write_text(json.dumps(left, indent=1, sort_keys=True) + "\n")

    load([{**record, "later": {"M": {"and": {"S": "unknown"}}}} for record in dump()])

    all_end_well(aws, steps_of, left["waits"])
    kept = [one for one in dump() if one["recordKey"]["S"] in ("EXECUTION", "WAVE#01")]
    assert all("later" in one for one in kept)


def test_a_record_of_a_newer_version_is_shown_and_left_alone(
    aws: Sandbox, steps_of: StepsOf, capsys: pytest.CaptureFixture[str]
) -> None:
    left = read(RELEASES[0], aws)
    newer = {"recordVersion": {"N": str(RECORD_VERSION + 1)}}
    load([one | newer if one["recordKey"]["S"] == "EXECUTION" else one for one in left["records"]])
    before, steps = dump(), steps_of(POLLING)
    aws.advance(A_LAUNCH)
    reason = rf"newer release wrote its record \(version {RECORD_VERSION + 1}, this release knows"

    event = fired(trigger_of(left["waits"][0]))
    for task in (lambda: steps.resume_wait(event, 2), steps.open, lambda: steps.start(2), steps.finalize):
        with pytest.raises(AirflowFailException, match=reason):
            task()
    with pytest.raises(NewerRecordError, match=reason):
        steps.store.ending.request_cancel(steps.execution_id, "ann", "not needed")
    assert reconcile(steps.store, lambda dag_id, run_id: "failed", grace=0).closed == []

    assert dump() == before
    rights = Rights("ann", "ann", may_act=True, may_terminate=True)
    assert re.search(reason, why_not(steps.document, rights, ActionKind.CANCEL) or "")
    main(["show", steps.execution_id])
    assert re.search(reason, " ".join(capsys.readouterr().out.split()))
