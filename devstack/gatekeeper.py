"""Answer the gates of a drill the way people would: over the REST API, as somebody who may."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta

from devstack.airflow_api import AirflowApi, Question
from devstack.errors import AirflowApiError, DemoFailedError

_APPROVE = "Approve"
_ANSWERED_ALREADY = 409

# Airflow 3.3 can fail a task that resumes while its first process still reports that it parked. Answers
# within 0.3 s hit this every other time, after 1 s never; people take longer anyway.
_EARLIEST_ANSWER = timedelta(seconds=3)


class Gatekeeper:
    """Approves gates as one of their approvers."""

    def __init__(
        self,
        base_url: str,
        passwords: Mapping[str, str],
        say: Callable[[str], None],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._base_url = base_url
        self._passwords = passwords
        self._say = say
        self._now = now

    def approve_due(self, questions: Iterable[Question]) -> None:
        """
        Approve those questions that have been open long enough.

        :raises DemoFailedError: none of this stack's users may answer.
        """
        for question in questions:
            if self._now() - question.created_at >= _EARLIEST_ANSWER:
                self._approve(question)

    def _approve(self, question: Question) -> None:
        user = self._approver(question)
        with closing(AirflowApi(self._base_url, user, self._passwords[user])) as api:
            try:
                api.answer(question, _APPROVE)
            except AirflowApiError as error:
                if error.status != _ANSWERED_ALREADY:
                    raise
                self._say(f"somebody else has answered “{question.subject}”")
            else:
                self._say(f"{user} approves “{question.subject}”")

    def _approver(self, question: Question) -> str:
        known = question.approvers or ("admin",)
        for user in known:
            if user in self._passwords:
                return user
        raise DemoFailedError(
            f"“{question.subject}” may only be answered by {', '.join(known)}, "
            f"and this stack has the users {', '.join(self._passwords)}"
        )
