"""
Detect answers that are no answers: a proxy's page, foreign JSON, a missing list.

botocore reads a page of HTML as an empty answer of a JSON service, so that servers "do not exist", and fails
in many ways where XML is expected. Here each becomes the same error, which is retried.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from drs_recovery.transient_errors import SenselessAnswerError

# What we cannot do without, by operation: [] is each element of a list, {} a mapping. No table of what AWS
# may leave out: that differs from server to server.
_NEEDED: Mapping[str, Sequence[str]] = {
    "DescribeJobs": ("items[].jobID",),
    "DescribeJobLogItems": ("items[]{}",),
    "DescribeSourceServers": ("items[].sourceServerID",),
    "DescribeRecoveryInstances": ("items[].recoveryInstanceID",),
    "DescribeRecoverySnapshots": ("items[]{}",),
    "DescribeInstances": ("Reservations[].Instances[].InstanceId",),
    "DescribeInstanceStatus": ("InstanceStatuses[].InstanceId",),
    "StartAutomationExecution": ("AutomationExecutionId",),
    "DescribeAutomationExecutions": ("AutomationExecutionMetadataList[].AutomationExecutionId",),
    "DescribeDocument": ("Document.Name",),
    "SendCommand": ("Command.CommandId",),
    "ListCommands": ("Commands[].CommandId",),
    "ListCommandInvocations": ("CommandInvocations[].InstanceId",),
    "GetCommandInvocation": ("Status",),
    "DescribeInstanceInformation": ("InstanceInformationList[].InstanceId",),
    "GetFunctionConfiguration": ("FunctionName",),
    "GetDurableExecution": ("Status",),
    "DescribeTargetGroups": ("TargetGroups[].TargetGroupArn",),
    "DescribeTargetHealth": (
        "TargetHealthDescriptions[].Target.Id",
        "TargetHealthDescriptions[].TargetHealth{}",
    ),
    "DescribeAlarms": ("MetricAlarms[].AlarmName", "CompositeAlarms[].AlarmName"),
    "GetRoutingControlState": ("RoutingControlState",),
    "GetCallerIdentity": ("Arn", "Account"),
    "AssumeRole": tuple(
        f"Credentials.{name}" for name in ("AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration")
    ),
    "GetRole": ("Role.Arn",),
    "SimulatePrincipalPolicy": ("EvaluationResults[].EvalActionName", "EvaluationResults[].EvalDecision"),
    "GetServiceQuota": ("Quota.Value",),
    "Query": ("Items[]{}",),
    "BatchGetItem": ("Responses{}",),
    "TransactGetItems": ("Responses[]{}",),
    "Publish": ("MessageId",),
}
_STEP = re.compile(r"\w+|\[\]|\{\}")


def check_answers(session: Any) -> None:
    """
    Let the clients of a session raise ``SenselessAnswerError`` for what is no answer of AWS.

    :param session: boto3's, as Airflow's hooks make it, or aiobotocore's.
    """
    # boto3 has a session of botocore's inside; aiobotocore's is one.
    core = getattr(session, "_session", session)
    parsers = core.get_component("response_parser_factory")
    # The session of a connection without a role is prepared where it is made, and where it is used.
    if not isinstance(parsers, _CheckedParsers):
        core.register_component("response_parser_factory", _CheckedParsers(parsers))


class _CheckedParsers:
    """A factory of parsers, as botocore knows it."""

    def __init__(self, parsers: Any) -> None:
        self._parsers = parsers

    def create_parser(self, protocol: str) -> _CheckedParser:
        return _CheckedParser(
            self._parsers.create_parser(protocol), is_json=protocol in ("json", "rest-json")
        )


class _CheckedParser:
    """A parser, of boto3 or of aiobotocore, whose ``parse`` is to be awaited."""

    def __init__(self, parser: Any, *, is_json: bool) -> None:
        self._parser, self._is_json = parser, is_json

    def parse(self, response: Mapping[str, Any], shape: Any) -> Any:
        try:
            parsed = self._parser.parse(response, shape)
        except Exception as error:  # a parser that is handed anything may raise anything
            raise _senseless(response, "which cannot be read") from error
        if inspect.isawaitable(parsed):
            return self._parse_async(response, shape, parsed)
        return self._checked(response, shape, parsed)

    async def _parse_async(self, response: Mapping[str, Any], shape: Any, parsing: Any) -> Any:
        try:
            parsed = await parsing
        except Exception as error:  # same
            raise _senseless(response, "which cannot be read") from error
        return self._checked(response, shape, parsed)

    def _checked(self, response: Mapping[str, Any], shape: Any, parsed: Any) -> Any:
        if self._is_json and _may_be_misread(response, shape, parsed):
            _check_body(response, shape)
        if response["status_code"] < 300:
            for path in _NEEDED.get(response["context"]["operation_name"], ()):
                if not _has(parsed, _STEP.findall(path)):
                    raise _senseless(response, f"without {path}")
        return parsed


def _may_be_misread(response: Mapping[str, Any], shape: Any, parsed: Mapping[str, Any]) -> bool:
    """Whether botocore may have made an empty answer, or an error of AWS, of a body that is none."""
    status = response["status_code"]
    if status >= 300:
        # A server's fault needs no body; the header is there wherever a service itself refuses.
        return status < 500 and "x-amzn-errortype" not in response["headers"]
    if shape is None or not shape.members:
        return False
    found = [parsed[name] for name in shape.members if name in parsed]
    return not found or [] in found


def _check_body(response: Mapping[str, Any], shape: Any) -> None:
    try:
        body = json.loads(response["body"])
    except ValueError as error:
        raise _senseless(response, "which is not JSON") from error
    if not isinstance(body, dict):
        raise _senseless(response, "which is not a JSON object")
    for name, member in shape.members.items() if shape is not None else ():
        value = body.get(member.serialization.get("name", name), [])
        if member.type_name == "list" and not isinstance(value, list):
            raise _senseless(response, f"in which {name} is not a list")


def _has(value: Any, path: Sequence[str]) -> bool:
    if not path:
        return value is not None and not isinstance(value, list | dict)
    step, rest = path[0], path[1:]
    if step == "[]":
        return isinstance(value, list) and all(_has(element, rest) for element in value)
    if step == "{}":
        return isinstance(value, dict)
    return isinstance(value, dict) and _has(value.get(step), rest)


def _senseless(response: Mapping[str, Any], reason: str) -> SenselessAnswerError:
    """Without its words: what looks like no answer can hold somebody's keys."""
    kind = str(response["headers"].get("content-type") or "no content type").partition(";")[0][:100]
    return SenselessAnswerError(
        operation=response["context"]["operation_name"],
        status=response["status_code"],
        content=f"{len(response['body'] or b'')} bytes of {kind}",
        reason=reason,
    )
