"""
Compare what records call running with DRS and EC2.

Instances end by hand, by DRS's clean-up, by later launches. One pass asks each account and Region once, for
all executions together.
"""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from drs_recovery.exceptions import DrsRecoveryError
from drs_recovery.hooks import (
    TERMINATED,
    Clients,
    Target,
    TargetClients,
    WrongAccountError,
    ask_targets,
    demand_account,
    describe,
    describe_instances,
    is_gone,
)
from drs_recovery.installation import elsewhere, installation
from drs_recovery.store import Documents, InstancesSeen
from drs_recovery.termination.targets import ENDED_STATES, RecordedInstance, unconfirmed_of
from drs_recovery.waves import has_ended

if TYPE_CHECKING:
    from drs_recovery.store import ExecutionStore, Launch

Row = Mapping[str, Any]

# Right after a launch neither DRS nor EC2 need know an instance: unknown is not gone for so many seconds.
LISTING_SECONDS = 900.0

log = logging.getLogger(__name__)


@dataclass
class InstanceCheck:
    """What one pass came to."""

    gone: dict[str, list[str]] = field(default_factory=dict)
    still_running: dict[str, list[str]] = field(default_factory=dict)
    ended: list[str] = field(default_factory=list)
    unreachable: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Standing:
    """What AWS says of an instance: whether it is gone (None: not known yet), and its state in EC2."""

    is_gone: bool | None
    state: str | None


