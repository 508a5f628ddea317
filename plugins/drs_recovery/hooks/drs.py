"""Hook of AWS Elastic Disaster Recovery. Shapes: botocore's ``drs/2020-02-26`` model."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from botocore.config import Config

from drs_recovery.hooks.base import AccountHook, within

# DescribeRecoveryInstances and DescribeSourceServers take at most 200 ids, DescribeJobs 1000 (botocore's
# model).
MAX_SERVER_IDS = 200
MAX_JOB_IDS = 1000

# Reads are safe to repeat, so botocore does the first attempts at surviving throttles and resets.
READ_CONFIG = Config(
    retries={"mode": "standard", "total_max_attempts": 4}, connect_timeout=5, read_timeout=30
)
# StartRecovery has no client token: a repeat that botocore makes by itself could start a second recovery.
_SEND_ONCE = Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=60)
# A paced question is repeated by whoever keeps the pace.
_ASK_ONCE = Config(
    retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=30, max_pool_connections=16
)
# Whatever a connection says of time-outs: whoever waits for a late job, or keeps its room, counts on the sum.
_LONGEST_CONNECT = 20
START_RECOVERY_SECONDS = 65

# Seconds before the next try after a passing fault, unless AWS names them.
SHORT_PAUSE = 2.0

# A new job may be missing from DescribeJobs for a while; after these seconds it is not coming.
LISTING_SECONDS = 600


def chunks(items: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    return (items[start : start + size] for start in range(0, len(items), size))


class DrsHook(AccountHook):
    """
    Talk to DRS in one account and Region.

    .. seealso:: https://docs.aws.amazon.com/drs/latest/APIReference/Welcome.html

    Every method raises botocore's errors as they are; :mod:`drs_recovery.hooks.errors` tells what they mean.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"config": READ_CONFIG, **kwargs, "client_type": "drs"})
        self._sender: Any = None
        self._asker: Any = None

    def prepare_to_send(self) -> None:
        """Make the client of requests that are sent once: where a role is assumed, that can take long."""
        if self._sender is None:
            config = within(self.config_for(_SEND_ONCE), _LONGEST_CONNECT, START_RECOVERY_SECONDS)
            self._sender = self.get_client_type(region_name=self.region_name, config=config)

    def start_recovery(
        self,
        server_ids: Iterable[str],
        *,
        is_drill: bool,
        tags: Mapping[str, str],
        snapshots: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """
        Start one job, sending the request exactly once.

        After an error without an answer, or a 5xx, the job may exist nevertheless: look for it by its tags.

        :param server_ids: 1 to 100 DRS source server ids.
        :param tags: of the job; DRS keeps them with it.
        :param snapshots: server to the recovery snapshot that it is launched from; the latest data otherwise.
        :return: ``Job``; empty if the answer holds none, which leaves open whether one was started.
        """
        self.prepare_to_send()
        answer = self._sender.start_recovery(
            sourceServers=[_source(server_id, (snapshots or {}).get(server_id)) for server_id in server_ids],
            isDrill=is_drill,
            tags=dict(tags),
        )
        return dict(answer.get("job") or {})

    def terminate_recovery_instances(self, instance_ids: Sequence[str]) -> dict[str, Any]:
        """
        Start one job that terminates instances and removes them from DRS.

        One id that DRS refuses, or does not know any more, makes it refuse the whole call.

        :param instance_ids: 1 to 200 recovery instance ids, of at most 100 servers.
        :return: ``Job``; empty if the answer holds none: the job exists nevertheless.
        """
        self.prepare_to_send()
        answer = self._sender.terminate_recovery_instances(recoveryInstanceIDs=list(instance_ids))
        return dict(answer.get("job") or {})

    def describe_jobs(self, job_ids: Sequence[str]) -> list[dict[str, Any]]:
        """
        Read jobs by id; one that DRS does not list (yet) is left out.

        :return: ``Job`` s, in DRS's order.
        """
        return [
            job
            for chunk in chunks(job_ids, MAX_JOB_IDS)
            for job in self.pages("describe_jobs", "items", filters={"jobIDs": list(chunk)})
        ]

    def jobs_since(self, moment: datetime) -> list[dict[str, Any]]:
        """Read every job that was created after a moment."""
        return list(self.pages("describe_jobs", "items", filters={"fromDate": _iso(moment)}))

    def job_tags(self, job: Mapping[str, Any]) -> dict[str, str] | None:
        """Tags of a job, asked for where ``DescribeJobs`` left them out; None if DRS cannot be asked."""
        if "tags" in job:
            return dict(job["tags"])
        if "arn" not in job:
            return None
        return dict(self.conn.list_tags_for_resource(resourceArn=job["arn"]).get("tags", {}))

    def job_log(self, job_id: str) -> list[dict[str, Any]]:
        """
        Read the whole log of a job: ``JobLog`` s, oldest first.

        The log is the only place that tells snapshot, conversion and launch apart, and why a launch failed.
        """
        return in_order_of_time(self.pages("describe_job_log_items", "items", jobID=job_id))

    def source_servers(self, server_ids: Sequence[str] | None = None) -> list[dict[str, Any]]:
        """
        Read source servers, all of the Region or those of the ids; an unknown id is left out.

        :param server_ids: DRS source server ids, or None for all.
        """
        if server_ids is None:
            return list(self.pages("describe_source_servers", "items", filters={}))
        return [
            server
            for chunk in chunks(server_ids, MAX_SERVER_IDS)
            for server in self.pages(
                "describe_source_servers", "items", filters={"sourceServerIDs": list(chunk)}
            )
        ]

    def recovery_instances(self, server_ids: Sequence[str] | None = None) -> list[dict[str, Any]]:
        """
        Read recovery instances, all of the Region or those of source servers, also those of earlier jobs.

        The list can lag a poll or two behind a job's ``LAUNCHED``.

        :param server_ids: DRS source server ids, or None for all.
        """
        if server_ids is None:
            return list(self.pages("describe_recovery_instances", "items", filters={}))
        return [
            instance
            for chunk in chunks(server_ids, MAX_SERVER_IDS)
            for instance in self.pages(
                "describe_recovery_instances", "items", filters={"sourceServerIDs": list(chunk)}
            )
        ]

    def launch_disposition(self, server_id: str) -> str | None:
        """Say whether the launch settings of a server ask for an instance that runs: STARTED or STOPPED."""
        answer = self.conn.get_launch_configuration(sourceServerID=server_id)
        disposition: str | None = answer.get("launchDisposition")
        return disposition

    @property
    def knows_native_plans(self) -> bool:
        """Whether the installed botocore knows DRS's own recovery plans; older ones do not."""
        return hasattr(self.conn, "list_recovery_plan_executions")

    def native_executions(self, status: str) -> list[dict[str, Any]]:
        """
        Read executions of DRS's own recovery plans.

        :param status: ``RecoveryPlanExecutionStatus`` of botocore's model.
        """
        return list(self.pages("list_recovery_plan_executions", "recoveryPlanExecutions", status=status))

    def native_steps(self, execution_arn: str) -> list[dict[str, Any]]:
        """
        Read the steps of an execution of one of DRS's own recovery plans.

        :param execution_arn: its ``recoveryPlanExecutionArn``.
        """
        return list(
            self.pages(
                "list_recovery_plan_execution_steps",
                "recoveryPlanExecutionSteps",
                recoveryPlanExecutionArn=execution_arn,
            )
        )

    def has_recovery_snapshot(self, server_id: str) -> bool:
        """
        Say whether DRS has a point in time to which a source server can be recovered.

        A snapshot that is still being taken has no ``timestamp``.
        """
        snapshots = self.pages("describe_recovery_snapshots", "items", sourceServerID=server_id, order="DESC")
        return any("timestamp" in snapshot for snapshot in snapshots)

    def prepare_to_ask(self) -> None:
        """Make the client of paced questions, before threads share it."""
        if self._asker is None:
            self._asker = self.get_client_type(
                region_name=self.region_name, config=self.config_for(_ASK_ONCE)
            )

    def recovery_snapshots(
        self, server_id: str, turn: Callable[[], None], until: datetime | None = None
    ) -> Iterator[dict[str, Any]]:
        """
        Read points in time of a source server, newest first; one that is still being taken is left out.

        :param turn: waits for the turn of a call, before each page; :meth:`prepare_to_ask` comes first.
        :param until: only those that were taken then or earlier.
        """
        filters = {} if until is None else {"toDateTime": _iso(until)}
        token: dict[str, str] = {}
        while True:
            turn()
            page = self._asker.describe_recovery_snapshots(
                sourceServerID=server_id, order="DESC", filters=filters, **token
            )
            yield from (item for item in page.get("items", []) if "timestamp" in item)
            if not page.get("nextToken"):
                return
            token = {"nextToken": page["nextToken"]}

    def pit_policy(self, server_id: str, turn: Callable[[], None]) -> list[dict[str, Any]]:
        """
        Read how often snapshots of a source server are taken and for how long they are kept.

        :param turn: as for :meth:`recovery_snapshots`.
        :return: ``PITPolicyRule`` s.
        """
        turn()
        return list(self._asker.get_replication_configuration(sourceServerID=server_id).get("pitPolicy", []))


def _source(server_id: str, snapshot_id: str | None) -> dict[str, str]:
    chosen = {} if snapshot_id is None else {"recoverySnapshotID": snapshot_id}
    return {"sourceServerID": server_id, **chosen}


def in_order_of_time(log: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """
    Items of a job's log, oldest first.

    :param log: ``JobLog`` s, in any order.
    """
    return sorted(log, key=lambda item: str(item.get("logDateTime", "")))


def _iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
