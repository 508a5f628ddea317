"""
Everything that can be known before anything is launched: replication, running jobs, quotas, rights.

A check that cannot be made is a warning with what to do. What DRS itself fails to answer is asked again for a
drill, a while later; a real recovery does not wait for a check.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import groupby
from typing import TYPE_CHECKING

from drs_recovery.hooks import AWS_ERRORS, Clients, Target, TargetTrouble, describe, is_transient
from drs_recovery.jobs import OLDEST_RUNNING_JOB, Limits, TargetedServer, parts_of, read_limits
from drs_recovery.preflight.capacity import Demand, conflict_checks, quota_checks, running_jobs
from drs_recovery.preflight.findings import Check, Severity
from drs_recovery.preflight.permissions import missing_rights, rights_check
from drs_recovery.preflight.replication import native_checks, replication_checks
from drs_recovery.preflight.steps import step_checks
from drs_recovery.statuses import ExecutionType
from drs_recovery.transient_errors import error_code

if TYPE_CHECKING:
    from drs_recovery.plan import RecoveryPlan
    from drs_recovery.preflight.servers import Resolution, ResolvedServer
    from drs_recovery.store import NewFinding

log = logging.getLogger(__name__)

_MAY_NOT_SIMULATE = frozenset({"AccessDenied", "AccessDeniedException", "NoSuchEntity"})


class Preflight:
    """
    Check the servers and the steps of an execution.

    :param execution_id: the execution; its own jobs disturb nobody.
    :param waves: numbers of those that it runs.
    """

    def __init__(
        self,
        clients: Clients,
        plan: RecoveryPlan,
        execution_id: str,
        execution_type: ExecutionType,
        waves: Collection[int],
    ) -> None:
        self._clients, self._plan, self._waves = clients, plan, waves
        self._execution_id, self._type = execution_id, execution_type
        self.troubles: list[TargetTrouble] = []
        """Of the targets whose checks are to be made again later."""

    def findings(self, resolution: Resolution) -> list[NewFinding]:
        """Make every check."""
        steps = step_checks(self._clients, self._plan, self._waves, self._type)
        checks = [*resolution.checks, *steps]
        for target, servers in groupby(sorted(resolution.servers, key=_target), key=_target):
            try:
                checks += self._check_target(target, list(servers))
            except AWS_ERRORS as error:
                self.troubles.append(TargetTrouble(target, error, "checks"))
        return [check.finding_for(self._type) for check in checks]

    def _check_target(self, target: Target, servers: Sequence[ResolvedServer]) -> Iterator[Check]:
        for found in servers:
            yield from self._check_replication(found)
        try:
            yield from self._check_jobs(target, servers)
        except AWS_ERRORS as error:
            self._raise_if_tried_again(error)
            yield _not_checked(target, "running jobs", error)
        try:
            yield from native_checks(self._clients.at(*target).drs, target, servers)
        except AWS_ERRORS as error:
            yield _not_checked(target, "executions of DRS's own recovery plans", error)
        try:
            yield from self._check_rights(target)
        except AWS_ERRORS as error:
            if error_code(error) in _MAY_NOT_SIMULATE:
                log.info("rights of connection %s not checked: %s", target.connection, describe(error))
            else:
                yield _not_checked(target, "the rights of the connection", error)

    def _check_replication(self, found: ResolvedServer) -> Iterator[Check]:
        rule = self._plan.wave(found.wave_number).success_when
        optional = not found.server.critical and rule.kind == "critical"

        def has_snapshot(server_id: str) -> bool | None:
            try:
                return self._clients.at(*found.target).drs.has_recovery_snapshot(server_id)
            except AWS_ERRORS as error:
                self._raise_if_tried_again(error)
                log.warning("recovery snapshots of %s not read: %s", server_id, describe(error))
                return None

        for check in replication_checks(found, self._plan.objectives.rpo, has_snapshot):
            yield replace(check, severity=Severity.NOTABLE) if optional else check

    def _raise_if_tried_again(self, error: Exception) -> None:
        if is_transient(error) and self._type is ExecutionType.DRILL:
            raise error

    def _check_jobs(self, target: Target, servers: Sequence[ResolvedServer]) -> Iterator[Check]:
        jobs = self._clients.at(*target).drs.jobs_since(datetime.now(UTC) - OLDEST_RUNNING_JOB)
        running = running_jobs(jobs, self._execution_id)
        yield from conflict_checks(servers, running)
        try:
            limits = read_limits(self._clients.at(*target).quotas)
        except AWS_ERRORS as error:
            limits = Limits()
            yield _not_checked(target, "DRS's quotas", error)
        yield from quota_checks(self._demand(target, servers), running, limits)

    def _demand(self, target: Target, servers: Sequence[ResolvedServer]) -> Demand:
        """Waves with equally many waves before them may run side by side."""
        by_wave: dict[int, list[TargetedServer]] = defaultdict(list)
        for found in servers:
            by_wave[found.wave_number].append(
                TargetedServer(
                    sourceServerId=found.server.source_server_id,
                    connection=target.connection,
                    region=target.region,
                )
            )
        depths = self._plan.depths()
        batches: dict[int, list[int]] = defaultdict(list)
        for number, records in by_wave.items():
            batches[depths[number]] += [len(part.server_ids) for part in parts_of(records)]
        return Demand(target, tuple(tuple(batch) for batch in batches.values()))

    def _check_rights(self, target: Target) -> Iterator[Check]:
        rights = self._clients.at(*target).rights
        principal = rights.principal()
        if principal is None:
            log.info("rights of connection %s not checked: no user or role", target.connection)
        elif missing := missing_rights(rights, principal, target.region):
            yield rights_check(target, principal, missing)


def _target(found: ResolvedServer) -> Target:
    return found.target


def _not_checked(target: Target, subject: str, error: Exception) -> Check:
    return Check(
        Severity.NOTABLE,
        f"{subject} could not be checked in {target.region} (connection {target.connection}): "
        f"{describe(error)}",
        "compare the rights of the connection with infra/iam.yaml, and the network path from Airflow to AWS",
    )