class InstanceChecker:
    """Compare the instances of executions that have ended."""

    def __init__(self, store: ExecutionStore) -> None:
        self._store = store
        self._clients = Clients()
        self._documents = Documents(store)
        self._elsewhere: dict[RecordedInstance, str] = {}

    def check(self) -> InstanceCheck:
        """Look once at every target; trouble with one, or with one execution, is no trouble of the others."""
        result, name = InstanceCheck(), installation(self._store)
        launches = self._store.instances.launches()
        ended = {one.execution_id for one in launches if self._has_ended(one.execution_id)}
        instances = {
            execution_id: unconfirmed_of(document)
            for execution_id in sorted(ended)
            if (document := self._documents.get(execution_id)) is not None and not elsewhere(document, name)
        }
        standings = self._ask([one for each in instances.values() for one in each], result)
        for execution_id, of_execution in instances.items():
            try:
                self._record(execution_id, of_execution, standings, launches, result)
            except DrsRecoveryError as error:
                log.warning("execution %s: not compared this time: %s", execution_id, describe(error))
        self._forget(launches)
        return result

    def _ask(
        self, instances: Iterable[RecordedInstance], result: InstanceCheck
    ) -> dict[RecordedInstance, _Standing]:
        by_target: dict[Target, list[RecordedInstance]] = defaultdict(list)
        for instance in instances:
            by_target[instance.target].append(instance)
        answers = ask_targets(self._clients, by_target, "DRS and EC2", self._standings)
        result.unreachable += map(str, answers.troubles)
        return {one: standing for there in answers.found.values() for one, standing in there.items()}

    def _standings(
        self, hooks: TargetClients, instances: Sequence[RecordedInstance]
    ) -> dict[RecordedInstance, _Standing]:
        here = [one for one in instances if self._is_in_account(hooks, one)]
        listed = hooks.drs.recovery_instances(sorted({one.server_id for one in here}))
        rows = {row.get("recoveryInstanceID"): row for row in listed}
        known = describe_instances(hooks.ec2.conn, sorted(one.ec2_id for one in here))
        return {one: _standing(one, rows.get(one.instance_id), known.get(one.ec2_id)) for one in here}

    def _is_in_account(self, hooks: TargetClients, instance: RecordedInstance) -> bool:
        """Whether the connection still leads to where an instance is: later ones may be where it leads."""
        try:
            demand_account(hooks, [instance.account])
        except WrongAccountError as error:
            self._elsewhere[instance] = describe(error)
            return False
        return True

    def _record(
        self,
        execution_id: str,
        instances: Sequence[RecordedInstance],
        standings: Mapping[RecordedInstance, _Standing],
        launches: Sequence[Launch],
        result: InstanceCheck,
    ) -> None:
        asked = [one for one in instances if one in standings]
        for reason in sorted({self._elsewhere[one] for one in instances if one in self._elsewhere}):
            self._store.instances.tell_unchecked(execution_id, reason)
        if not asked:
            return
        seen = InstancesSeen(
            gone=[one.instance_id for one in asked if standings[one].is_gone],
            still_running=[
                one.instance_id
                for one in asked
                if standings[one].is_gone is False and one.replaced_by and self._is_over(one)
            ],
            states={one.instance_id: state for one in asked if (state := standings[one].state)},
            replaced_by=_later_launches(execution_id, asked, launches),
            is_all=len(asked) == len(instances),
        )
        if not self._store.instances.record_seen(execution_id, seen):
            return
        if seen.gone:
            log.warning("execution %s: gone: %s", execution_id, ", ".join(seen.gone))
            result.gone[execution_id] = list(seen.gone)
        if seen.still_running:
            log.warning("execution %s: not replaced: %s", execution_id, ", ".join(seen.still_running))
            result.still_running[execution_id] = list(seen.still_running)
        if len(seen.gone) == len(instances) and self._store.terminations.finish(execution_id):
            result.ended.append(execution_id)

    def _is_over(self, instance: RecordedInstance) -> bool:
        """Whether the launch that was to replace an instance does nothing to it any more."""
        document = self._documents.get(str(instance.replaced_by))
        if document is None or self._has_ended(str(instance.replaced_by)):
            return True
        jobs = [
            job
            for wave in document["waves"]
            if instance.server_id in {server["sourceServerId"] for server in wave["serverStatuses"]}
            for job in wave["jobs"]
        ]
        return all(map(has_ended, jobs))

    def _forget(self, launches: Iterable[Launch]) -> None:
        """A launch of which nothing is left needs no more looks; what comes up late is put on record anew."""
        self._documents.forget()
        for launch in launches:
            document = self._documents.get(launch.execution_id)
            if document is not None and not self._has_ended(launch.execution_id):
                continue
            jobs = {one.job_id for one in unconfirmed_of(document)} if document is not None else ()
            if launch.job_id not in jobs:
                self._store.instances.forget_launch(launch)

    def _has_ended(self, execution_id: str) -> bool:
        document = self._documents.get(execution_id)
        return document is not None and document["status"].is_final


def _standing(recorded: RecordedInstance, row: Row | None, instance: Row | None) -> _Standing:
    """Gone is what EC2 calls terminated, or does not know, if DRS has it no more either."""
    state = None if instance is None else (instance.get("State") or {}).get("Name")
    if not is_gone(instance):
        return _Standing(is_gone=False, state=state)
    if row is not None and row.get("ec2InstanceState") not in ENDED_STATES:
        return _Standing(is_gone=None, state=None)
    was_just_launched = time.time() < recorded.launched + LISTING_SECONDS
    return _Standing(is_gone=None if state != TERMINATED and was_just_launched else True, state=None)


def _later_launches(
    execution_id: str, instances: Iterable[RecordedInstance], launches: Iterable[Launch]
) -> dict[str, str]:
    """Which other execution launched a server of these last, after this execution did."""
    mine = {launch.job_id: launch for launch in launches if launch.execution_id == execution_id}
    later: dict[str, Launch] = {}
    for instance in instances:
        own = mine.get(instance.job_id)
        for launch in launches:
            if own is None or launch.target != own.target or instance.server_id not in launch.server_ids:
                continue
            last = later.get(instance.server_id, own)
            if launch.execution_id != execution_id and launch.created > last.created:
                later[instance.server_id] = launch
    return {server_id: launch.execution_id for server_id, launch in later.items()}
