"""Hook that asks whose the credentials of a connection are, and what they allow."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from drs_recovery.hooks.base import AccountHook
from drs_recovery.hooks.quotas import ASK_BRIEFLY
from drs_recovery.transient_errors import error_code

# What GetCallerIdentity says of a session of a role; the role's path is not in it.
_SESSION = re.compile(r"arn:(?P<partition>[\w-]+):sts::(?P<account>\d+):assumed-role/(?P<role>[^/]+)/.+")
_USER = re.compile(r"arn:[\w-]+:iam::\d+:user/.+")


class Decision(NamedTuple):
    """
    What a simulation says of one action.

    :param action: such as ``ec2:RunInstances``.
    :param allowed: whether the policies allow it.
    :param certain: False when the policies ask for something that the simulation was not told.
    """

    action: str
    allowed: bool
    certain: bool


class RightsHook(AccountHook):
    """
    Simulate the policies of the caller.

    .. seealso:: https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"config": ASK_BRIEFLY, **kwargs, "client_type": "iam"})

    def principal(self) -> str | None:
        """
        ARN of the user or role whose policies hold for the caller.

        :return: None for credentials that have no such policies: the root user's, or a federated user's.
        """
        caller = self._caller()["Arn"]
        if _USER.fullmatch(caller):
            return caller
        session = _SESSION.fullmatch(caller)
        return None if session is None else self._role_arn(session)

    def account(self) -> str:
        """Id of the AWS account that the connection leads to."""
        return self._caller()["Account"]

    def simulate(
        self, principal: str, actions: Sequence[str], resource: str, context: Sequence[Mapping[str, Any]]
    ) -> list[Decision]:
        """
        Ask whether a principal may do something.

        :param principal: ARN of a user or a role.
        :param actions: such as ``ec2:RunInstances``.
        :param resource: ARN, or ``*``.
        :param context: ``ContextEntry`` s.
        """
        pages = self.conn.get_paginator("simulate_principal_policy").paginate(
            PolicySourceArn=principal,
            ActionNames=list(actions),
            ResourceArns=[resource],
            ContextEntries=[dict(entry) for entry in context],
        )
        return [
            Decision(
                action=result["EvalActionName"],
                allowed=result["EvalDecision"] == "allowed",
                certain=not result.get("MissingContextValues"),
            )
            for page in pages
            for result in page["EvaluationResults"]
        ]

    def _caller(self) -> dict[str, str]:
        sts = self.get_session(region_name=self.region_name).client(
            "sts",
            endpoint_url=self.conn_config.get_service_endpoint_url("sts"),
            config=self.config,
            verify=self.verify,
        )
        return dict(sts.get_caller_identity())

    def _role_arn(self, session: re.Match[str]) -> str:
        """Only the role itself tells its path; without the right to ask, most roles have none."""
        try:
            return str(self.conn.get_role(RoleName=session["role"])["Role"]["Arn"])
        except self.conn.exceptions.ClientError as error:
            if error_code(error) not in ("AccessDenied", "AccessDeniedException"):
                raise
        return f"arn:{session['partition']}:iam::{session['account']}:role/{session['role']}"
