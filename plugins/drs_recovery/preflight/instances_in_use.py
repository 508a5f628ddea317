"""May an execution end instances of a real recovery in use? A drill never, a recovery if it is asked to."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Any

from drs_recovery.exceptions import ExecutionNotFoundError, InstancesInUseError
from drs_recovery.hooks.clients import Clients, Place
from drs_recovery.hooks.errors import AWS_ERRORS, describe, is_transient, retry_after
from drs_recovery.hooks.place_answers import PlaceTrouble
from drs_recovery.installation import elsewhere
from drs_recovery.jobs.parts import JobPart
from drs_recovery.jobs.starter import SHORT_PAUSE, NotStartedError
from drs_recovery.opening.precedence import named
from drs_recovery.preflight.findings import Concern, Gravity
from drs_recovery.preflight.servers import ResolvedServer
from drs_recovery.preflight.used_instances import UsedInstance, recorded_use, used_instances
from drs_recovery.store.executions import ExecutionStore

log = logging.getLogger(__name__)


class UseCheck:
    """
    Look for instances in use that an execution would end.

    :param store: the execution store.
    :param clients: hooks by place.
    :param execution: EXECUTION record.
    """

    def __init__(self, store: ExecutionStore, clients: Clients, execution: Mapping[str, Any]) -> None:
        self._store, self._clients, self._execution = store, clients, execution
        self._replaced = replaced_by(execution)
        self.troubles: list[PlaceTrouble] = []
        """Of the places where a drill has to look again later."""

    def concerns(self, servers: Sequence[ResolvedServer]) -> list[Concern]:
        """
        Look before the execution is let in.

        :param servers: of the chosen waves.
        """
        found: list[Concern] = []
        owners: set[str] = set()
        place_of = attrgetter("place")
        for place, there in groupby(sorted(servers, key=place_of), key=place_of):
            by_id = {one.server.source_server_id: one for one in there}
            used, trouble = self._look(place, by_id)
            found += trouble
            owners |= {one.owner for one in used if one.owner}
            found += [self._concern(one, by_id[one.server_id]) for one in used]
        return [*found, *self._wrong_choices(owners)]

    def demand_unused(self, part: JobPart, wave_number: int) -> None:
        """
        Look once more right before a launch.

        :param part: the servers and where they are recovered.
        :param wave_number: of their wave.
        :raises InstancesInUseError: the launch would end instances that the execution may not end.
        :raises NotStartedError: DRS does not tell now.
        """
        region = part.place.region
        try:
            used = self._used(part.place, part.server_ids)
        except AWS_ERRORS as error:
            if is_transient(error):
                reason = f"whether instances are in use in {region} is not known: {describe(error)}"
                raise NotStartedError(reason, retry_after(error) or SHORT_PAUSE) from error
            log.warning("recovery instances in %s not read: %s", region, describe(error))
            used = self._recorded(part.server_ids)
        if forbidden := [one for one in used if not self._may_end(one)]:
            servers = self._store.get_servers(self._execution["executionId"], wave_number)
            names = {server["sourceServerId"]: server["serverName"] for server in servers}
            raise InstancesInUseError(
                [
                    f"{names[one.server_id]} ({one.server_id}): {_what(one)}: {self._remedy(one)}"
                    for one in forbidden
                ]
            )

    def _look(self, place: Place, server_ids: Collection[str]) -> tuple[list[UsedInstance], list[Concern]]:
        try:
            return self._used(place, server_ids), []
        except AWS_ERRORS as error:
            if is_transient(error) and self._execution["isDrill"]:
                self.troubles.append(PlaceTrouble(place, error, "recovery instances"))
                return [], []
            what = (
                f"recovery instances in use could not be looked for in {place.region} (connection "
                f"{place.connection}): {describe(error)}"
            )
            remedy = (
                "compare the rights of the connection with infra/iam.yaml, and the way from Airflow to AWS"
            )
            return self._recorded(server_ids), [Concern(Gravity.NOTABLE, what, remedy)]

    def _used(self, place: Place, server_ids: Collection[str]) -> list[UsedInstance]:
        return used_instances(
            self._store, self._clients.at(*place), self._execution["executionId"], server_ids
        )

    def _recorded(self, server_ids: Collection[str]) -> list[UsedInstance]:
        return recorded_use(self._store, self._execution["executionId"], server_ids)

    def _concern(self, used: UsedInstance, server: ResolvedServer) -> Concern:
        gravity = Gravity.NOTABLE if self._may_end(used) else Gravity.PREVENTS
        return Concern(gravity, _what(used), self._remedy(used), server.server, server.wave_number)

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
                "a drill never ends it: start the drill when nobody needs that instance any more and it is "
                "terminated, or choose waves without the server"
            )
        if used.owner is None:
            return "if nobody needs it, terminate it in the DRS console, then start again"
        if reason := self._elsewhere(used):
            return f"{reason}, or, if that Airflow is no more, terminate it in the DRS console"
        return (
            f"to end it, start again with the option replace_execution {used.owner}: the instance is lost "
            "with all that is on it; or choose waves without the server"
        )

    def _wrong_choices(self, owners: Collection[str]) -> Iterator[Concern]:
        """What the option names and should not; what tags name needs no record."""
        for execution_id in sorted(self._replaced.difference(owners)):
            what = f"replace_execution {execution_id}"
            try:
                other = self._store.get_execution(execution_id)
            except ExecutionNotFoundError:
                yield Concern(Gravity.PREVENTS, f"{what} is no execution of this store", _mend(owners))
                continue
            if other["isDrill"]:
                yield Concern(Gravity.PREVENTS, f"{what} is a drill", _mend(owners))
            else:
                yield Concern(
                    Gravity.NOTABLE, f"{what} has no instance of these servers in use", _mend(owners)
                )


def replaced_by(execution: Mapping[str, Any]) -> frozenset[str]:
    """
    Ids of the executions whose instances in use an execution may end.

    :param execution: EXECUTION record.
    """
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
