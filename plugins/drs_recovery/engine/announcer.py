"""
Tells people and dashboards what happened to an execution, each thing once.

Nothing here may fail or hold up a recovery: every channel is a thread of its own, all of them together get
some seconds, and what went wrong is an event of the execution.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from airflow.sdk import BaseNotifier
from airflow.sdk._shared.secrets_masker import redact

from drs_recovery.engine import metrics
from drs_recovery.engine.announcements import Asked, Happening, happenings
from drs_recovery.engine.links import answer_link, run_link
from drs_recovery.engine.messages import Notice, notice_of
from drs_recovery.exceptions import SettingError
from drs_recovery.hooks.errors import AWS_ERRORS, describe
from drs_recovery.plan import NotifierCall, plan_from_snapshot
from drs_recovery.settings import cloudwatch_client, cloudwatch_metrics, console_base_url, notifiers
from drs_recovery.store import ExecutionStore

log = logging.getLogger(__name__)

# Seconds that a step of a recovery waits for its messages: enough for a slow answer, and nobody notices it in
# a wave of minutes.
PATIENCE = 5.0

NOTIFICATION_FAILED = "NOTIFICATION_FAILED"
METRIC_FAILED = "METRIC_FAILED"

_TOPIC_NOTIFIER = "drs_recovery.notifications.topic.TopicNotifier"
_LONGEST_ERROR = 500

Call = Callable[[], object]


@dataclass
class Channel:
    """
    One receiver of what happened.

    :param name: for the record.
    :param failure: the event when it cannot be reached.
    :param calls: what is sent, one after the other, by key of the happening.
    :param errors: what went wrong, by key.
    :param done: keys that were sent.
    """

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


class Announcer:
    """
    Announces what is new of an execution.

    :param store: the execution store.
    """

    def __init__(self, store: ExecutionStore) -> None:
        self._store = store

    def announce(self, execution_id: str, asked: Asked | None = None) -> None:
        """
        Tell what happened and was not told yet.

        :param execution_id: the execution.
        :param asked: the question that the calling task is about to ask.
        """
        document = self._store.get_document(execution_id)
        told = document.get("notifications", ())
        new = [
            happening
            for happening in happenings(document, asked)
            if happening.key not in told and self._store.claim_notification(execution_id, happening.key)
        ]
        if new:
            self._tell(document, new, asked)

    def _tell(self, document: Mapping[str, Any], new: Sequence[Happening], asked: Asked | None) -> None:
        run = run_link(console_base_url(), document)
        channels = [
            *_notifier_channels(document, new, run, answer_link(run, asked)),
            *_metric_channels([entry for one in new for entry in metrics.measurements(one, document)], new),
        ]
        _wait([_started(channel) for channel in channels])
        for channel in channels:
            for key in channel.calls:
                if key not in channel.done:
                    self._record_failure(document["executionId"], channel, key)

    def _record_failure(self, execution_id: str, channel: Channel, key: str) -> None:
        error = channel.errors.get(key, f"no answer within {PATIENCE:g} s")
        log.warning("execution %s: %s was not told of %s: %s", execution_id, channel.name, key, error)
        detail = {"key": key, "channel": channel.name, "error": error}
        self._store.record_failed_telling(execution_id, channel.failure, detail)


def template_context(notice: Notice, happening: Happening, document: Mapping[str, Any]) -> dict[str, Any]:
    """
    What a notifier is called with, and what templates in its arguments know.

    :param notice: the message.
    :param happening: what it is about.
    :param document: the execution document.
    """
    execution = {name: value for name, value in document.items() if name != "planSnapshot"}
    return {"notice": notice, "execution": execution, "wave": happening.wave}


def _started(channel: Channel) -> threading.Thread:
    # A daemon: one that hangs must not keep the process of a task alive.
    thread = threading.Thread(target=channel.send, name=f"tell {channel.name}", daemon=True)
    thread.start()
    return thread


def _wait(threads: Sequence[threading.Thread]) -> None:
    deadline = time.monotonic() + PATIENCE
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))


def _notifier_channels(
    document: Mapping[str, Any], new: Sequence[Happening], run: str | None, answer: str | None
) -> Iterator[Channel]:
    notices = [(happening, notice_of(happening, document, run, answer)) for happening in new]
    contexts = [template_context(n, happening, document) for happening, n in notices if happening.is_told]
    if not contexts:
        return
    for spec in _notifiers_of_plan(document):
        yield _notifier_channel(spec, contexts)
    try:
        configured = notifiers()
    except SettingError:
        # Asked again there, the configuration tells its error to the record.
        calls: dict[str, Call] = {contexts[0]["notice"].key: notifiers}
        yield Channel("[drs_recovery] notifiers", NOTIFICATION_FAILED, calls)
        return
    for spec in configured:
        yield _notifier_channel(spec, contexts)


def _notifier_channel(spec: NotifierCall, contexts: Sequence[Mapping[str, Any]]) -> Channel:
    calls = {context["notice"].key: _notification(spec, context) for context in contexts}
    return Channel(spec.class_, NOTIFICATION_FAILED, calls)


def _notifiers_of_plan(document: Mapping[str, Any]) -> Iterator[NotifierCall]:
    plan = plan_from_snapshot(document["planSnapshot"])
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


def _metric_channels(measured: Sequence[metrics.Measurement], new: Sequence[Happening]) -> Iterator[Channel]:
    if not measured:
        return
    key = ", ".join(happening.key for happening in new)
    yield Channel("Airflow metrics", METRIC_FAILED, {key: lambda: metrics.count(measured)})
    if cloudwatch_metrics():
        send = {key: lambda: metrics.publish(cloudwatch_client(), measured)}
        yield Channel("CloudWatch", METRIC_FAILED, send)


def _error_text(error: Exception) -> str:
    text = describe(error) if isinstance(error, AWS_ERRORS) else f"{type(error).__name__}: {error}"
    # A notifier may tell in its error where it sends to, and with which password.
    return str(redact(text))[:_LONGEST_ERROR]
