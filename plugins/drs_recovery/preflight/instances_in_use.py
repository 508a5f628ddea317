"""
Decide whether an execution may end instances of a real recovery that are in use.

AWS's guide: a new launch of a source server cleans up all its earlier recovery instances, even those that
were disconnected from DRS or deleted there. DRS lists the instances, records tell whose they are, and EC2
tells whether those that DRS lists no more still run.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from drs_recovery.exceptions import ExecutionNotFoundError, InstancesInUseError, NotStartedError
from drs_recovery.hooks import (
    AWS_ERRORS,
    SHORT_PAUSE,
    Clients,
    Target,
    TargetClients,
    TargetTrouble,
    describe,
    describe_instances,
    is_gone,
    is_transient,
    retry_after,
)
from drs_recovery.installation import elsewhere
from drs_recovery.jobs import owners_of
from drs_recovery.preflight.findings import Check, Severity
from drs_recovery.store import WaveRef, instances_left, instances_of, named

if TYPE_CHECKING:
    from drs_recovery.jobs import JobPart
    from drs_recovery.preflight.servers import ResolvedServer
    from drs_recovery.store import Execution, ExecutionStore, ServerStatus

log = logging.getLogger(__name__)

Rows = Collection[Mapping[str, Any]]

# ``EC2InstanceState`` of botocore's drs model: of these nothing is left that a launch could end.
_GONE = frozenset({"TERMINATED", "SHUTTING-DOWN", "NOT_FOUND"})


@dataclass(frozen=True)
class UsedInstance:
    """
    An instance of a real recovery that exists, or is being launched.

    :param instance_id: EC2 instance id; None while it is being launched.
    :param address: its private address, if it is known.
    :param owner: id of the execution that launched it; None if nothing tells.
    :param execution: EXECUTION record of the owner; None if there is none.
    :param job_id: the DRS job that launched it, if DRS tells.
    """

    server_id: str
    instance_id: str | None
    address: str | None = None
    owner: str | None = None
    execution: Execution | None = None
    job_id: str | None = None


def used_instances(
    store: ExecutionStore, hooks: TargetClients, execution_id: str, server_ids: Collection[str]
) -> list[UsedInstance]:
    """
    Find the instances of other real recoveries that a launch of source servers would end.

    :param execution_id: the execution that wants to launch them; what it launched itself is its own.
    :raises botocore errors: DRS does not tell; what is on record is all that is known then.
    """
    rows = [row for row in hooks.drs.recovery_instances(sorted(server_ids)) if row.get("isDrill") is not True]
    recorded = list(_recorded(store, server_ids))
    by_id = {one.instance_id: one for one in recorded}
    exists: dict[str | None, bool] = {_instance_of(row): _exists(row) for row in rows}
    unknown = [row for row in rows if _exists(row) and _instance_of(row) not in by_id]
    found = [
        *(one for one in recorded if exists.get(one.instance_id)),
        *_still_there(hooks, [one for one in recorded if one.instance_id not in exists]),
        *_attributed(store, hooks, unknown),
    ]
    return [one for one in found if one.owner != execution_id]


def recorded_use(store: ExecutionStore, execution_id: str, server_ids: Collection[str]) -> list[UsedInstance]:
    """What records alone say, where DRS cannot be asked."""
    return [one for one in _recorded(store, server_ids) if one.owner != execution_id]


def _recorded(store: ExecutionStore, server_ids: Collection[str]) -> Iterator[UsedInstance]:
    for execution, server in store.listings.recovered_servers(server_ids):
        used = partial(UsedInstance, owner=execution["executionId"], execution=execution)
        address = server.get("privateIp")
        instances = instances_left(server)
        for attempt in instances.values():
            instance_id = attempt.get("instanceId") or attempt["recoveryInstanceId"]
            told = address if attempt is server else None
            yield used(server["sourceServerId"], instance_id, told, job_id=attempt.get("jobId"))
        if not instances_of(server) and _is_being_launched(execution, server):
            yield used(server["sourceServerId"], None, job_id=server["jobId"])


def _is_being_launched(execution: Execution, server: ServerStatus) -> bool:
    lives = not execution["status"].is_final
    return lives and "jobId" in server and not server["phase"].is_end


def _still_there(hooks: TargetClients, recorded: Collection[UsedInstance]) -> list[UsedInstance]:
    """Those of which EC2 does not say that they are gone: DRS may list them later, or no more."""
    try:
        known = describe_instances(hooks.ec2.conn, [one.instance_id for one in recorded if one.instance_id])
    except AWS_ERRORS:
        return list(recorded)
    return [one for one in recorded if one.instance_id is None or not is_gone(known.get(one.instance_id))]


def _attributed(store: ExecutionStore, hooks: TargetClients, rows: Rows) -> Iterator[UsedInstance]:
    """Instances that are on no record: the tags of their jobs may name an execution."""
    owners = owners_of(hooks, rows)
    executions = {one["executionId"]: one for one in store.get_executions(owners.values())}
    for row in rows:
        owner = owners.get(str(row.get("jobID")))
        yield UsedInstance(
            server_id=str(row.get("sourceServerID")),
            instance_id=_instance_of(row),
            address=_address_in(row),
            owner=owner,
            execution=executions.get(owner or ""),
            job_id=row.get("jobID"),
        )


def _instance_of(row: Mapping[str, Any]) -> str:
    return str(row.get("ec2InstanceID") or row.get("recoveryInstanceID"))


def _exists(row: Mapping[str, Any]) -> bool:
    return row.get("ec2InstanceState") not in _GONE


def _address_in(row: Mapping[str, Any]) -> str | None:
    interfaces = (row.get("recoveryInstanceProperties") or {}).get("networkInterfaces") or ()
    return next((str(ip) for interface in interfaces for ip in interface.get("ips") or ()), None)


class UseCheck:
    """Look for instances in use that an execution would end."""

    def __init__(self, store: ExecutionStore, clients: Clients, execution: Execution) -> None:
        self._store, self._clients, self._execution = store, clients, execution
        self._replaced = replaced_by(execution)
        self.troubles: list[TargetTrouble] = []
        """Of the targets where a drill has to look again later."""

    def checks(self, servers: Sequence[ResolvedServer]) -> list[Check]:
        """Look before the execution is let in."""
        found: list[Check] = []
        owners: set[str] = set()
        target_of = attrgetter("target")
        for target, there in groupby(sorted(servers, key=target_of), key=target_of):
            by_id = {one.server.source_server_id: one for one in there}
            used, trouble = self._look(target, by_id)
            found += trouble
            owners |= {one.owner for one in used if one.owner}
            found += [self._check(one, by_id[one.server_id]) for one in used]
        return [*found, *self._wrong_choices(owners)]

    def demand_unused(self, part: JobPart, wave_number: int) -> None:
        """
        Look once more right before a launch.

        :raises InstancesInUseError: the launch would end instances that the execution may not end.
        :raises NotStartedError: DRS does not tell now.
        """
        region = part.target.region
        try:
            used = self._used(part.target, part.server_ids)
        except AWS_ERRORS as error:
            if is_transient(error):
                reason = f"whether instances are in use in {region} is not known: {describe(error)}"
                raise NotStartedError(reason, retry_after(error) or SHORT_PAUSE) from error
            log.warning("recovery instances in %s not read: %s", region, describe(error))
            used = self._recorded(part.server_ids)
        if forbidden := [one for one in used if not self._may_end(one)]:
            servers = self._store.get_servers(WaveRef(self._execution["executionId"], wave_number))
            names = {server["sourceServerId"]: server["serverName"] for server in servers}
            raise InstancesInUseError(
                [
                    f"{names[one.server_id]} ({one.server_id}): {_what(one)}: {self._remedy(one)}"
                    for one in forbidden
                ]
            )

    def _look(self, target: Target, server_ids: Collection[str]) -> tuple[list[UsedInstance], list[Check]]:
        try:
            return self._used(target, server_ids), []
        except AWS_ERRORS as error:
            if is_transient(error) and self._execution["isDrill"]:
                self.troubles.append(TargetTrouble(target, error, "recovery instances"))
                return [], []
            what = (
                f"recovery instances in use could not be checked in {target.region} (connection "
                f"{target.connection}): {describe(error)}"
            )
            remedy = (
                "compare the rights of the connection with infra/iam.yaml, and the network path from "
                "Airflow to AWS"
            )
            return self._recorded(server_ids), [Check(Severity.NOTABLE, what, remedy)]

    def _used(self, target: Target, server_ids: Collection[str]) -> list[UsedInstance]:
        return used_instances(
            self._store, self._clients.at(*target), self._execution["executionId"], server_ids
        )

    def _recorded(self, server_ids: Collection[str]) -> list[UsedInstance]:
        return recorded_use(self._store, self._execution["executionId"], server_ids)

    def _check(self, used: UsedInstance, server: ResolvedServer) -> Check:
        severity = Severity.NOTABLE if self._may_end(used) else Severity.PREVENTS
        return Check(severity, _what(used), self._remedy(used), server.server, server.wave_number)

    def _may_end(self, used: UsedInstance) -> bool:
        is_wanted = not self._execution["isDrill"] and used.owner in self._replaced
        return is_wanted and self._elsewhere(used) is None

    def _elsewhere(self, used: UsedInstance) -> str | None:
        """Who may act on plans of this Airflow installation may not for that on those of another one."""
        return elsewhere(used.execution, self._execution.get("controller")) if used.execution else None

    def _remedy(self, used: UsedInstance) -> str:
        if self._may_end(used):
            return f"it is lost with all that is on it, as replace_execution {used.owner} wants"
        if self._execution["isDrill"]:
            return (
                "a drill never ends it: start the drill once that instance is no longer needed and has "
                "been terminated, or choose waves without the server"
            )
        if used.owner is None:
            return "if it is no longer needed, terminate it in the DRS console, then start again"
        if reason := self._elsewhere(used):
            return f"{reason}, or, if that Airflow no longer exists, terminate it in the DRS console"
        return (
            f"to end it, start again with the option replace_execution {used.owner}: the instance is lost "
            "with all that is on it; or choose waves without the server"
        )

    def _wrong_choices(self, owners: Collection[str]) -> Iterator[Check]:
        """What the option names and should not; what tags name needs no record."""
        for execution_id in sorted(self._replaced.difference(owners)):
            what = f"replace_execution {execution_id}"
            try:
                other = self._store.get_execution(execution_id)
            except ExecutionNotFoundError:
                yield Check(Severity.PREVENTS, f"{what} is not an execution of this store", _mend(owners))
                continue
            if other["isDrill"]:
                yield Check(Severity.PREVENTS, f"{what} is a drill", _mend(owners))
            else:
                yield Check(
                    Severity.NOTABLE, f"{what} has no instance of these servers in use", _mend(owners)
                )


def replaced_by(execution: Execution) -> frozenset[str]:
    """Ids of the executions whose instances in use an execution may end."""
    return frozenset(filter(None, str(execution.get("replaceExecution", "")).split(", ")))


def _mend(owners: Collection[str]) -> str:
    if not owners:
        return "leave the option out: no instance is in use that the execution would end"
    return f"instances in use are of {', '.join(sorted(owners))}"


def _what(used: UsedInstance) -> str:
    whose = _whose(used)
    if used.instance_id is None:
        return f"it is being launched by {whose}"
    address = f" ({used.address})" if used.address else ""
    return f"its instance {used.instance_id}{address} is in use by {whose}, and a new launch ends it"


def _whose(used: UsedInstance) -> str:
    if used.execution is not None:
        return f"a real recovery of plan {used.execution['planName']}, {named(used.execution)}"
    if used.owner is not None:
        return f"a real recovery, execution {used.owner}, which has no record in this store"
    return f"a real recovery that no record knows ({used.job_id or 'of an unknown job'})"
