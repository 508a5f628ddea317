"""The last task of a wave that has steps after its launch; it alone may call such a wave COMPLETED."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.sdk.exceptions import AirflowSkipException

from drs_recovery.operators.base import fails_for_good
from drs_recovery.operators.outages import outlives_outages
from drs_recovery.operators.wave_steps import WaveOperator
from drs_recovery.plan import plan_from_snapshot
from drs_recovery.statuses import WaveStatus
from drs_recovery.store import with_wave
from drs_recovery.waves import WaveEnd, check_not_cancelled, instance_ids, skip_reason

if TYPE_CHECKING:
    from airflow.sdk.definitions.context import Context


class CompleteWaveOperator(WaveOperator):
    """End a wave whose servers are ready and whose steps hold, as the record proves both."""

    @outlives_outages
    def execute(self, context: Context) -> dict[str, str]:
        """Demand the proofs, and end the wave."""
        execution_id = self.execution_id_of(context)
        with fails_for_good(), self.announcing(execution_id) as news:
            document, followed = self.store.follow(self.wave_in(execution_id))
            wave = self.own_wave(document["waves"])
            if reason := skip_reason(document, self.wave_number):
                raise AirflowSkipException(reason)
            if wave["status"] is WaveStatus.COMPLETED:
                return instance_ids(wave["serverStatuses"])
            check_not_cancelled(document)
            plan = plan_from_snapshot(document["planSnapshot"])
            found = WaveEnd(self.store, plan, self.wave_in(execution_id)).end(wave, followed)
            news.document = with_wave(document, followed.records)
            return found
