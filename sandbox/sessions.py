"""Sessions of assumed roles: who gets one, for how long, and who a caller is."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from threading import Lock
from typing import Any

from moto.core.utils import utcnow
from moto.iam.models import iam_backends
from moto.sts.models import AssumedRole, STSBackend
from werkzeug.exceptions import Forbidden

from sandbox.aws_requests import query_error
from sandbox.clock import SimulatedClock
from sandbox.policies import Question, judge

_ASSUME_ROLE = "sts:AssumeRole"


@dataclass(frozen=True)
class Session:
    """
    A session of a role.

    :param principal: its ARN, ``arn:aws:sts::<account>:assumed-role/<role>/<session name>``.
    :param end: wall time after which its key is refused, seconds since 1970.
    """

    principal: str
    end: float


class SessionBook:
    """Every session by access key; safe to use from many threads."""

    def __init__(self, clock: Callable[[], SimulatedClock]) -> None:
        self._clock = clock
        self._lock = Lock()
        self._sessions: dict[str, Session] = {}

    def begin(self, access_key: str, principal: str, seconds: float) -> None:
        """
        Remember a session.

        :param access_key: that belongs to it.
        :param principal: its ARN.
        :param seconds: how long it lasts, in real time.
        """
        session = Session(principal, self._clock().wall() + seconds)
        with self._lock:
            self._sessions[access_key] = session

    def principal(self, access_key: str | None) -> str | None:
        """ARN of the session that a key belongs to; None for all other keys."""
        session = self._of(access_key)
        return session.principal if session else None

    def has_ended(self, access_key: str | None) -> bool:
        """Whether a key belongs to a session that is over."""
        session = self._of(access_key)
        return session is not None and self._clock().wall() >= session.end

    def clear(self) -> None:
        """Forget every session."""
        with self._lock:
            self._sessions.clear()

    def _of(self, access_key: str | None) -> Session | None:
        with self._lock:
            return self._sessions.get(access_key or "")


def watch_sessions(world: Any) -> None:
    """
    Let STS ask the trust policies of roles that exist, and keep book of the sessions that it gives.

    :param world: its faults and sessions.
    """
    assume_role = STSBackend.assume_role

    @functools.wraps(assume_role)
    def assumed(backend: STSBackend, **asked: Any) -> AssumedRole:
        _demand_trust(asked["role_arn"], asked.get("external_id"))
        role = assume_role(backend, **asked)
        fault = world.faults.standing("short_session", role=asked["role_arn"], region=asked["region_name"])
        seconds = fault["seconds"] if fault else float(asked["duration"])
        if fault:
            told = fault["told"] if fault["told"] is not None else seconds
            role.expiration = utcnow() + timedelta(seconds=told)
        world.sessions.begin(role.access_key_id, role.arn, seconds)
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
