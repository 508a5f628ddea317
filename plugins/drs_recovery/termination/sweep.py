"""
Look for instances that no record names: launched after their execution had ended, or not by us.

Of a drill, what carries the tags of an execution of ours, and is past its time, is terminated; what is not
ours is told to people and never touched. An instance of a real recovery is never touched either: it is put on
the record of its execution, where people find it.
"""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from drs_recovery.exceptions import DrsRecoveryError
from drs_recovery.hooks import (
    PASSING_TROUBLE,
    Clients,
    Target,
    TargetClients,
    WrongAccountError,
    connection_exists,
    demand_account,
    describe,
)
from drs_recovery.installation import elsewhere, installation
from drs_recovery.jobs import EXECUTION_TAG, PLAN_TAG, our_tags
from drs_recovery.notifications import Unrecorded
from drs_recovery.opening import needed_by
from drs_recovery.plan import RecoveryPlan, plan_from_snapshot
from drs_recovery.recorded_plans import read_plans
from drs_recovery.statuses import ExecutionType
from drs_recovery.store import Documents, instances_of, is_store_away, termination_time
from drs_recovery.termination.calls import Rows, TerminationCalls, TerminationReservation
from drs_recovery.termination.targets import recorded_instances
from drs_recovery.termination.terminate import passes_by_itself

if TYPE_CHECKING:
    from drs_recovery.store import ExecutionDocument, ExecutionRecord, ExecutionStore

_TROUBLE: tuple[type[Exception], ...] = (*PASSING_TROUBLE, DrsRecoveryError)

# A target that no plan names any more is known for as long as one of so many executions was there.
RECENT_EXECUTIONS = 200

log = logging.getLogger(__name__)


@dataclass
class Sweep:
    """
    What one pass came to; instances as ``<id> in <Region>``.

    :param recorded: instances of real recoveries that are on the record of their execution only now.
    :param unrecorded: those among ``foreign`` whose execution has no record, by its id.
    """

    terminated: list[str] = field(default_factory=list)
    recorded: list[str] = field(default_factory=list)
    foreign: dict[str, str] = field(default_factory=dict)
    waiting: dict[str, str] = field(default_factory=dict)
    unreachable: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    unrecorded: dict[str, Unrecorded] = field(default_factory=dict)

    def add_unrecorded(self, target: Target, row: Mapping[str, Any], tags: Mapping[str, str]) -> None:
        """An instance whose execution has no record."""
        is_drill, execution_id = row.get("isDrill") is True, tags[EXECUTION_TAG]
        new = Unrecorded(execution_id, tags.get(PLAN_TAG, ""), is_drill)
        one = self.unrecorded.setdefault(execution_id, new)
        one.instances[str(row["recoveryInstanceID"])] = target.region


