"""Somebody who gets the messages of an SNS topic."""

from __future__ import annotations

import json
from typing import Any

from sandbox.testing import Sandbox


class Mailbox:
    """A queue that is subscribed to a topic."""

    def __init__(self, sandbox: Sandbox, name: str = "dr", region: str = "us-east-1", **policy: Any) -> None:
        self._sqs = sandbox.client("sqs", region)
        sns = sandbox.client("sns", region)
        kind = {"FifoTopic": "true"} if name.endswith(".fifo") else {}
        queue_kind = {"FifoQueue": "true"} if kind else {}
        self.topic = sns.create_topic(Name=name, Attributes=kind)["TopicArn"]
        self._queue = self._sqs.create_queue(QueueName=f"box-{name}", Attributes=queue_kind)["QueueUrl"]
        arn = self._sqs.get_queue_attributes(QueueUrl=self._queue, AttributeNames=["QueueArn"])
        attributes = {"FilterPolicy": json.dumps(policy)} if policy else {}
        sns.subscribe(
            TopicArn=self.topic,
            Protocol="sqs",
            Endpoint=arn["Attributes"]["QueueArn"],
            Attributes=attributes,
        )

    def messages(self) -> list[dict[str, Any]]:
        """What arrived since the last look, in order."""
        found: list[dict[str, Any]] = []
        while True:
            batch = self._sqs.receive_message(QueueUrl=self._queue, MaxNumberOfMessages=10).get("Messages")
            if not batch:
                return found
            for message in batch:
                found.append(json.loads(message["Body"]))
                self._sqs.delete_message(QueueUrl=self._queue, ReceiptHandle=message["ReceiptHandle"])

    def subjects(self) -> list[str]:
        return [message["Subject"] for message in self.messages()]
