"""The step that stores EC2 details and alone may call a wave COMPLETED."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from airflow.sdk.exceptions import AirflowSkipException

from drs_recovery.exceptions import ExecutionError
from drs_recovery.hooks import Clients
from drs_recovery.operators.base import fails_for_good
from drs_recovery.operators.outages import outlives_outages
from drs_recovery.operators.wave_steps import WaveOperator
from drs_recovery.plan import plan_from_snapshot
from drs_recovery.settings import poll_interval
from drs_recovery.statuses import WaveStatus
from drs_recovery.store import with_wave
from drs_recovery.waves import WaveEnd, check_not_cancelled, instance_ids, skip_reason, wave_label

if TYPE_CHECKING:
    from airflow.sdk.definitions.context import Context

    from drs_recovery.store import ExecutionDocument, FollowedWave, ServerStatus, Wave, WaveRecord


class EnrichInstancesOperator(WaveOperator):
    """
    Store instance id, type, state, address and host name of every launched server, then end the wave.

    It also runs after ``wait_for_launch`` failed: the servers that did come up get their details all the
    same. Waits in the triggerer for details that AWS does not have yet.
    """

    @outlives_outages
    def execute(self, context: Context) -> dict[str, str]:
        """Look for the details that are missing; end the wave when none is."""
        execution_id = self.execution_id_of(context)
        with fails_for_good(), self.announcing(execution_id) as news:
            document, followed = self.store.follow(self.wave_in(execution_id))
            wave = self.own_wave(document["waves"])
            if not wave["jobs"]:
                self._explain_nothing(document, wave)
            if wave["status"] == WaveStatus.COMPLETED:
                return instance_ids(wave["serverStatuses"])
            check_not_cancelled(document)
            plan = plan_from_snapshot(document["planSnapshot"])
            wave_end = WaveEnd(self.store, plan, self.wave_in(execution_id))
            enriched: Wave = {**wave, "serverStatuses": self._enriched(wave, wave_end, followed)}
            found = wave_end.end_launch(enriched, followed)
            news.document = with_wave(document, followed.records)
            return found

    def _explain_nothing(self, document: ExecutionDocument, wave: WaveRecord) -> NoReturn:
        if reason := skip_reason(document, self.wave_number):
            raise AirflowSkipException(reason)
        raise ExecutionError(f"wave {wave_label(wave)} launched nothing, it is {wave['status']}")

    def _enriched(self, wave: Wave, wave_end: WaveEnd, followed: FollowedWave) -> list[ServerStatus]:
        details = wave_end.look_for_details(Clients(), wave, followed)
        if missing := details.waits_for:
            self.log.info("wave %s: waiting for the details of %s", wave_label(wave), ", ".join(missing))
            self.look_again_in(poll_interval())
        return details.servers
