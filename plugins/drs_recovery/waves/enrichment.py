"""
Find the EC2 instance of every launched server, write its details, and read them again when people decide.

A server is READY only after this. The rows of DescribeRecoveryInstances can lag a poll or two behind a job's
LAUNCHED, and EC2 may not know an instance right after its launch, so a missing detail is first waited for.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from drs_recovery.hooks import (
    Clients,
    Target,
    TargetClients,
    TargetTrouble,
    ask_targets,
    demand_account,
    describe,
    describe_instances,
)
from drs_recovery.statuses import LaunchOutcome, ServerPhase, launch_outcome
from drs_recovery.store import ServerSeen, WavePoll, WaveRef, server_changes
from drs_recovery.waves.instance_details import (
    GONE_STATES,
    HALTED_STATES,
    Found,
    belongs_to,
    data_warning_of,
    fields_of,
    row_of,
    warning_of,
    what_is_missing,
    why_gone,
)
from drs_recovery.waves.observation import joined, reason_beside_instance
from drs_recovery.waves.post_launch import warning_of as actions_warning_of
from drs_recovery.waves.rules import has_launched

if TYPE_CHECKING:
    from drs_recovery.store import ExecutionDocument, ExecutionStore, FollowedWave, ServerStatus, Wave


log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Details:
    """What a look for details came to."""

    servers: list[ServerStatus]
    missing: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()

    @property
    def waits_for(self) -> tuple[str, ...]:
        """What is still to come, for people; empty when nothing is."""
        return (*self.missing, *self.problems) if self.missing else ()


class InstanceEnricher:
    """
    Bring EC2 details into the records of a wave; each target of it stands for itself.

    :param patience: seconds for which a server may lack details before it counts as failed, from the first
        look on after its launch and its post-launch actions.
    """

    def __init__(self, store: ExecutionStore, clients: Clients, patience: float) -> None:
        self._store = store
        self._clients = clients
        self._patience = patience

    def enrich(
        self,
        ref: WaveRef,
        give_up_at: float = math.inf,
        servers: Sequence[ServerStatus] | None = None,
        followed: FollowedWave | None = None,
    ) -> Details:
        """
        Look once for the instances of a wave's servers and record what is there.

        :param give_up_at: epoch seconds from which trouble that may pass counts like a refusal.
        :param servers: the wave's SERVER records if they were just read.
        :return: what is still to come. AWS errors are in it, not raised.
        """
        known = self._store.get_servers(ref) if servers is None else servers
        lacking = [server for server in known if needs_details(server)]
        if not lacking:
            return Details(list(known))
        found, troubles = self._look(lacking)
        seen = [self._seen(server, found[server["sourceServerId"]], give_up_at) for server in lacking]
        problems = tuple(map(str, troubles))
        poll = WavePoll(servers=tuple(seen), trouble=joined(problems))
        after = self._store.polls.record(ref, poll, followed)
        missing = tuple(s["sourceServerId"] for s in after if self._is_waited_for(s))
        return Details(after, missing, problems)

    def note(
        self,
        ref: WaveRef,
        servers: Sequence[ServerStatus],
        *,
        again: bool = False,
        followed: FollowedWave | None = None,
    ) -> tuple[str, ...]:
        """
        Look once for instances while more is still to come of their servers, and record what is there.

        Nothing is concluded from it: a server that is launched may still get post-launch actions.

        :param followed: the wave as it was after the last poll, if somebody follows it.
        """
        lacking = [
            server
            for server in servers
            if server.get("instanceId" if again else "jobId") and (again or not has_details(server))
        ]
        if not lacking:
            return ()
        found, _ = self._look(lacking, with_wishes=False)
        seen = [
            ServerSeen(server["sourceServerId"], fields=fields_of(found[server["sourceServerId"]]))
            for server in lacking
        ]
        if server_changes(lacking, seen, time.time(), 0):
            poll = WavePoll(servers=tuple(seen), is_look=False)
            lacking = self._store.polls.record(ref, poll, followed)
        return tuple(server["sourceServerId"] for server in lacking if has_details(server))

    def _is_waited_for(self, server: ServerStatus) -> bool:
        """A server that failed after its launch has an instance too, which is looked for as patiently."""
        if has_launched(server):
            return True
        return _was_launched(server) and not server.get("instanceId") and self._is_patient(server)

    def _is_patient(self, server: ServerStatus) -> bool:
        now = time.time()
        return now < float(server.get("detailsAwaitedTime", now)) + self._patience

    def _look(
        self, servers: Sequence[ServerStatus], *, with_wishes: bool = True
    ) -> tuple[dict[str, Found], list[TargetTrouble]]:
        """What DRS and EC2 say of the servers' instances, by source server id, and what they do not say."""
        by_target: dict[Target, list[ServerStatus]] = defaultdict(list)
        for server in servers:
            by_target[Target(server["connection"], server["region"])].append(server)
        rows = ask_targets(self._clients, by_target, "DRS", _rows)
        wanted = {
            target: _instance_ids(there, rows.found.get(target, ())) for target, there in by_target.items()
        }
        known = {target: ids for target, ids in wanted.items() if ids}
        instances = ask_targets(self._clients, known, "EC2", _instances)
        silent = {trouble.target: trouble for trouble in (*instances.troubles, *rows.troubles)}
        found = {}
        for target, there in by_target.items():
            at_target = instances.found.get(target, {})
            for server in there:
                row = row_of(server, rows.found.get(target), at_target)
                instance = at_target.get(str((row or {}).get("ec2InstanceID")))
                found[server["sourceServerId"]] = Found(row, instance, silent.get(target))
        halted, unread = self._with_wishes(by_target, found) if with_wishes else ({}, [])
        return {**found, **halted}, [*rows.troubles, *instances.troubles, *unread]

    def _with_wishes(
        self, by_target: Mapping[Target, Sequence[ServerStatus]], found: Mapping[str, Found]
    ) -> tuple[dict[str, Found], list[TargetTrouble]]:
        """What launch settings ask for, read only of servers whose instance does not run."""
        halted = {
            target: [s["sourceServerId"] for s in there if found[s["sourceServerId"]].state in HALTED_STATES]
            for target, there in by_target.items()
        }
        wishes = ask_targets(
            self._clients, {target: ids for target, ids in halted.items() if ids}, "DRS", _dispositions
        )
        unread = {trouble.target: trouble for trouble in wishes.troubles}
        told = {
            server_id: replace(
                found[server_id],
                disposition=wishes.found.get(target, {}).get(server_id),
                disposition_trouble=unread.get(target),
            )
            for target, ids in halted.items()
            for server_id in ids
        }
        return told, wishes.troubles

    def _seen(self, server: ServerStatus, found: Found, give_up_at: float) -> ServerSeen:
        fields, once, phase = fields_of(found), {}, None
        if has_launched(server):
            phase, error = self._verdict(server, found, give_up_at)
            fields["error"] = error
            if phase is ServerPhase.READY:
                data = data_warning_of(server, fields.get("pointInTime"))
                fields["warning"] = joined([actions_warning_of(server), data, warning_of(found)])
        elif fields.get("instanceId") and server.get("error"):
            fields["error"] = reason_beside_instance(server["error"], fields["instanceId"])
        if phase is not ServerPhase.READY and (has_launched(server) or _was_launched(server)):
            once["detailsAwaitedTime"] = time.time()
        return ServerSeen(server["sourceServerId"], phase=phase, fields=fields, once=once)

    def _verdict(
        self, server: ServerStatus, found: Found, give_up_at: float
    ) -> tuple[ServerPhase | None, str | None]:
        if found.state in GONE_STATES:
            return ServerPhase.FAILED, why_gone(found)
        if found.trouble is None and found.is_up:
            return ServerPhase.READY, None
        if self._is_patient(server) or _may_pass(found, give_up_at):
            return None, None
        # What could not be asked is not what makes a server ready: an instance that runs at its address does.
        if found.is_up:
            return ServerPhase.READY, None
        return ServerPhase.FAILED, f"DRS says LAUNCHED, but {what_is_missing(found)}"


