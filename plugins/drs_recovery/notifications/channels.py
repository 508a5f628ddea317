"""
Send messages and metrics: each receiver in a thread of its own, all together within some seconds.

Nothing here may fail or hold up a recovery.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any

from airflow.providers.amazon.aws.hooks.sns import SnsHook
from airflow.sdk import BaseNotifier
from airflow.sdk._shared.secrets_masker import redact
from botocore.config import Config

from drs_recovery.configured_clients import cloudwatch_client
from drs_recovery.exceptions import SettingError
from drs_recovery.hooks import AWS_ERRORS, AccountHook, describe
from drs_recovery.notifications import metrics
from drs_recovery.plan import NotifierCall, RecoveryPlan
from drs_recovery.settings import cloudwatch_metrics, notifiers

if TYPE_CHECKING:
    from airflow.sdk.definitions.context import Context

# Seconds that a step of a recovery waits for its messages: enough for a slow answer, and nobody notices it in
# a wave of minutes.
PATIENCE = 5.0

NOTIFICATION_FAILED = "NOTIFICATION_FAILED"
METRIC_FAILED = "METRIC_FAILED"

_TOPIC_NOTIFIER = "drs_recovery.notifications.channels.TopicNotifier"
_LONGEST_ERROR = 500

Call = Callable[[], object]


@dataclass
class Channel:
    """One receiver of what happened."""

    name: str
    failure: str
    calls: Mapping[str, Call]
    errors: dict[str, str] = field(default_factory=dict)
    done: set[str] = field(default_factory=set)

    def send(self) -> None:
        """Make every call; one that fails does not stop the next."""
        for key, call in self.calls.items():
            try:
                call()
            except Exception as error:
                self.errors[key] = _error_text(error)
            else:
                self.done.add(key)

    def failures(self) -> Iterator[tuple[str, str]]:
        """What was not sent, as far as anybody waited for it: its key, and why."""
        for key in self.calls:
            if key not in self.done:
                yield key, self.errors.get(key, f"no answer within {PATIENCE:g} s")


def send_all(channels: Iterable[Channel]) -> None:
    """Send everything, and wait a little for it."""
    threads = [_started(channel) for channel in channels]
    deadline = time.monotonic() + PATIENCE
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))


def notifier_channels(plan: RecoveryPlan | None, contexts: Sequence[Mapping[str, Any]]) -> Iterator[Channel]:
    """
    Everybody who gets messages: whom the plan names, and whom the configuration names.

    :param plan: None if it is not known.
    :param contexts: what each message's notifiers are called with; at least one.
    """
    for spec in _notifiers_of_plan(plan) if plan else ():
        yield from _notifier_channel(spec, contexts)
    try:
        configured = notifiers()
    except SettingError:
        # Asked again there, the configuration tells its error to the record.
        calls: dict[str, Call] = {contexts[0]["notice"].key: notifiers}
        yield Channel("[drs_recovery] notifiers", NOTIFICATION_FAILED, calls)
        return
    for spec in configured:
        yield from _notifier_channel(spec, contexts)


def metric_channels(measured: Sequence[metrics.Measurement], key: str) -> Iterator[Channel]:
    """
    Everything that counts and draws.

    :param measured: values; no receiver without any.
    """
    if not measured:
        return
    yield Channel("Airflow metrics", METRIC_FAILED, {key: lambda: metrics.count(measured)})
    if cloudwatch_metrics():
        send = {key: lambda: metrics.publish(cloudwatch_client(), measured)}
        yield Channel("CloudWatch", METRIC_FAILED, send)


def _started(channel: Channel) -> threading.Thread:
    # A daemon: one that hangs must not keep the process of a task alive.
    thread = threading.Thread(target=channel.send, name=f"tell {channel.name}", daemon=True)
    thread.start()
    return thread


def _notifier_channel(spec: NotifierCall, contexts: Sequence[Mapping[str, Any]]) -> Iterator[Channel]:
    """A notifier with what it wants of the messages; nothing if it wants none."""
    calls = {
        context["notice"].key: _notification(spec, context) for context in contexts if _is_for(spec, context)
    }
    if calls:
        yield Channel(spec.class_, NOTIFICATION_FAILED, calls)


def _is_for(spec: NotifierCall, context: Mapping[str, Any]) -> bool:
    attributes = context["notice"].attributes
    return spec.wants(attributes["event"], attributes["executionType"])


def _notifiers_of_plan(plan: RecoveryPlan) -> Iterator[NotifierCall]:
    if plan.notify and plan.notify.sns_topic_arn:
        arguments = {"topic_arn": plan.notify.sns_topic_arn, "connection": plan.connection}
        yield NotifierCall.model_validate({"class": _TOPIC_NOTIFIER, "arguments": arguments})
    yield from (plan.notify and plan.notify.notifiers) or ()


def _notification(spec: NotifierCall, context: Mapping[str, Any]) -> Call:
    def notify() -> None:
        module, _, name = spec.class_.rpartition(".")
        kind = getattr(import_module(module), name)
        if not (isinstance(kind, type) and issubclass(kind, BaseNotifier)):
            raise TypeError(f"{spec.class_} is not a subclass of Airflow's BaseNotifier")
        # A notifier writes its fields into the context that it gets.
        kind(**spec.arguments)(dict(context))

    return notify


def _error_text(error: Exception) -> str:
    text = describe(error) if isinstance(error, AWS_ERRORS) else f"{type(error).__name__}: {error}"
    # A notifier may tell in its error where it sends to, and with which password.
    return str(redact(text))[:_LONGEST_ERROR]


# A recovery waits for a message for some seconds at most: botocore's own minute would be of no use.
BRIEF_CONFIG = Config(
    connect_timeout=2, read_timeout=3, retries={"mode": "standard", "total_max_attempts": 2}
)


class TopicHook(AccountHook, SnsHook):
    """Airflow's hook of SNS, in the account that the connection names or nowhere."""


class TopicNotifier(BaseNotifier):
    """
    Publish what happened to an SNS topic.

    Airflow's ``SnsNotifier`` knows neither time-outs nor the groups of FIFO topics. There are no template
    fields: a message of AWS that looks like a template is not rendered again.

    :param topic_arn: the topic; its Region is in it.
    """

    def __init__(self, *, topic_arn: str, connection: str) -> None:
        super().__init__()
        self.topic_arn = topic_arn
        self.connection = connection

    def notify(self, context: Context) -> None:
        """
        Publish ``notice``.

        :param context: see :func:`drs_recovery.notifications.announcer.template_context`.
        """
        notice = context["notice"]  # type: ignore[typeddict-item]  # not a context of Airflow, but ours
        region = self.topic_arn.split(":")[3]
        hook = TopicHook(aws_conn_id=self.connection, region_name=region, config=BRIEF_CONFIG)
        execution_id = notice.attributes["executionId"]
        is_fifo = self.topic_arn.endswith(".fifo")
        hook.publish_to_target(
            target_arn=self.topic_arn,
            message=notice.message,
            subject=notice.subject,
            message_attributes=dict(notice.attributes),
            message_group_id=execution_id if is_fifo else None,
            message_deduplication_id=f"{execution_id}:{notice.key}" if is_fifo else None,
        )
