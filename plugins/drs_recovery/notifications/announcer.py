"""Tells people and dashboards what happened to an execution, each thing once; what went wrong is an event."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from drs_recovery.notifications import metrics
from drs_recovery.notifications.channels import Channel, metric_channels, notifier_channels, send_all
from drs_recovery.notifications.events import Asked, Happening, happenings
from drs_recovery.notifications.messages import Notice, answer_link, notice_of, run_link
from drs_recovery.plan import plan_from_snapshot
from drs_recovery.settings import console_base_url

if TYPE_CHECKING:
    from drs_recovery.store import ExecutionDocument, ExecutionStore

log = logging.getLogger(__name__)


class Announcer:
    """Announces what is new of an execution."""

    def __init__(self, store: ExecutionStore) -> None:
        self._store = store

    def announce(
        self, execution_id: str, asked: Asked | None = None, document: ExecutionDocument | None = None
    ) -> None:
        """
        Tell what happened and was not told yet.

        :param document: the execution document, if it was read already.
        """
        document = document or self._store.get_document(execution_id)
        if not self._store.is_ours(document):
            return
        told = document.get("notifications", ())
        new = [
            happening
            for happening in happenings(document, asked)
            if happening.key not in told and self._store.notifications.claim(execution_id, happening.key)
        ]
        if new:
            self._tell(document, new, asked)

    def _tell(self, document: ExecutionDocument, new: Sequence[Happening], asked: Asked | None) -> None:
        measured = [entry for one in new for entry in metrics.measurements(one, document)]
        channels = [
            *_message_channels(document, new, asked),
            *metric_channels(measured, ", ".join(happening.key for happening in new)),
        ]
        send_all(channels)
        for channel in channels:
            for key, error in channel.failures():
                self._record_failure(document["executionId"], channel, key, error)

    def _record_failure(self, execution_id: str, channel: Channel, key: str, error: str) -> None:
        log.warning("execution %s: %s was not notified of %s: %s", execution_id, channel.name, key, error)
        detail = {"key": key, "channel": channel.name, "error": error}
        self._store.notifications.record_failure(execution_id, channel.failure, detail)


def template_context(notice: Notice, happening: Happening, document: ExecutionDocument) -> dict[str, Any]:
    """What a notifier is called with, and what templates in its arguments know."""
    execution = {name: value for name, value in document.items() if name != "planSnapshot"}
    return {"notice": notice, "execution": execution, "wave": happening.wave, "step": happening.step}


def _message_channels(
    document: ExecutionDocument, new: Sequence[Happening], asked: Asked | None
) -> Sequence[Channel]:
    run = run_link(console_base_url(), document)
    answer = answer_link(run, asked)
    notices = [(happening, notice_of(happening, document, run, answer)) for happening in new]
    contexts = [template_context(n, happening, document) for happening, n in notices if happening.is_told]
    if not contexts:
        return ()
    return list(notifier_channels(plan_from_snapshot(document["planSnapshot"]), contexts))
