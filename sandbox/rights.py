"""Which rights a request takes: actions, resources and condition keys, as IAM asks for them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, unquote

from moto.dynamodb.models import dynamodb_backends
from moto.ec2.models import ec2_backends

from sandbox.aws_requests import Environ, Identity
from sandbox.policies import Question

# Where IAM's name of a service is not the name in the signature.
_PREFIXES = {"monitoring": "cloudwatch"}

# What everybody may do, whatever policies say.
_FREE = frozenset({"sts:GetCallerIdentity", "sts:GetSessionToken"})

_TRANSACTED = {
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "ConditionCheck": "ConditionCheckItem",
    "Get": "GetItem",
}
_PARTITION_IN_QUERY = re.compile(r"(#?[\w.]+)\s*=\s*(:\w+)")


@dataclass(frozen=True)
class _Request:
    """A request with its parameters."""

    identity: Identity
    account: str
    parameters: Mapping[str, Any]
    path: str
    query: Mapping[str, list[str]]

    @property
    def action(self) -> str:
        service = self.identity.service
        return f"{_PREFIXES.get(service, service)}:{self.identity.operation}"

    def arn(self, resource: str) -> str:
        service, region = self.identity.service, self.identity.region
        return f"arn:aws:{service}:{region}:{self.account}:{resource}"


def rights_of(identity: Identity, account: str, environ: Environ, body: bytes) -> list[Question]:
    """Ask for everything that a request takes."""
    path, query = unquote(environ["PATH_INFO"]), parse_qs(environ.get("QUERY_STRING", ""))
    request = _Request(identity, account, _parameters(environ, body), path, query)
    if request.action in _FREE:
        return []
    return list(_ASKED.get(identity.service, _of_anything)(request))


def _parameters(environ: Environ, body: bytes) -> Mapping[str, Any]:
    content_type = environ.get("CONTENT_TYPE", "")
    if "x-www-form-urlencoded" in content_type:
        return {name: values[0] for name, values in parse_qs(body.decode()).items()}
    if "cbor" in content_type:
        return {"Namespace": _text_in_cbor(body, b"Namespace")}
    try:
        parsed = json.loads(body or b"{}")
    except ValueError:
        return {}
    return parsed if isinstance(parsed, dict) else {}


def _text_in_cbor(body: bytes, key: bytes) -> str:
    """The short text behind a key."""
    _, _, rest = body.partition(key)
    length, start = (rest[1], 2) if rest[:1] == b"\x78" else (rest[0] - 0x60, 1)
    return rest[start : start + length].decode()


def _of_anything(request: _Request) -> Iterator[Question]:
    yield Question(request.action, "*", {})


def _of_dynamodb(request: _Request) -> Iterator[Question]:
    given, operation = request.parameters, request.identity.operation
    if operation in ("TransactWriteItems", "TransactGetItems"):
        for one in given["TransactItems"]:
            for kind, content in one.items():
                yield _of_item(request, _TRANSACTED[kind], content)
    elif operation == "BatchGetItem":
        for table, wanted in given["RequestItems"].items():
            for key in wanted["Keys"]:
                yield _of_item(request, operation, {"TableName": table, "Key": key})
    else:
        yield _of_item(request, operation, given)


def _of_item(request: _Request, operation: str, content: Mapping[str, Any]) -> Question:
    table, index = content.get("TableName", ""), content.get("IndexName")
    resource = request.arn(f"table/{table}" + (f"/index/{index}" if index else ""))
    keys = [] if index else _leading_keys(request, table, content)
    context = {"dynamodb:leadingkeys": keys} if keys else {}
    return Question(f"dynamodb:{operation}", resource, context)


def _leading_keys(request: _Request, table: str, content: Mapping[str, Any]) -> list[str]:
    """Values of the partition key."""
    backend = dynamodb_backends[request.account][request.identity.region]
    known = backend.tables.get(table)
    attribute = known.hash_key_attr if known else None
    item = content.get("Key") or content.get("Item") or {}
    if attribute in item:
        return [str(value) for value in item[attribute].values()]
    names, values = content.get("ExpressionAttributeNames", {}), content.get("ExpressionAttributeValues", {})
    compared = _PARTITION_IN_QUERY.findall(content.get("KeyConditionExpression", ""))
    found = [values[value] for name, value in compared if names.get(name, name) == attribute]
    return [str(text) for value in found for text in value.values()]


def _of_drs(request: _Request) -> Iterator[Question]:
    given, operation = request.parameters, request.identity.operation
    for kind, name in _drs_resources(operation, given):
        yield Question(request.action, request.arn(f"{kind}/{name}"), {})
    if operation in ("ListTagsForResource", "TagResource", "UntagResource"):
        yield Question(request.action, request.path.removeprefix("/tags/"), {})
    elif operation not in _DRS_ABOUT:
        yield Question(request.action, "*", {})
    if given.get("tags") and operation != "TagResource":
        # Tags that come with a call are tagging of what it makes.
        made = request.arn("job/drsjob-0123456789abcdef0")
        yield Question("drs:TagResource", made, {"drs:createaction": [operation]})


_DRS_ABOUT: Mapping[str, tuple[str, Callable[[Mapping[str, Any]], list[str]]]] = {
    "StartRecovery": (
        "source-server",
        lambda given: [one["sourceServerID"] for one in given.get("sourceServers", [])],
    ),
    "TerminateRecoveryInstances": ("recovery-instance", lambda given: given.get("recoveryInstanceIDs", [])),
    "DescribeJobLogItems": ("job", lambda given: [given.get("jobID", "")]),
    "DescribeRecoverySnapshots": ("source-server", lambda given: [given.get("sourceServerID", "")]),
    "GetReplicationConfiguration": ("source-server", lambda given: [given.get("sourceServerID", "")]),
    "GetLaunchConfiguration": ("source-server", lambda given: [given.get("sourceServerID", "")]),
}


def _drs_resources(operation: str, given: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if operation in _DRS_ABOUT:
        kind, names = _DRS_ABOUT[operation]
        for name in names(given):
            yield kind, name


def _of_cloudwatch(request: _Request) -> Iterator[Question]:
    namespace = request.parameters.get("Namespace")
    yield Question(request.action, "*", {"cloudwatch:namespace": [namespace]} if namespace else {})


def _of_iam(request: _Request) -> Iterator[Question]:
    given = request.parameters
    role = f"arn:aws:iam::{request.account}:role/{given.get('RoleName', '')}"
    yield Question(request.action, given.get("PolicySourceArn", role), {})


def _of_ssm(request: _Request) -> Iterator[Question]:
    given, operation = request.parameters, request.identity.operation
    if operation in _SSM_ABOUT_DOCUMENTS:
        name = given.get("DocumentName") or given.get("Name", "")
        yield Question(request.action, _document_arn(request, name), {})
    for instance_id in given.get("InstanceIds", []) if operation == "SendCommand" else ():
        region = request.identity.region
        arn = f"arn:aws:ec2:{region}:{request.account}:instance/{instance_id}"
        tags = ec2_backends[request.account][region].tags.get(instance_id, {})
        context = {f"ssm:resourcetag/{key.lower()}": [value] for key, value in tags.items()}
        yield Question(request.action, arn, context)
    if operation in _SSM_ABOUT_EXECUTIONS:
        execution = given.get("AutomationExecutionId", "00000000-0000-0000-0000-000000000000")
        yield Question(request.action, request.arn(f"automation-execution/{execution}"), {})
    if operation not in _SSM_ABOUT_DOCUMENTS | _SSM_ABOUT_EXECUTIONS:
        yield Question(request.action, "*", {})


_SSM_ABOUT_DOCUMENTS = frozenset(
    {"StartAutomationExecution", "SendCommand", "DescribeDocument", "GetDocument"}
)
_SSM_ABOUT_EXECUTIONS = frozenset(
    {"StartAutomationExecution", "GetAutomationExecution", "StopAutomationExecution"}
)


def _document_arn(request: _Request, name: str) -> str:
    """ARN of a document; those of AWS, which alone begin with AWS, have no account."""
    if name.startswith("arn:"):
        return name
    if name.startswith("AWS"):
        return f"arn:aws:ssm:{request.identity.region}::document/{name}"
    return request.arn(f"document/{name}")


def _of_lambda(request: _Request) -> Iterator[Question]:
    _, _, about = request.path.partition("/durable-executions/")
    if about:
        yield Question(request.action, about.removesuffix("/stop"), {})
        return
    name = request.path.partition("/functions/")[2].partition("/")[0]
    qualifier = request.query.get("Qualifier", [""])[0]
    function = name.rpartition(":function:")[2] + (f":{qualifier}" if qualifier else "")
    action = "lambda:InvokeFunction" if request.identity.operation == "Invoke" else request.action
    yield Question(action, request.arn(f"function:{function}") if function else "*", {})


def _of_arc(request: _Request) -> Iterator[Question]:
    given = request.parameters
    entries = given.get("UpdateRoutingControlStateEntries", [given])
    for entry in entries:
        yield Question(request.action, entry.get("RoutingControlArn", "*"), {})


def _of_load_balancers(request: _Request) -> Iterator[Question]:
    changes = request.identity.operation in ("RegisterTargets", "DeregisterTargets")
    yield Question(request.action, request.parameters["TargetGroupArn"] if changes else "*", {})


def _of_named(*parameters: str) -> Callable[[_Request], Iterator[Question]]:
    def of(request: _Request) -> Iterator[Question]:
        named = [request.parameters[name] for name in parameters if name in request.parameters]
        yield Question(request.action, named[0] if named else "*", {})

    return of


_ASKED: Mapping[str, Callable[[_Request], Iterator[Question]]] = {
    "dynamodb": _of_dynamodb,
    "drs": _of_drs,
    "monitoring": _of_cloudwatch,
    "elasticloadbalancing": _of_load_balancers,
    "iam": _of_iam,
    "lambda": _of_lambda,
    "route53-recovery-cluster": _of_arc,
    "sns": _of_named("TopicArn", "TargetArn"),
    "ssm": _of_ssm,
    "sts": _of_named("RoleArn"),
}
