"""A notifier that puts events on a bus of Amazon EventBridge."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from airflow.providers.amazon.aws.hooks.eventbridge import EventBridgeHook
from airflow.sdk import BaseNotifier

from drs_recovery.hooks import AccountHook
from drs_recovery.notifications.channels import BRIEF_CONFIG

if TYPE_CHECKING:
    from airflow.sdk.definitions.context import Context

_SOURCE = "drs-recovery"


class EventBusHook(AccountHook, EventBridgeHook):
    """Airflow's hook of EventBridge, in the account that the connection names or nowhere."""


class EventBusNotifier(BaseNotifier):
    """
    Put an event: source ``drs-recovery``, the detail type is what happened, the detail has the attributes.

    :param bus: name or ARN of the event bus.
    :param connection: Airflow connection to AWS.
    """

    def __init__(
        self, *, bus: str = "default", connection: str = "aws_default", region: str | None = None
    ) -> None:
        super().__init__()
        self.bus, self.connection, self.region = bus, connection, region

    def notify(self, context: Context) -> None:
        """
        Put the event.

        :raises RuntimeError: EventBridge did not take it.
        """
        notice = context["notice"]  # type: ignore[typeddict-item]  # not a context of Airflow, but ours
        entry = {
            "Source": _SOURCE,
            "DetailType": notice.event,
            "Detail": json.dumps({**notice.attributes, "key": notice.key, "message": notice.message}),
            "EventBusName": self.bus,
        }
        hook = EventBusHook(aws_conn_id=self.connection, region_name=self.region, config=BRIEF_CONFIG)
        answer = hook.conn.put_events(Entries=[entry])
        if answer["FailedEntryCount"]:
            raise RuntimeError(f"EventBridge refused the event: {answer['Entries'][0]}")
