"""
Adds to moto what it does not have, and lets EC2 see what DRS has done by now.

It adds the service DRS and its quotas, IAM's SimulatePrincipalPolicy, sessions of roles that end, and default
networks whose addresses are this machine's. moto has no public way for that. The private facts used here are
pinned by a contract test:

* ``moto.backend_index.backend_url_patterns`` is a list of (service, URL pattern), read at each request;
* ``moto.backends.get_backend("drs")`` imports ``moto.drs`` and takes ``drs_backends`` from it;
* a response class handles every request in ``_dispatch``;
* every way to a session of a role is ``STSBackend.assume_role``, with arguments by name.
"""

from __future__ import annotations

import functools
import json
import os
import re
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import moto.backend_index
from moto.core.responses import ActionResult
from moto.core.utils import utcnow
from moto.dynamodb.responses import DynamoHandler
from moto.ec2.models.vpcs import VPC, VPCBackend
from moto.ec2.responses import EC2Response
from moto.iam.exceptions import NotFoundException
from moto.iam.models import IAMBackend, iam_backends
from moto.iam.responses import IamResponse
from moto.servicequotas.exceptions import NoSuchResource
from moto.servicequotas.models import ServiceQuotasBackend
from moto.sts.models import AssumedRole, STSBackend
from werkzeug.exceptions import Forbidden

import sandbox.arc.urls
import sandbox.drs.urls
from sandbox.aws_requests import query_error
from sandbox.drs import drs_backends, settle_everything
from sandbox.drs.api import QUOTA_CODES
from sandbox.dynamodb import use_indexed_tables, use_item_serializer
from sandbox.functions import use_functions
from sandbox.health import use_health
from sandbox.policies import Question, judge
from sandbox.ssm import use_ssm
from sandbox.world import WORLD

_MODULE = "moto.drs"
_READS_OF_INSTANCES = ("DescribeInstances", "DescribeInstanceStatus")
_ASSUME_ROLE = "sts:AssumeRole"
# Addresses of this machine alone, so that applications can answer at those of recovered instances.
_NETWORK = "127.64.0.0/16"


def register() -> None:
    """Add DRS to moto in this process; doing it again changes nothing."""
    if _MODULE in sys.modules:
        return
    # Its 1300 images cost a quarter of a second a Region, and slow every launch down.
    os.environ.setdefault("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")
    sys.modules[_MODULE] = sandbox.drs
    sys.modules["moto.route53recoverycluster"] = sandbox.arc
    moto.backend_index.backend_url_patterns += [
        ("drs", re.compile(sandbox.drs.urls.url_bases[0])),
        ("route53recoverycluster", re.compile(sandbox.arc.urls.url_bases[0])),
    ]
    EC2Response._dispatch = _after_settling(EC2Response._dispatch)  # type: ignore[method-assign]
    DynamoHandler._dispatch = _one_at_a_time(DynamoHandler._dispatch)  # type: ignore[method-assign]
    VPCBackend.create_default_vpc = _create_default_vpc  # type: ignore[method-assign,assignment]
    use_ssm()
    use_functions()
    use_health()
    use_indexed_tables()
    use_item_serializer()
    add_drs_quotas()
    add_policy_simulation()
    watch_sessions()


def _after_settling(dispatch: Callable[..., Any]) -> Callable[..., Any]:
    """EC2 answers only after DRS has launched and terminated what was due."""

    @functools.wraps(dispatch)
    def settled(response: EC2Response, *args: Any, **kwargs: Any) -> Any:
        with WORLD.lock:
            settle_everything()
            try:
                return dispatch(response, *args, **kwargs)
            finally:
                action = response._get_action()
                if action in _READS_OF_INSTANCES:
                    drs_backends[response.current_account][response.region].instances.machines.count_read()
                if not action.startswith("Describe"):
                    WORLD.applications.refresh()

    return settled


def _create_default_vpc(backend: Any) -> VPC:
    """Make the default network of an account and Region, which moto puts into 172.31.0.0/16."""
    vpc: VPC = backend.create_vpc(cidr_block=_NETWORK, is_default=True)
    for zone in backend.describe_availability_zones():
        backend.create_default_subnet(zone.name)
    return vpc


def _one_at_a_time(dispatch: Callable[..., Any]) -> Callable[..., Any]:
    """Serve one call after the other: moto checks a condition and writes in two steps, DynamoDB in one."""

    @functools.wraps(dispatch)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        with WORLD.lock:
            return dispatch(*args, **kwargs)

    return guarded


_NAMES = {
    "jobs_in_progress": "Concurrent jobs in progress",
    "servers_per_job": "Max source servers in a single job",
    "servers_in_jobs": "Max source servers in all jobs",
}


