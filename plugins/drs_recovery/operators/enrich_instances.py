"""The step that stores EC2 details and alone may call a wave COMPLETED."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from airflow.sdk.exceptions import AirflowSkipException

from drs_recovery.engine.clients import Clients
from drs_recovery.engine.enrichment import InstanceEnricher
from drs_recovery.engine.judgement import failures_of, shortfall, wave_label
from drs_recovery.engine.start_rules import skip_reason, wave_of
from drs_recovery.exceptions import ExecutionError, WaveFailedError
from drs_recovery.hooks.errors import AWS_ERRORS, describe
from drs_recovery.operators.base import WaveOperator, fails_for_good
from drs_recovery.settings import details_timeout, poll_interval
from drs_recovery.statuses import ServerPhase, WaveStatus

if TYPE_CHECKING:
    from airflow.sdk.definitions.context import Context


class EnrichInstancesOperator(WaveOperator):
    """
    Store instance id, type, state, address and host name of every launched server, then end the wave.

    It also runs after ``wait_for_launch`` failed: the servers that did come up get their details all the
    same. Waits in the triggerer for details that AWS does not have yet.

    :param wave_number: from 1.
    :return: instance ids by source server id.
    """

    def execute(self, context: Context) -> dict[str, str]:
        """Look for the details that are missing; end the wave when none is."""
        execution_id = self.execution_id_of(context)
        with fails_for_good():
            document = self.store.get_document(execution_id)
            wave = wave_of(document, self.wave_number)
            if not wave["jobs"]:
                self._explain_nothing(document, wave)
            self._enrich(execution_id)
            return self._end_wave(execution_id, wave)

    def _explain_nothing(self, document: Mapping[str, Any], wave: Mapping[str, Any]) -> NoReturn:
        if reason := skip_reason(document, self.wave_number):
            raise AirflowSkipException(reason)
        raise ExecutionError(f"wave {wave_label(wave)} launched nothing, it is {wave['status']}")

    def _enrich(self, execution_id: str) -> None:
        enricher = InstanceEnricher(self.store, Clients(), details_timeout())
        try:
            missing: Sequence[str] = enricher.enrich(execution_id, self.wave_number)
        except AWS_ERRORS as error:
            if time.time() > self.deadline_of(execution_id) + details_timeout():
                raise ExecutionError(f"EC2 details cannot be read: {describe(error)}") from error
            self.log.warning("execution %s: details not read yet: %s", execution_id, describe(error))
            self.look_again_in(poll_interval())
        if missing:
            self.log.info("execution %s: waiting for the details of %s", execution_id, ", ".join(missing))
            self.look_again_in(poll_interval())

    def _end_wave(self, execution_id: str, wave: Mapping[str, Any]) -> dict[str, str]:
        label = wave_label(wave)
        servers = self.store.get_servers(execution_id, self.wave_number)
        if wave["status"] == WaveStatus.FAILED:
            raise WaveFailedError(label, str(wave.get("statusReason")))
        unsettled = [s["serverName"] for s in servers if not ServerPhase(s["phase"]).is_end]
        if unsettled:
            raise ExecutionError(f"wave {label} did not settle: {', '.join(unsettled)} still in progress")
        reason = shortfall(self.wave_plan_of(execution_id).success_when, servers)
        if reason is not None:
            failed = WaveFailedError(label, reason, failures_of(servers))
            self.store.fail_wave(execution_id, self.wave_number, str(failed))
            raise failed
        self.store.complete_wave(execution_id, self.wave_number)
        return {s["sourceServerId"]: s["instanceId"] for s in servers if s.get("instanceId")}
