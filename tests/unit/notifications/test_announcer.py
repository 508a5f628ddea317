"""Telling people and dashboards: each thing once, and never to the cost of the recovery."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException
from airflow.sdk.log import mask_secret
from airflow.utils.types import DagRunType

from drs_recovery.closing.reconciler import reconcile
from drs_recovery.configured_store import execution_store
from drs_recovery.notifications.announcer import Announcer
from drs_recovery.operators.housekeeping import ReconcileOperator, TerminateDueOperator
from drs_recovery.operators.terminate_instances import TerminateInstancesOperator
from sandbox.testing import Sandbox
from tests.mailbox import Mailbox
from tests.plan_documents import application, database, plan
from tests.unit.notifications import notifiers
from tests.unit.notifications.notifiers import HEARD, SILENCE_IS_OVER
from tests.unit.steps import Steps, deferred

StepsOf = Callable[..., Steps]
TOPIC = "arn:aws:sns:us-east-1:123456789012:dr"
HERE = notifiers.__name__


@pytest.fixture(autouse=True)
def _hearing() -> Iterator[None]:
    HEARD.clear()
    SILENCE_IS_OVER.clear()
    yield
    SILENCE_IS_OVER.set()


def call(name: str, **arguments: Any) -> dict[str, Any]:
    return {"class": f"{HERE}.{name}", "arguments": arguments}


def notified(*calls: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return plan(database(), notify={"notifiers": list(calls)}, **fields)


def failures(steps: Steps) -> list[dict[str, Any]]:
    return [
        {"event": event["event"], **event["detail"]}
        for event in steps.store.get_events(steps.execution_id)
        if event["event"].endswith("_FAILED") and "channel" in event["detail"]
    ]


def complete(aws: Sandbox, steps: Steps, number: int = 1) -> None:
    steps.start(number)
    aws.advance(600)
    steps.wait(number)
    steps.enrich(number)


def test_a_topic_gets_a_message_at_each_change(aws: Sandbox, steps_of: StepsOf) -> None:
    mailbox = Mailbox(aws)
    steps = steps_of(plan(database(), notify={"sns_topic_arn": mailbox.topic}, name="Three-tier CRM"))

    steps.open()
    complete(aws, steps)
    steps.finalize()

    messages = mailbox.messages()
    assert [message["Subject"] for message in messages] == [
        "STARTED: DRILL of Three-tier CRM",
        "COMPLETED: DRILL of Three-tier CRM, wave 1 (Database)",
        "COMPLETED: DRILL of Three-tier CRM",
    ]
    assert {name: value["Value"] for name, value in messages[1]["MessageAttributes"].items()} == {
        "event": "WAVE_COMPLETED",
        "planId": "crm",
        "executionType": "DRILL",
        "status": "POLLING",
        "executionId": steps.execution_id,
    }
    assert "2 of 2 ready" in messages[2]["Message"]
    assert failures(steps) == []


def test_steps_that_are_repeated_tell_nothing_again(aws: Sandbox, steps_of: StepsOf) -> None:
    mailbox = Mailbox(aws)
    steps = steps_of(plan(database(), notify={"sns_topic_arn": mailbox.topic}))
    for _ in range(2):
        steps.open()
    complete(aws, steps)
    steps.enrich()
    for _ in range(2):
        steps.finalize()

    assert len(mailbox.messages()) == 3


def test_what_a_killed_process_did_not_tell_is_told_by_the_next_step(aws: Sandbox, steps_of: StepsOf) -> None:
    mailbox = Mailbox(aws)
    steps = steps_of(plan(database(), notify={"sns_topic_arn": mailbox.topic}))
    steps.open()
    steps.start()
    aws.advance(600)
    steps.wait()
    mailbox.messages()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("drs_recovery.operators.base.RecoveryMixin.announce", lambda *_, **__: None)
        steps.enrich()
    assert steps.document["waves"][0]["status"] == "COMPLETED"
    assert mailbox.messages() == []

    steps.finalize()

    assert [subject.partition(" of ")[0] for subject in mailbox.subjects()] == ["COMPLETED: DRILL"] * 2


def test_racing_tasks_tell_a_thing_once(aws: Sandbox, steps_of: StepsOf) -> None:
    steps = steps_of(notified(call("Listener")))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("drs_recovery.operators.base.RecoveryMixin.announce", lambda *_: None)
        steps.open()

    with ThreadPoolExecutor(4) as pool:
        stores = [execution_store() for _ in range(4)]
        list(pool.map(lambda store: Announcer(store).announce(steps.execution_id), stores))

    assert [heard["event"] for heard in HEARD] == ["EXECUTION_STARTED"]


def test_a_refused_start_is_told(aws: Sandbox, steps_of: StepsOf) -> None:
    mailbox = Mailbox(aws)
    gone = {"database": {"servers": ["s-99999999999999999"]}}
    steps = steps_of(plan(database(), groups=gone, notify={"sns_topic_arn": mailbox.topic}))
    with pytest.raises(AirflowFailException):
        steps.open()
    with pytest.raises(AirflowFailException):
        steps.finalize(open_execution="failed")

    (message,) = mailbox.messages()
    assert message["Subject"] == "FAILED: DRILL of crm"
    assert "s-99999999999999999" in message["Message"]


def test_a_failed_wave_is_told_with_the_reason(aws: Sandbox, steps_of: StepsOf) -> None:
    mailbox = Mailbox(aws, event=["WAVE_FAILED"])
    aws.add_fault("launch_failed", server="s-1111111111111111a")
    steps = steps_of(plan(database(success_when="all"), notify={"sns_topic_arn": mailbox.topic}))
    steps.open()
    steps.start()
    aws.advance(600)
    with pytest.raises(AirflowFailException):
        steps.wait()

    (message,) = mailbox.messages()
    assert message["Subject"] == "FAILED: DRILL of crm, wave 1 (Database)"
    assert "InsufficientInstanceCapacity" in message["Message"]


@pytest.fixture
def drill(aws: Sandbox, steps_of: StepsOf) -> tuple[Steps, Mailbox]:
    """A drill that has ended, whose instances are due, and who hears of them."""
    mailbox = Mailbox(aws)
    steps = steps_of(
        plan(database(), drill={"terminate_after": "now"}, notify={"sns_topic_arn": mailbox.topic})
    )
    steps.open()
    complete(aws, steps)
    steps.finalize()
    mailbox.messages()
    return steps, mailbox


def test_the_end_of_the_instances_is_told_when_somebody_asked_for_it(
    aws: Sandbox, drill: tuple[Steps, Mailbox]
) -> None:
    steps, mailbox = drill
    run = SimpleNamespace(
        dag_id="terminate_recovery_instances",
        run_id="manual__1",
        conf={"execution_id": steps.execution_id},
        run_type=DagRunType.MANUAL,
        triggering_user_name="ann",
    )
    params = {"waves": None, "include_recovery": False, "confirmation": None, **run.conf}
    terminate = TerminateInstancesOperator(task_id="terminate")
    deferred(terminate.execute, {"dag_run": run, "params": params})
    assert mailbox.messages() == []
    aws.advance(60)
    terminate.execute({"dag_run": run, "params": params})

    assert mailbox.subjects() == ["TERMINATED: instances of DRILL of crm"]


def test_the_end_of_the_instances_is_told_when_their_time_is_over(
    aws: Sandbox, drill: tuple[Steps, Mailbox]
) -> None:
    _, mailbox = drill
    clean_up = TerminateDueOperator(task_id="terminate_due")
    clean_up.execute({})
    aws.advance(60)
    clean_up.execute({})
    clean_up.execute({})

    assert mailbox.subjects() == ["TERMINATED: instances of DRILL of crm"]


def test_instances_that_cannot_be_cleaned_up_are_told_of_once(
    aws: Sandbox, drill: tuple[Steps, Mailbox]
) -> None:
    _, mailbox = drill
    aws.add_fault("failback", server="s-1111111111111111a")
    for _ in range(3):
        aws.advance(60)
        with pytest.raises(AirflowFailException, match="failback"):
            TerminateDueOperator(task_id="terminate_due").execute({})

    assert mailbox.subjects() == ["TERMINATION FAILED: instances of DRILL of crm"]


def test_the_end_of_an_execution_that_its_run_left_behind_is_told(
    aws: Sandbox, steps_of: StepsOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("drs_recovery.operators.housekeeping.reconcile", partial(reconcile, grace=0))
    mailbox = Mailbox(aws)
    steps = steps_of(plan(database(), notify={"sns_topic_arn": mailbox.topic}))
    steps.open()
    mailbox.messages()
    run_is_gone = SimpleNamespace(get_dagrun_state=lambda _dag_id, _run_id: "failed")
    ReconcileOperator(task_id="reconcile").execute({"ti": run_is_gone})

    assert mailbox.subjects() == [f"{steps.document['status']}: DRILL of crm"]


def test_a_topic_is_reached_in_its_own_region_and_groups_of_a_fifo_topic_are_executions(
    aws: Sandbox, steps_of: StepsOf
) -> None:
    mailbox = Mailbox(aws, "dr.fifo", region="eu-central-1")
    steps = steps_of(plan(database(), notify={"sns_topic_arn": mailbox.topic}))

    steps.open()

    assert mailbox.subjects() == ["STARTED: DRILL of crm"]
    assert [call["region"] for call in aws.calls("sns", "Publish")] == ["eu-central-1"]


def test_a_topic_that_refuses_is_an_event_and_the_recovery_goes_on(aws: Sandbox, steps_of: StepsOf) -> None:
    aws.add_fault("error", service="sns", status=403, code="AuthorizationError", message="not you")
    steps = steps_of(plan(database(), notify={"sns_topic_arn": TOPIC}))

    steps.open()
    complete(aws, steps)

    assert steps.finalize() == "COMPLETED"
    assert failures(steps)[0] == {
        "event": "NOTIFICATION_FAILED",
        "key": "EXECUTION_STARTED",
        "channel": "drs_recovery.notifications.channels.TopicNotifier",
        "error": "AuthorizationError: not you",
    }
    assert len(failures(steps)) == 3


def test_a_notifier_that_hangs_is_left_behind(
    aws: Sandbox, steps_of: StepsOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("drs_recovery.notifications.channels.PATIENCE", 2.0)
    steps = steps_of(notified(call("Silent"), call("Listener")))
    steps.open()

    assert [heard["event"] for heard in HEARD] == ["EXECUTION_STARTED"]
    (failure,) = failures(steps)
    assert (failure["channel"], failure["error"]) == (f"{HERE}.Silent", "no answer within 2 s")


def test_a_notifier_that_fails_does_not_keep_the_others_from_being_called(
    aws: Sandbox, steps_of: StepsOf
) -> None:
    steps = steps_of(notified(call("Broken"), call("Listener")))
    steps.open()

    assert [heard["event"] for heard in HEARD] == ["EXECUTION_STARTED"]
    assert [failure["channel"] for failure in failures(steps)] == [f"{HERE}.Broken"]


def test_a_password_in_an_error_is_not_recorded(aws: Sandbox, steps_of: StepsOf) -> None:
    mask_secret("hunter2hunter2")
    steps = steps_of(notified(call("Broken")))
    steps.open()

    assert failures(steps)[0]["error"] == "RuntimeError: https://hooks.example.com/*** answered 500"


@pytest.mark.parametrize(
    ("path", "told"),
    [
        (f"{HERE}.NoNotifier", "is not a subclass of Airflow's BaseNotifier"),
        (f"{HERE}.Unknown", "has no attribute 'Unknown'"),
        ("no_such_package.Notifier", "No module named 'no_such_package'"),
    ],
)
def test_only_notifiers_of_airflow_are_called(aws: Sandbox, steps_of: StepsOf, path: str, told: str) -> None:
    steps = steps_of(notified({"class": path}))
    steps.open()

    assert told in failures(steps)[0]["error"]
    assert HEARD == []


def test_arguments_are_templates_over_the_notice_and_the_record(aws: Sandbox, steps_of: StepsOf) -> None:
    text = (
        "{{ notice.attributes.planId }} {{ notice.event }} by {{ execution.initiatedBy }} {{ wave.waveName }}"
    )
    steps = steps_of(notified(call("Listener", text=text, number=7)))
    steps.open()
    complete(aws, steps)

    assert HEARD == [
        {"event": "EXECUTION_STARTED", "text": "crm EXECUTION_STARTED by admin ", "number": 7},
        {"event": "WAVE_COMPLETED", "text": "crm WAVE_COMPLETED by admin Database", "number": 7},
    ]


def test_templates_reach_nothing_of_the_process(aws: Sandbox, steps_of: StepsOf) -> None:
    steps = steps_of(notified(call("Listener", text="{{ notice.__class__.__mro__ }}")))
    steps.open()

    assert HEARD == []
    assert "unsafe" in failures(steps)[0]["error"]


def test_names_that_look_like_templates_are_only_names(aws: Sandbox, steps_of: StepsOf) -> None:
    mailbox = Mailbox(aws)
    listener = call("Listener", text="{{ notice.subject }}")
    notify = {"sns_topic_arn": mailbox.topic, "notifiers": [listener]}
    steps = steps_of(plan(database(), name="{{ 7 * 7 }} {% x %}", notify=notify))
    steps.open()

    assert (
        [heard["text"] for heard in HEARD] == mailbox.subjects() == ["STARTED: DRILL of {{ 7 * 7 }} {% x %}"]
    )


def test_the_configuration_names_notifiers_of_every_plan(
    aws: Sandbox, steps_of: StepsOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__DRS_RECOVERY__NOTIFIERS", json.dumps([call("Listener", text="all")]))
    steps = steps_of(notified(call("Listener", text="mine")))
    steps.open()

    assert sorted(heard["text"] for heard in HEARD) == ["all", "mine"]


@pytest.mark.parametrize("text", ["nobody", '[{"class": "Listener"}]', '{"class": "a.B"}'])
def test_a_wrong_configuration_is_an_event_and_the_plan_is_heard(
    aws: Sandbox, steps_of: StepsOf, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    steps = steps_of(notified(call("Listener")))
    steps.open()
    # With it nothing would be opened at all; a recovery that runs goes on.
    monkeypatch.setenv("AIRFLOW__DRS_RECOVERY__NOTIFIERS", text)
    with pytest.raises(AirflowFailException):
        steps.finalize()

    assert [heard["event"] for heard in HEARD] == ["EXECUTION_STARTED", "EXECUTION_FAILED"]
    assert [failure["channel"] for failure in failures(steps)] == ["[drs_recovery] notifiers"]


def metric_values(aws: Sandbox) -> dict[str, float]:
    """The sum of each metric of drills of the plan ``crm``, with the status if it has one."""
    metrics = aws.client("cloudwatch").list_metrics(Namespace="DRSRecovery")["Metrics"]
    values = {}
    for metric in metrics:
        told = {one["Name"]: one["Value"] for one in metric["Dimensions"]}
        status = told.pop("Status", None)
        assert told == {"PlanId": "crm", "ExecutionType": "DRILL"}
        name = metric["MetricName"]
        values[name if status is None else f"{name} {status}"] = _sum(aws, name, metric["Dimensions"])
    return values


def _sum(aws: Sandbox, name: str, dimensions: list[dict[str, str]]) -> float:
    (result,) = aws.client("cloudwatch").get_metric_data(
        MetricDataQueries=[
            {
                "Id": "m",
                "MetricStat": {
                    "Metric": {"Namespace": "DRSRecovery", "MetricName": name, "Dimensions": dimensions},
                    "Period": 86400,
                    "Stat": "Sum",
                },
            }
        ],
        StartTime="2020-01-01T00:00:00Z",
        EndTime="2100-01-01T00:00:00Z",
    )["MetricDataResults"]
    return float(sum(result["Values"]))


def test_waves_and_executions_are_measured_in_cloudwatch(aws: Sandbox, steps_of: StepsOf) -> None:
    aws.add_fault("launch_failed", server="s-2222222222222222a")
    steps = steps_of(plan(database(), application(success_when="50%")))
    steps.open()
    complete(aws, steps, 1)
    complete(aws, steps, 2)
    steps.finalize()

    values = metric_values(aws)
    document = steps.document
    assert values["ServerLaunchSuccess"] == 3
    assert values["ServerLaunchFailure"] == 1
    assert values["ExecutionEnded PARTIAL_SUCCESS"] == 1
    assert values["ExecutionDuration PARTIAL_SUCCESS"] == pytest.approx(document["duration"])
    assert values["WaveDuration COMPLETED"] == pytest.approx(
        sum(w["duration"] for w in document["waves"]), abs=0.01
    )


def test_metrics_that_cannot_be_sent_are_an_event(aws: Sandbox, steps_of: StepsOf) -> None:
    aws.add_fault("error", service="monitoring", status=403, code="AccessDenied", message="not you")
    steps = steps_of(plan(database()))
    steps.open()
    complete(aws, steps)

    assert steps.finalize() == "COMPLETED"
    assert {failure["event"] for failure in failures(steps)} == {"METRIC_FAILED"}
    assert failures(steps)[0]["channel"] == "CloudWatch"


def test_cloudwatch_can_be_switched_off(
    aws: Sandbox, steps_of: StepsOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__DRS_RECOVERY__CLOUDWATCH_METRICS", "False")
    steps = steps_of(plan(database()))
    steps.open()
    complete(aws, steps)

    assert aws.calls("monitoring") == []


def test_airflows_own_metrics_are_counted(
    aws: Sandbox, steps_of: StepsOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: dict[str, Any] = {}
    monkeypatch.setattr(
        "airflow.sdk.observability.stats.timing", lambda name, _value, tags: counted.update({name: tags})
    )
    monkeypatch.setattr(
        "airflow.sdk.observability.stats.incr", lambda name, count, tags: counted.update({name: count})
    )
    steps = steps_of(plan(database()))
    steps.open()
    complete(aws, steps)
    steps.finalize()

    tags = {"plan_id": "crm", "execution_type": "DRILL", "status": "COMPLETED"}
    assert counted == {
        "drs_recovery.execution.ended": 1,
        "drs_recovery.execution.duration": tags,
        "drs_recovery.execution.paused_duration": tags,
        "drs_recovery.wave.duration": tags,
        "drs_recovery.server.launch_success": 2,
        "drs_recovery.server.launch_failure": 0,
    }


def test_a_store_that_does_not_answer_does_not_fail_a_step_either(
    aws: Sandbox, steps_of: StepsOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    def out_of_reach(*_: Any) -> bool:
        raise ConnectionError("no way to DynamoDB")

    steps = steps_of(plan(database()))
    monkeypatch.setattr("drs_recovery.store.locks.Notifications.claim", out_of_reach)

    assert steps.open() == steps.execution_id