def add_drs_quotas() -> None:
    """Let GetServiceQuota and ListAWSDefaultServiceQuotas tell the quotas that hold in the sandbox."""
    backend: Any = ServiceQuotasBackend
    backend.list_aws_default_service_quotas = _for_drs(_quotas, backend.list_aws_default_service_quotas)
    backend.get_service_quota = _for_drs(_quota, backend.get_service_quota)


def _for_drs(own: Callable[..., Any], theirs: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(theirs)
    def asked(backend: ServiceQuotasBackend, service_code: str, **more: str) -> Any:
        return own(**more) if service_code == "drs" else theirs(backend, service_code, **more)

    return asked


def _quotas() -> list[dict[str, Any]]:
    values = WORLD.quotas.document()
    return [
        {
            "ServiceCode": "drs",
            "ServiceName": "AWS Elastic Disaster Recovery",
            "QuotaName": _NAMES[name],
            "QuotaCode": code,
            "Value": float(values[name]),
            "Unit": "None",
            "Adjustable": name != "servers_per_job",
            "GlobalQuota": False,
        }
        for name, code in QUOTA_CODES.items()
    ]


def _quota(quota_code: str) -> dict[str, Any]:
    for quota in _quotas():
        if quota["QuotaCode"] == quota_code:
            return quota
    raise NoSuchResource


def add_policy_simulation() -> None:
    """Let IAM answer SimulatePrincipalPolicy by the policies of the users and roles that it has."""
    response: Any = IamResponse
    response.simulate_principal_policy = _simulate


def _simulate(response: IamResponse) -> ActionResult:
    policies = list(_policies_of(response.backend, response._get_param("PolicySourceArn")))
    context = {
        entry["ContextKeyName"].lower(): entry.get("ContextKeyValues", [])
        for entry in response._get_param("ContextEntries", [])
    }
    results = []
    for action in response._get_param("ActionNames"):
        for resource in response._get_param("ResourceArns", ["*"]):
            verdict = judge(policies, Question(action, resource, context))
            results.append(
                {
                    "EvalActionName": action,
                    "EvalResourceName": resource,
                    "EvalDecision": verdict.decision,
                    "MissingContextValues": list(verdict.missing),
                }
            )
    return ActionResult({"EvaluationResults": results, "IsTruncated": False})


def _policies_of(backend: IAMBackend, arn: str) -> Iterator[Any]:
    """The policies of a user or role itself; those of a user's groups are not simulated."""
    principals: list[Any] = [*backend.get_roles(), *backend.users.values()]
    for principal in principals:
        if principal.arn == arn:
            attached = [_default_document(policy) for policy in principal.managed_policies.values()]
            yield from map(json.loads, [*principal.policies.values(), *attached])
            return
    raise NotFoundException(f"Invalid Entity Arn: {arn} does not exist.")


def _default_document(policy: Any) -> str:
    (document,) = (
        version.document for version in policy.versions if version.version_id == policy.default_version_id
    )
    return str(document)


def watch_sessions() -> None:
    """Let STS ask the trust policies of roles that exist, and keep book of the sessions that it gives."""
    assume_role = STSBackend.assume_role

    @functools.wraps(assume_role)
    def assumed(backend: STSBackend, **asked: Any) -> AssumedRole:
        _demand_trust(asked["role_arn"], asked.get("external_id"))
        role = assume_role(backend, **asked)
        fault = WORLD.faults.standing("short_session", role=asked["role_arn"], region=asked["region_name"])
        seconds = fault["seconds"] if fault else float(asked["duration"])
        if fault:
            told = fault["told"] if fault["told"] is not None else seconds
            role.expiration = utcnow() + timedelta(seconds=told)
        WORLD.sessions.begin(role.access_key_id, role.arn, seconds)
        return role

    STSBackend.assume_role = assumed  # type: ignore[method-assign,assignment]  # it is called with names


def _demand_trust(role_arn: str, external_id: str | None) -> None:
    """Refuse what the conditions of a role's trust policy refuse; who asks is not looked at."""
    _, partition, _, _, account, _ = role_arn.split(":", 5)
    role = next((one for one in iam_backends[account][partition].get_roles() if one.arn == role_arn), None)
    trust = json.loads(role.assume_role_policy_document) if role else {}
    if "Statement" not in trust:
        return
    # A trust policy names no resource: it belongs to one.
    written = trust["Statement"]
    listed = written if isinstance(written, list) else [written]
    statements = [{"Resource": role_arn, **statement} for statement in listed]
    context = {"sts:externalid": [external_id]} if external_id else {}
    verdict = judge([{"Statement": statements}], Question(_ASSUME_ROLE, role_arn, context))
    if verdict.decision != "allowed":
        # moto's own exceptions do not know AccessDenied, which the model of STS leaves out.
        message = f"User is not authorized to perform: {_ASSUME_ROLE} on resource: {role_arn}"
        raise Forbidden(query_error("AccessDenied", message)[1].decode())
