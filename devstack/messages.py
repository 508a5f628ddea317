"""The messages that plans sent to the topic of the demo account."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError

from devstack.environment import REGION, SANDBOX_KEY
from devstack.errors import UnreachableError

# Of the sandbox's demo account; it has the name of the topic that fills it.
MAILBOX = "dr-notifications"


def unread_messages(sandbox_url: str) -> Iterator[str]:
    """
    Take the messages that arrived since the last look out of the mailbox, oldest first.

    :param sandbox_url: where the sandbox listens.
    :return: subject, an empty line, and the text of each.
    :raises UnreachableError: the sandbox does not answer.
    """
    sqs = boto3.client(
        "sqs",
        endpoint_url=sandbox_url,
        region_name=REGION,
        aws_access_key_id=SANDBOX_KEY,
        aws_secret_access_key=SANDBOX_KEY,
    )
    try:
        queue = sqs.get_queue_url(QueueName=MAILBOX)["QueueUrl"]
        while batch := _batch(sqs, queue):
            for message in batch:
                content = json.loads(message["Body"])
                yield f"Subject: {content['Subject']}\n\n{content['Message']}"
                sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    except BotoCoreError as error:
        raise UnreachableError("the sandbox", error) from error


def _batch(sqs: Any, queue: str) -> list[dict[str, Any]]:
    return list(sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", []))
