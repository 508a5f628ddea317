"""The notifier behind ``notify: {sns_topic_arn: …}``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.providers.amazon.aws.hooks.sns import SnsHook
from airflow.sdk import BaseNotifier
from botocore.config import Config

from drs_recovery.hooks.base import AccountHook

if TYPE_CHECKING:
    from airflow.sdk.definitions.context import Context

# A recovery waits for a message for some seconds at most: botocore's own minute would be of no use.
_CONFIG = Config(connect_timeout=2, read_timeout=3, retries={"mode": "standard", "total_max_attempts": 2})


class TopicHook(AccountHook, SnsHook):
    """Airflow's hook of SNS, in the account that the connection names or nowhere."""


class TopicNotifier(BaseNotifier):
    """
    Publish what happened to an SNS topic.

    Airflow's ``SnsNotifier`` knows neither time-outs nor the groups of FIFO topics. There are no template
    fields: a message of AWS that looks like a template is not rendered again.

    :param topic_arn: the topic; its Region is in it.
    :param connection: Airflow connection that may publish to it.
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
        hook = TopicHook(aws_conn_id=self.connection, region_name=region, config=_CONFIG)
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
