"""Read what a stack's plans left behind, without loading Airflow: execution records and messages."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError

from devstack.environment import EXECUTIONS_TABLE, REGION, SANDBOX_KEY
from devstack.errors import UnreachableError
from drs_recovery.store import ExecutionsTable, ExecutionStore

# Of the sandbox's demo account; it has the name of the topic that fills it.
MAILBOX = "dr-notifications"

# What makes a recovered server usable by somebody: where it is and how to reach it.
_DETAILS = ("instanceId", "privateIp", "hostname", "instanceType")


def open_store(sandbox_url: str) -> ExecutionStore:
    """Open the execution store in a sandbox."""
    return ExecutionStore(ExecutionsTable(_client("dynamodb", sandbox_url), EXECUTIONS_TABLE))


def shortcomings(document: Mapping[str, Any]) -> list[str]:
    """
    List what keeps an execution from being a full success.

    :return: a sentence each; none when every wave is completed and every server ready with its details.
    """
    found = [] if document["status"] == "COMPLETED" else [f"the execution is {document['status']}"]
    if document.get("error"):
        found.append(str(document["error"]))
    for wave in document["waves"]:
        found += _wave_shortcomings(wave)
    return found


def _wave_shortcomings(wave: Mapping[str, Any]) -> Iterator[str]:
    name = f"wave {wave['waveNumber']} {wave['waveName']}"
    if wave["status"] != "COMPLETED":
        reason = wave.get("statusReason")
        yield f"{name} is {wave['status']}" + (f": {reason}" if reason else "")
    if not wave["serverStatuses"]:
        yield f"{name} has no servers"
    for server in wave["serverStatuses"]:
        missing = [detail for detail in _DETAILS if not server.get(detail)]
        if server["phase"] != "READY":
            yield f"{server['serverName']} is {server['phase']}"
        elif missing:
            yield f"{server['serverName']} has no {', '.join(missing)}"


def unread_messages(sandbox_url: str) -> Iterator[str]:
    """
    Take the messages that arrived since the last look out of the mailbox, oldest first.

    :return: subject, an empty line, and the text of each.
    :raises UnreachableError: the sandbox does not answer.
    """
    sqs = _client("sqs", sandbox_url)
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


def _client(service: str, sandbox_url: str) -> Any:
    return boto3.client(
        service,
        endpoint_url=sandbox_url,
        region_name=REGION,
        aws_access_key_id=SANDBOX_KEY,
        aws_secret_access_key=SANDBOX_KEY,
    )
