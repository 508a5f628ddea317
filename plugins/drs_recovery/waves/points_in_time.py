"""The recovery snapshots of a wave: looked for again before its jobs start, and chosen anew for a retry."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, cast

from drs_recovery.exceptions import JobStartError, NotStartedError
from drs_recovery.hooks import describe, is_transient, retry_after
from drs_recovery.opening import choose_points, gone_snapshots
from drs_recovery.store import WaveRef, attempt_of, is_to_restart, request_behind

if TYPE_CHECKING:
    from drs_recovery.airflow_versions import TaskMemory
    from drs_recovery.hooks import Clients
    from drs_recovery.jobs import JobPart
    from drs_recovery.store import ExecutionStore, ServerStatus, Wave, WaveRecord

log = logging.getLogger(__name__)

# Seconds for which a look holds: a wave may wait for its turn, and each look is a call for each server.
_HOLDS = 600.0


class SnapshotCheck:
    """
    Demand that the snapshots of a job are there before it starts.

    :param memory: where it is kept when that was seen last.
    """

    def __init__(self, clients: Clients, wave: WaveRecord, memory: TaskMemory) -> None:
        self._clients, self._wave, self._memory = clients, wave, memory

    def demand(self, part: JobPart) -> None:
        """
        Look, unless somebody just did.

        :raises NotStartedError: DRS could not be asked this time.
        :raises JobStartError: a snapshot is gone: DRS would refuse the whole job.
        """
        key = f"snapshots_seen_{attempt_of(self._wave)}_{part.number}"
        if not part.snapshots or time.time() < float(self._memory.get(key) or 0) + _HOLDS:
            return
        self.look(part)
        self._memory.set(key, time.time())

    def explain(self, part: JobPart) -> None:
        """
        Say more of a job that DRS refused, if it is because of a snapshot.

        :raises JobStartError: a snapshot is gone.
        """
        with suppress(NotStartedError):
            self.look(part)

    def look(self, part: JobPart) -> None:
        """The same as :meth:`demand`, whoever looked before."""
        if not part.snapshots:
            return
        answers = gone_snapshots(self._clients, part.target, part.snapshots)
        gone = {server_id: why for (server_id, _), why in answers.found.items() if why}
        if gone:
            raise JobStartError(_told(gone, self._servers()))
        if answers.error is None:
            return
        if is_transient(answers.error):
            reason = f"recovery snapshots in {part.target}: {describe(answers.error)}"
            raise NotStartedError(reason, retry_after(answers.error))
        # Whoever may start a job need not be allowed to read snapshots: DRS refuses one that is gone, too.
        log.warning("recovery snapshots in %s not looked for: %s", part.target, describe(answers.error))

    def _servers(self) -> list[ServerStatus]:
        return list(cast("Wave", self._wave).get("serverStatuses", ()))


def _told(gone: Mapping[str, str], servers: list[ServerStatus]) -> str:
    names = {server["sourceServerId"]: server["serverName"] for server in servers}
    lines = [f"{names.get(one, one)} ({one}): {why}" for one, why in sorted(gone.items())]
    return "\n".join(
        [*lines, "nothing of this job was launched; try the wave again with another point in time"]
    )


def choose_again(store: ExecutionStore, clients: Clients, wave: WaveRecord) -> None:
    """
    Choose the snapshots of the servers that start again, if a person asked for others with the retry.

    :raises NotStartedError: DRS could not be asked this time.
    :raises JobStartError: there are no such snapshots.
    """
    request = request_behind(wave, wave.get("askedBy"))
    wish = request.get("pointInTime")
    if not wish:
        return
    attempt = attempt_of(wave)
    servers = [one for one in store.get_servers(WaveRef.of(wave)) if is_to_restart(one, attempt)]
    wishes = [
        (server, chosen)
        for server in servers
        if (chosen := wish.get(server["sourceServerId"]) if isinstance(wish, Mapping) else wish)
    ]
    found = choose_points(store, clients, wave["executionId"], wishes, request["actor"])
    if found.missing:
        raise JobStartError(_told(found.missing, servers))
    if found.troubles:
        first = found.troubles[0]
        if not first.passes:
            raise JobStartError(str(first))
        raise NotStartedError("; ".join(map(str, found.troubles)), first.retry_after)