def has_details(server: ServerStatus) -> bool:
    """Whether what EC2 says of a server's instance is on record."""
    return bool(server.get("instanceId") and server.get("instanceState"))


def _may_pass(found: Found, give_up_at: float) -> bool:
    trouble = found.trouble or found.disposition_trouble
    return trouble is not None and trouble.passes and time.time() < give_up_at


def needs_details(server: ServerStatus) -> bool:
    """
    Whether to look for the instance of a server.

    Whatever a job did to its server, an instance may be there: even of a failed or unfinished one.
    """
    return has_launched(server) or (bool(server.get("jobId")) and not server.get("instanceId"))


def _was_launched(server: ServerStatus) -> bool:
    return launch_outcome(server["launchStatus"]) is LaunchOutcome.LAUNCHED


def _rows(hooks: TargetClients, servers: Sequence[ServerStatus]) -> list[Mapping[str, Any]]:
    rows: list[Mapping[str, Any]] = [
        *hooks.drs.recovery_instances([one["sourceServerId"] for one in servers])
    ]
    unlisted = [server for server in servers if not any(belongs_to(row, server) for row in rows)]
    demand_account(hooks, (server.get("accountId") for server in unlisted))
    return rows


def _instance_ids(servers: Iterable[ServerStatus], rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """Instances that DRS lists, and those that jobs named: DRS may not list them any more, or not tell."""
    listed = {row["ec2InstanceID"] for row in rows if row.get("ec2InstanceID")}
    named = {server["recoveryInstanceId"] for server in servers if server.get("recoveryInstanceId")}
    return sorted(listed | named)


def _instances(hooks: TargetClients, instance_ids: Sequence[str]) -> dict[str, Mapping[str, Any]]:
    return describe_instances(hooks.ec2.conn, instance_ids)


def _dispositions(hooks: TargetClients, server_ids: Sequence[str]) -> dict[str, str | None]:
    return {server_id: hooks.drs.launch_disposition(server_id) for server_id in server_ids}


# A question is put in spite of an AWS that does not answer.
_PATIENCE = 20.0

THREAD = "drs-recovery-refresh"
"""Name of the thread that reads."""


def refresh_details(
    store: ExecutionStore, document: ExecutionDocument, patience: float = _PATIENCE
) -> ExecutionDocument:
    """
    Read the details of every recorded instance again, as far as AWS answers in time.

    :param patience: seconds after which it is left at what is on record.
    """
    launched = [wave for wave in document["waves"] if wave["jobs"]]
    if not launched:
        return document
    # A daemon: the task goes on, and ends, without an answer that comes too late.
    thread = threading.Thread(target=_refresh, args=(store, launched), daemon=True, name=THREAD)
    thread.start()
    thread.join(patience)
    return store.get_document(document["executionId"])


def _refresh(store: ExecutionStore, waves: Iterable[Wave]) -> None:
    enricher = InstanceEnricher(store, Clients(), patience=0)
    for wave in waves:
        number = wave["waveNumber"]
        try:
            enricher.note(WaveRef.of(wave), wave["serverStatuses"], again=True)
        except Exception as error:  # whatever it is, the question is put
            log.warning("wave %s: its instances are not checked again: %s", number, describe(error))
