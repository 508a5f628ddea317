"""
IAM in front of the services: requests are judged by policies that a test hands over, as AWS would judge them.

Only the access keys and roles that were named are judged, so that a test prepares with another key.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from threading import Lock
from typing import Any

from sandbox.aws_requests import Environ, Identity, SessionBook
from sandbox.policies import Question, allowing, judge
from sandbox.rights import rights_of

Policies = Sequence[Mapping[str, Any]]

# moto's account of every key that it did not hand out.
_ACCOUNT = "123456789012"

# Code and HTTP status of a refusal; all others say AccessDeniedException.
_REFUSALS: Mapping[str, tuple[str, int]] = {
    "dynamodb": ("AccessDeniedException", 400),
    "servicequotas": ("AccessDeniedException", 400),
    "ec2": ("UnauthorizedOperation", 403),
    "iam": ("AccessDenied", 403),
    "sts": ("AccessDenied", 403),
    "elasticloadbalancing": ("AccessDenied", 403),
    "monitoring": ("AccessDenied", 403),
    "sns": ("AuthorizationError", 403),
}
_OTHER_REFUSAL = ("AccessDeniedException", 403)


class Authorization:
    """Policies by access key or role, and what came of them; safe to use from many threads."""

    def __init__(self, sessions: SessionBook) -> None:
        self._sessions, self._lock = sessions, Lock()
        self.clear()

    def clear(self) -> None:
        """Judge nobody, and forget what was asked."""
        with self._lock:
            self._policies: dict[str, Policies] = {}
            self._used: set[tuple[str, str]] = set()
            self._refused: list[dict[str, Any]] = []

    def enforce(self, policies: Mapping[str, Policies]) -> None:
        """
        Judge the requests of some access keys and roles from now on.

        :param policies: access key, or ARN of a role, to policy documents.
        """
        with self._lock:
            self._policies = dict(policies)

    def refusal(self, identity: Identity, environ: Environ, body: bytes) -> tuple[str, int, str] | None:
        """
        Judge a request.

        :return: code, HTTP status and message of the answer; None if the request is allowed or not judged.
        """
        caller, account, policies = self._judged(identity.access_key or "")
        if policies is None:
            return None
        for question in rights_of(identity, account, environ, body):
            if judge(policies, question).decision != "allowed":
                return self._refused_answer(identity, caller, question)
            with self._lock:
                self._used.update((sid, question.action) for sid in allowing(policies, question))
        return None

    def report(self) -> dict[str, Any]:
        """What was refused, and which action of which statement (by its Sid) allowed something."""
        with self._lock:
            used = [{"statement": sid, "action": action} for sid, action in sorted(self._used)]
            return {"refused": list(self._refused), "used": used}

    def _judged(self, access_key: str) -> tuple[str, str, Policies | None]:
        """ARN of the caller, its account, and its policies if it is judged."""
        session = self._sessions.principal(access_key)
        if session is None:
            return f"arn:aws:iam::{_ACCOUNT}:user/{access_key}", _ACCOUNT, self._policies.get(access_key)
        account, role = session.split(":")[4], session.split("/")[1]
        return session, account, self._policies.get(f"arn:aws:iam::{account}:role/{role}")

    def _refused_answer(self, identity: Identity, caller: str, question: Question) -> tuple[str, int, str]:
        told = {
            "action": question.action,
            "resource": question.resource,
            "context": {name: list(values) for name, values in question.context.items()},
        }
        with self._lock:
            self._refused.append(told)
        code, status = _REFUSALS.get(identity.service, _OTHER_REFUSAL)
        why = f"because no identity-based policy allows the {question.action} action"
        message = f"is not authorized to perform: {question.action} on resource: {question.resource} {why}"
        return code, status, f"User: {caller} {message}"