class Sweeper:
    """Sweep targets, each independent of the others."""

    def __init__(self, store: ExecutionStore) -> None:
        self._store = store
        self._clients = Clients()
        self._documents = Documents(store)
        self._installation = ""

    def sweep(self, targets: Iterable[Target]) -> Sweep:
        """Look once at every target."""
        result = Sweep()
        self._installation = installation(self._store)
        for target in sorted(targets):
            where = f"{target.region} (connection {target.connection})"
            if not connection_exists(target.connection):
                result.failed.append(f"{where}: there is no such connection")
                continue
            try:
                self._sweep_target(target, result)
            except _TROUBLE as error:
                if is_store_away(error):
                    raise
                self._clients.forget()
                problems = result.unreachable if _passes(error) else result.failed
                problems.append(f"{where}: {describe(error)}")
            except Exception as error:  # whatever is wrong with one target, the others are swept
                log.exception("%s: not swept", where)
                result.failed.append(f"{where}: {describe(error)}")
        return result

    def _sweep_target(self, target: Target, result: Sweep) -> None:
        hooks = self._clients.at(*target)
        rows = {str(row["recoveryInstanceID"]): row for row in hooks.drs.recovery_instances()}
        tags = our_tags(hooks, rows.values())
        owners = {job_id: one[EXECUTION_TAG] for job_id, one in tags.items()}
        self._find_unrecorded(hooks, rows, tags, result)
        self._record_late_recoveries(hooks, rows, owners, result)
        overdue: dict[str, list[str]] = defaultdict(list)
        for instance_id, row in _drill_rows(rows.values()).items():
            owner = owners.get(str(row.get("jobID")))
            document = None if owner is None else self._documents.get(owner)
            if owner is None:
                untagged = f"of {row.get('jobID', 'an unknown job')}, which carries no tags of this project"
                result.foreign[f"{instance_id} in {target.region}"] = untagged
            elif document is None or self._is_elsewhere(document):
                continue
            elif why := _launched_elsewhere(hooks, document):
                result.foreign[f"{instance_id} in {target.region}"] = why
            elif _is_overdue(document, instance_id):
                overdue[owner].append(instance_id)
        for execution_id, instance_ids in overdue.items():
            self._terminate(target, hooks, execution_id, {one: rows[one] for one in instance_ids}, result)

    def _find_unrecorded(
        self, hooks: TargetClients, rows: Rows, tags: Mapping[str, Mapping[str, str]], result: Sweep
    ) -> None:
        for instance_id, row in rows.items():
            of_job = tags.get(str(row.get("jobID")))
            if of_job is None or self._documents.get(of_job[EXECUTION_TAG]) is not None:
                continue
            kind = "drill" if row.get("isDrill") else "real recovery"
            result.foreign[f"{instance_id} in {hooks.target.region}"] = (
                f"of {row['jobID']}, a {kind} whose execution {of_job[EXECUTION_TAG]} is not in this store: "
                "check it in DRS"
            )
            result.add_unrecorded(hooks.target, row, of_job)

    def _record_late_recoveries(
        self, hooks: TargetClients, rows: Rows, owners: Mapping[str, str], result: Sweep
    ) -> None:
        for instance_id, row in rows.items():
            owner = owners.get(str(row.get("jobID")))
            if row.get("isDrill") is not False or owner is None:
                continue
            # Instances of real recoveries stay for long: what is on record costs no more than this look.
            document = self._documents.get(owner)
            if document is None or self._is_elsewhere(document):
                continue
            if _is_named(document, instance_id) or _launched_elsewhere(hooks, document):
                continue
            late = {"jobId": row["jobID"], "recoveryInstanceId": instance_id}
            late["instanceId"] = row.get("ec2InstanceID") or instance_id
            late |= {"accountId": hooks.account_id} if hooks.account_id else {}
            if self._store.terminations.record_late_instance(owner, str(row.get("sourceServerID")), late):
                log.warning("execution %s: %s came up after its end", owner, instance_id)
                result.recorded.append(f"{instance_id} in {hooks.target.region}")

    def _is_elsewhere(self, document: ExecutionDocument) -> bool:
        """Whether the housekeeping of another Airflow installation looks after an execution."""
        return elsewhere(document, self._installation) is not None

    def _terminate(
        self, target: Target, hooks: TargetClients, execution_id: str, rows: Rows, result: Sweep
    ) -> None:
        def allowed(instance_ids: Sequence[str]) -> Rows:
            servers = sorted({rows[one]["sourceServerID"] for one in instance_ids})
            now = _drill_rows(hooks.drs.recovery_instances(servers))
            # Other targets were swept since the record was read: the execution may have been opened again.
            document = self._store.get_rest(self._store.get_own_execution(execution_id))
            return {
                one: now[one]
                for one in instance_ids
                if now.get(one, {}).get("jobID") == rows[one]["jobID"] and _is_overdue(document, one)
            }

        execution = self._store.get_execution(execution_id)
        servers = {str(row["sourceServerID"]) for row in rows.values()}
        if need := needed_by(self._store, execution, servers, ExecutionType):
            result.waiting.update({f"{one} in {target.region}": need.reason for one in rows})
            return
        room = TerminationReservation(self._store, hooks, execution)
        asked = TerminationCalls(hooks.drs, allowed, room).terminate(rows)
        for job_id, instance_ids in asked.started:
            log.warning("execution %s: %s was on no record", execution_id, ", ".join(instance_ids))
            self._store.terminations.record_sweep(execution_id, instance_ids, job_id)
            result.terminated += [f"{one} in {target.region}" for one in instance_ids]
        result.failed += [f"{one} in {target.region}: {reason}" for one, reason in asked.refused.items()]
        if asked.stopped_by is not None:
            raise asked.stopped_by


def _passes(error: Exception) -> bool:
    return isinstance(error, DrsRecoveryError) or passes_by_itself(error)


def _drill_rows(rows: Iterable[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    return {str(row["recoveryInstanceID"]): row for row in rows if row.get("isDrill") is True}


def _launched_elsewhere(hooks: TargetClients, document: ExecutionDocument) -> str | None:
    """Why an instance here is none of the execution that its tags name; None if nothing is against it."""
    servers = [server for wave in document["waves"] for server in wave["serverStatuses"]]
    here = [s for s in servers if (s["connection"], s["region"]) == hooks.target]
    try:
        demand_account(hooks, (server.get("accountId") for server in here))
    except WrongAccountError as error:
        return f"tagged for execution {document['executionId']}, but {error}"
    return None


def _is_named(document: ExecutionDocument, instance_id: str) -> bool:
    """Whether the record has an instance, also if it is gone since."""
    servers = (server for wave in document["waves"] for server in wave["serverStatuses"])
    return any(instance_id in instances_of(server) for server in servers)


def _is_overdue(document: ExecutionDocument, instance_id: str) -> bool:
    """Whether the time of an instance is over, and no record names it: what one names is cleaned up by it."""
    if not document["status"].is_final:
        return False
    if any(recorded.instance_id == instance_id for recorded in recorded_instances(document)):
        return False
    due = termination_time(document, document["endTime"])
    return due is not None and due <= time.time()


def known_targets(store: ExecutionStore) -> set[Target]:
    """Targets of the plans as they are now and of recent executions of this installation."""
    plans, name = read_plans(store).plans, installation(store)
    found = {target for plan in plans.values() for target in _targets_of(plan)}
    seen: set[tuple[str, str]] = set()
    for execution in store.listings.page(limit=RECENT_EXECUTIONS).items:
        version = execution["planId"], execution["planHash"]
        # The connections of another installation need not exist here.
        if version not in seen and not elsewhere(execution, name):
            seen.add(version)
            found |= _targets_of_snapshot(store.get_execution(execution["executionId"]))
    return found


def _targets_of_snapshot(execution: ExecutionRecord) -> set[Target]:
    try:
        return _targets_of(plan_from_snapshot(execution["planSnapshot"]))
    except ValidationError:
        log.warning("execution %s: its plan is of a form that is not known", execution["executionId"])
        return set()


def _targets_of(plan: RecoveryPlan) -> set[Target]:
    return {Target(group.connection, group.region) for group in plan.protection_groups.values()}
