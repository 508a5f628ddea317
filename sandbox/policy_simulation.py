"""IAM's SimulatePrincipalPolicy, which moto does not have."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from moto.core.responses import ActionResult
from moto.iam.exceptions import NotFoundException
from moto.iam.models import IAMBackend
from moto.iam.responses import IamResponse

from sandbox.policies import Question, judge


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
