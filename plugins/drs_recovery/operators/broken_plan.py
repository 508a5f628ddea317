"""The only step of a plan that cannot be used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowFailException

if TYPE_CHECKING:
    from airflow.sdk.definitions.context import Context


class BrokenPlanOperator(BaseOperator):
    """
    Fail with the problems of a plan file.

    :param problems: one a line.
    """

    def __init__(self, *, problems: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.problems = problems

    def execute(self, context: Context) -> None:
        """Tell what is wrong; trying again cannot help before the file is mended."""
        raise AirflowFailException(f"this plan cannot be used:\n{self.problems}")
