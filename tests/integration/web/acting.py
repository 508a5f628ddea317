"""People who act through the console, also while a run goes on."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx

from drs_recovery.store.keys import execution_id
from tests.integration.core_api import CoreApi
from tests.integration.people import Deed, Question


def send(
    api: CoreApi, execution: str, kind: str, body: dict[str, Any], user: str = "admin", role: str = "user"
) -> httpx.Response:
    """
    Ask for an action.

    :param kind: last part of its address.
    :param user: name of the user.
    :param role: of Airflow's simple auth manager.
    """
    path = f"/recovery/api/v1/executions/{execution}/actions/{kind}"
    return api.send("POST", path, api.token(user, role), json=body)


def at_once(*requests: Any) -> list[Any]:
    """Call functions in threads of their own, all in the same moment; what each returns."""
    with ThreadPoolExecutor(len(requests)) as pool:
        return [found.result() for found in [pool.submit(request) for request in requests]]


class Answers(list[httpx.Response]):
    """What the console answered, in the order in which people asked."""

    def ask(self, kind: str, body: dict[str, Any], user: str = "admin", role: str = "user") -> Deed:
        """A deed at a question of a run: an action on its execution, whatever is answered."""
        return lambda api, question: self.append(send(api, execution_of(question), kind, body, user, role))

    def ask_all(self, *deeds: Deed) -> Deed:
        """Several deeds one after the other."""

        def do(api: CoreApi, question: Question) -> None:
            for deed in deeds:
                deed(api, question)

        return do

    def race(self, *deeds: Deed) -> Deed:
        """Several deeds in the same moment."""

        def do(api: CoreApi, question: Question) -> None:
            at_once(*(lambda deed=deed: deed(api, question) for deed in deeds))

        return do

    @property
    def statuses(self) -> list[int]:
        """HTTP status of each answer."""
        return [answer.status_code for answer in self]


def execution_of(question: Question) -> str:
    """Id of the execution whose run asks."""
    task = question["task_instance"]
    return execution_id(task["dag_id"], task["dag_run_id"])
