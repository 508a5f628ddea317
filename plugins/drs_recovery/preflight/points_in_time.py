"""Choose the recovery snapshots of an execution's servers, and tell of those that have none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from drs_recovery.opening import PointOption, choose_points, read_history
from drs_recovery.plan import LATEST
from drs_recovery.preflight.findings import Check, Severity

if TYPE_CHECKING:
    from drs_recovery.hooks import Clients, TargetTrouble
    from drs_recovery.preflight.servers import ResolvedServer
    from drs_recovery.store import ExecutionDocument, ExecutionStore


class PointCheck:
    """
    Choose once what each server is launched from: a later look asks only about those that are left.

    :param document: with the servers of the execution.
    :param option: what a person chose for this run.
    """

    def __init__(
        self, store: ExecutionStore, clients: Clients, document: ExecutionDocument, option: PointOption
    ) -> None:
        self._store, self._clients, self._document, self._option = store, clients, document, option
        self.troubles: list[TargetTrouble] = []
        """Of the targets that may answer later."""

    def checks(self, servers: Sequence[ResolvedServer]) -> list[Check]:
        """Choose the snapshots, record them, and say what there is none for."""
        left = [
            (server, server["requestedPointInTime"])
            for wave in self._document["waves"]
            for server in wave["serverStatuses"]
            if server.get("requestedPointInTime", LATEST) != LATEST and "recoverySnapshotId" not in server
        ]
        if self._document.get("dryRun"):
            servers_of_plan = [one for wave in self._document["waves"] for one in wave["serverStatuses"]]
            read_history(self._store, self._clients, self._document, servers_of_plan)
        if left:
            found = choose_points(self._store, self._clients, self._document["executionId"], left)
            self.troubles += found.troubles
            return [*self._strangers(servers), *_missing(servers, found.missing)]
        return self._strangers(servers)

    def _strangers(self, servers: Sequence[ResolvedServer]) -> list[Check]:
        """What the option says of servers that are not recovered: perhaps a slip in an id."""
        if not isinstance(self._option, Mapping):
            return []
        known = {one.server.source_server_id for one in servers}
        return [
            Check(
                Severity.PREVENTS,
                f"point_in_time names {server_id}, which is no server of the waves of this execution",
                "correct the id or leave it out",
            )
            for server_id in self._option
            if server_id not in known
        ]


def _missing(servers: Sequence[ResolvedServer], missing: Mapping[str, str]) -> list[Check]:
    remedy = "choose a point in time that it has, or latest"
    return [
        Check(Severity.PREVENTS, missing[server_id], remedy, one.server, one.wave_number)
        for one in servers
        if (server_id := one.server.source_server_id) in missing
    ]
