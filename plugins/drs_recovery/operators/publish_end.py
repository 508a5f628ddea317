"""The task behind the last step: it lets other DAGs react to the end of an execution, good or bad."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import Asset
from airflow.sdk.exceptions import AirflowSkipException

from drs_recovery.operators.base import RecoveryOperator
from drs_recovery.operators.outages import outlives_outages
from drs_recovery.plan import asset_uri

if TYPE_CHECKING:
    from airflow.sdk.definitions.context import Context

    from drs_recovery.store import ExecutionRecord


class PublishEndOperator(RecoveryOperator):
    """
    Make an event of the plan's Asset, which says how an execution ended.

    Airflow makes events of tasks that succeed only, and the last step fails after a bad end. A teardown, as
    that is, so that it runs after "Mark run as failed", too; one that says nothing of the run's state.
    """

    def __init__(self, *, plan_id: str, **kwargs: Any) -> None:
        self.asset = Asset(asset_uri(plan_id))
        super().__init__(**{**kwargs, "outlets": [self.asset]})

    @outlives_outages
    def execute(self, context: Context) -> dict[str, Any]:
        """
        Publish the end.

        :raises AirflowSkipException: the execution has not ended, or another installation runs it.
        """
        execution_id = self.own_id(context)
        record = self.own_record(execution_id)
        if record is None or not record["status"].is_final:
            raise AirflowSkipException(f"execution {execution_id} has not ended: there is nothing to tell")
        told = _told(record)
        context["outlet_events"][self.asset].extra = told
        return told


def _told(record: ExecutionRecord) -> dict[str, Any]:
    return {
        "executionId": record["executionId"],
        "planId": record["planId"],
        "executionType": record["executionType"].value,
        "status": record["status"].value,
        "dryRun": record.get("dryRun", False),
    }
