"""The alarms of ``infra/alarms.yaml``: CloudWatch takes them, and each is about what is measured."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
import yaml

from drs_recovery.notifications import metrics
from drs_recovery.notifications.events import happenings
from drs_recovery.notifications.metrics import NAMESPACE, measurements
from drs_recovery.notifications.unrecorded import Unrecorded, tell_unrecorded
from drs_recovery.statuses import ExecutionStatus
from sandbox.testing import mocked_sandbox
from tests.unit.notifications.test_messages import document, ended, server, wave

TEMPLATE = Path(__file__).parents[2] / "infra" / "alarms.yaml"
TOPIC = "arn:aws:sns:us-east-1:123456789012:dr"
GIVEN = {"PlanId": "crm", "TopicArn": TOPIC, "RtoSeconds": 3600, "GoodDrillWithinDays": 7}
NAMES = {
    "dr-crm-recovery-failed",
    "dr-crm-drill-failed",
    "dr-crm-recovery-servers-not-launched",
    "dr-crm-drill-servers-not-launched",
    "dr-crm-drill-instances-not-terminated",
    "dr-crm-instances-without-record",
    "dr-crm-recovery-missed-rto",
    "dr-crm-drill-missed-rto",
    "dr-crm-no-good-drill",
}


class Template(yaml.SafeLoader):
    """Reads a template with its parameters filled in; the local CloudFormation knows no alarms."""


Template.add_constructor("!Ref", lambda loader, node: GIVEN[loader.construct_scalar(node)])
Template.add_constructor(
    "!Sub",
    lambda loader, node: re.sub(
        r"\$\{(\w+)\}", lambda name: str(GIVEN[name[1]]), loader.construct_scalar(node)
    ),
)
for function in ("!Not", "!Equals"):
    Template.add_constructor(function, lambda loader, node: loader.construct_sequence(node, deep=True))


@pytest.fixture(scope="module")
def alarms() -> Iterator[dict[str, dict[str, Any]]]:
    """The alarms as CloudWatch has them, by name."""
    resources = yaml.load(TEMPLATE.read_text(), Template)["Resources"].values()  # a safe loader
    with mocked_sandbox(seed=False):
        client = boto3.client("cloudwatch", "us-east-1")
        for resource in resources:
            assert resource["Type"] == "AWS::CloudWatch::Alarm"
            client.put_metric_alarm(**resource["Properties"])
        found = client.describe_alarms()["MetricAlarms"]
        yield {alarm["AlarmName"]: alarm for alarm in found}


def metrics_of(alarm: dict[str, Any]) -> list[dict[str, Any]]:
    if "MetricName" in alarm:
        return [alarm]
    return [one["MetricStat"]["Metric"] for one in alarm["Metrics"] if "MetricStat" in one]


def series(name: str, dimensions: dict[str, str]) -> tuple[str, frozenset[tuple[str, str]]]:
    return name, frozenset(dimensions.items())


def measured_by_the_sweep() -> dict[Any, float]:
    """Of instances whose execution has no record."""
    with pytest.MonkeyPatch.context() as patch:
        sent: list[Any] = []
        patch.setattr(metrics, "publish", lambda _client, values: sent.extend(values))
        patch.setattr("drs_recovery.notifications.channels.cloudwatch_client", lambda: None)
        patch.setattr("drs_recovery.notifications.channels.notifiers", lambda: ())
        store: Any = SimpleNamespace(
            notifications=SimpleNamespace(told_instances=lambda _: {"ri-1"}),
            plans=SimpleNamespace(hashes=dict, get=lambda _: {}),
        )
        found = [
            Unrecorded(f"e-{is_drill}", "crm", is_drill, {"ri-1": "us-east-1"}) for is_drill in (True, False)
        ]
        tell_unrecorded(store, found)
    return {series(one.name, one.dimensions): one.value for one in sent}


def measured(*documents: dict[str, Any]) -> dict[Any, float]:
    return {
        series(one.name, one.dimensions): one.value
        for of in documents
        for happening in happenings(of)
        for one in measurements(happening, of)
    }


def of_every_kind() -> Iterator[dict[str, Any]]:
    """Executions of both types and with every end, and one whose instances could not be terminated."""
    for kind in ("DRILL", "RECOVERY"):
        for status in ("COMPLETED", "PARTIAL_SUCCESS", "FAILED", "CANCELLED"):
            more = {"executionType": kind, "terminationError": "no", "lastUpdatedTime": 6000.0}
            yield ended(status, wave(1, "COMPLETED", server("a", "READY")), **more)


def test_there_is_an_alarm_for_everything_that_people_need_to_know(alarms: dict[str, Any]) -> None:
    assert set(alarms) == NAMES
    assert all(alarm["AlarmActions"] == [TOPIC] for alarm in alarms.values())


@pytest.mark.parametrize("name", sorted(NAMES))
def test_each_alarm_is_about_something_that_is_measured(alarms: dict[str, Any], name: str) -> None:
    known = measured(*of_every_kind()) | measured_by_the_sweep()
    for metric in metrics_of(alarms[name]):
        dimensions = {one["Name"]: one["Value"] for one in metric["Dimensions"]}
        assert metric["Namespace"] == NAMESPACE
        assert series(metric["MetricName"], dimensions) in known


def bad_values(alarms: dict[str, Any], of: dict[str, Any]) -> set[str]:
    """The alarms that look at a value of an execution which is not 0, but for that of completed drills."""
    values = measured(of)
    return {
        name
        for name, alarm in alarms.items()
        for metric in metrics_of(alarm)
        if name != "dr-crm-no-good-drill"
        and values.get(series(metric["MetricName"], {d["Name"]: d["Value"] for d in metric["Dimensions"]}))
    }


def test_what_was_cancelled_sounds_no_alarm(alarms: dict[str, Any]) -> None:
    cut_short = server("a", "FAILED", launchStatus="PENDING"), server("b", "CONVERSION")
    cancelled = ended("CANCELLED", wave(1, "CANCELLED", *cut_short), duration=90_000.0)

    assert bad_values(alarms, cancelled) == set()


def test_what_waits_for_an_answer_sounds_no_alarm(alarms: dict[str, Any]) -> None:
    gate = {"decision": "WAITING", "since": 1100.0}
    paused = document(wave(1, "COMPLETED", server("a", "READY")), wave(2, "NOT_STARTED", gate=gate))

    assert bad_values(alarms, {**paused, "status": ExecutionStatus.PAUSED}) == set()


def test_a_start_that_was_refused_sounds_one(alarms: dict[str, Any]) -> None:
    refused = ended("FAILED", wave(1, "NOT_STARTED"), executionType="RECOVERY")
    del refused["startTime"]

    assert bad_values(alarms, refused) == {"dr-crm-recovery-failed"}


def test_cloudwatch_can_look_back_as_far_as_each_alarm_wants(alarms: dict[str, Any]) -> None:
    """An hour and more a period: seven days; else a day."""
    for alarm in alarms.values():
        periods = [one["MetricStat"]["Period"] for one in alarm.get("Metrics", []) if "MetricStat" in one]
        period = alarm.get("Period") or max(periods)
        assert period * alarm["EvaluationPeriods"] <= (7 * 86400 if period >= 3600 else 86400)
