"""The demo account: twelve source servers of two applications in two Regions, and a topic with a mailbox."""

from __future__ import annotations

from collections.abc import Mapping

from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.sns.models import sns_backends
from moto.sqs.models import sqs_backends

from sandbox.fleet import add_server

TOPIC = "dr-notifications"
TOPIC_REGION = "us-east-1"

# Application, Region, tier, digit of the ids, short name, instance type.
_GROUPS = (
    ("crm", "us-east-1", "database", "1", "db", "r5.large"),
    ("crm", "us-east-1", "application", "2", "app", "m5.large"),
    ("crm", "us-east-1", "web", "3", "web", "t3.medium"),
    ("billing", "us-west-2", "database", "4", "db", "r5.large"),
    ("billing", "us-west-2", "application", "5", "app", "m5.large"),
    ("billing", "us-west-2", "web", "6", "web", "t3.medium"),
)
# Not every server of a real account is in good shape.
_REPLICATION: Mapping[tuple[str, str], Mapping[str, str]] = {
    ("billing", "application"): {"replication_state": "STALLED", "lag": "PT3H12M"},
    ("billing", "web"): {"lag": "PT42M"},
}


def add_demo_servers() -> None:
    """Add the servers of the demo account."""
    for application, region, tier, digit, short, instance_type in _GROUPS:
        for letter, number in (("a", "01"), ("b", "02")):
            add_server(
                {
                    "id": f"s-{digit * 16}{letter}",
                    "name": f"{application}-{short}-{number}",
                    "region": region,
                    "instance_type": instance_type,
                    "tags": {"dr:application": application, "dr:tier": tier},
                    **_REPLICATION.get((application, tier), {}),
                }
            )


def add_demo_topic() -> None:
    """Add a topic whose messages a queue of the same name keeps, because nobody gets mail from a sandbox."""
    topic = sns_backends[DEFAULT_ACCOUNT_ID][TOPIC_REGION].create_topic(TOPIC)
    queue = sqs_backends[DEFAULT_ACCOUNT_ID][TOPIC_REGION].create_queue(TOPIC)
    sns_backends[DEFAULT_ACCOUNT_ID][TOPIC_REGION].subscribe(topic.arn, queue.queue_arn, "sqs")
