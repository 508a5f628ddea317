"""Hooks that ask for the identity, the permissions and the DRS quotas of a connection."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from botocore.config import Config

from drs_recovery.hooks.base import AccountHook
from drs_recovery.transient_errors import error_code

# Nothing hangs on the answer: where the API cannot be reached, a recovery must not wait long for that.
ASK_BRIEFLY = Config(
    retries={"mode": "standard", "total_max_attempts": 2}, connect_timeout=3, read_timeout=10
)

_SERVICE = "drs"


class QuotasHook(AccountHook):
    """
    Ask for the quotas of DRS in one account and Region.

    .. seealso:: https://docs.aws.amazon.com/servicequotas/2019-06-24/apireference/API_GetServiceQuota.html
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"config": ASK_BRIEFLY, **kwargs, "client_type": "service-quotas"})

    def drs_quota(self, code: str) -> float | None:
        """
        Read the value of a quota that holds for the account.

        :param code: such as ``L-D88FAC3A``.
        :return: None when Service Quotas has no value of it, so that AWS's default holds.
        """
        try:
            answer = self.conn.get_service_quota(ServiceCode=_SERVICE, QuotaCode=code)
        except self.conn.exceptions.ClientError as error:
            if error_code(error) == "NoSuchResourceException":
                return None
            raise
        value = answer.get("Quota", {}).get("Value")
        return None if value is None else float(value)


# What GetCallerIdentity says of a session of a role; the role's path is not in it.
_SESSION = re.compile(r"arn:(?P<partition>[\w-]+):sts::(?P<account>\d+):assumed-role/(?P<role>[^/]+)/.+")
_USER = re.compile(r"arn:[\w-]+:iam::\d+:user/.+")


class Decision(NamedTuple):
    """
    What a simulation says of one action.

    :param action: such as ``ec2:RunInstances``.
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
        results = self.pages(
            "simulate_principal_policy",
            "EvaluationResults",
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
            for result in results
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
