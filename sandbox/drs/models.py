"""The state of DRS in one account and Region, and what its operations do to it."""

from __future__ import annotations

from collections.abc import Iterable

from moto.core.base_backend import BackendDict, BaseBackend

from sandbox.drs.api import (
    ConflictError,
    Document,
    Reading,
    ResourceNotFoundError,
    ValidationError,
    page_of,
)
from sandbox.drs.instances import RecoveryInstance, RecoveryInstances
from sandbox.drs.jobs import Job, native_executions, native_steps
from sandbox.drs.planning import admit, on_demand_snapshots, plan_launch, plan_termination
from sandbox.drs.servers import SourceServer
from sandbox.drs.snapshots import Snapshot
from sandbox.world import WORLD


class DrsBackend(BaseBackend):
    """
    DRS in one account and Region; the caller holds the world's lock.

    Operations take the request as a document and the reading that goes with the call, and return the answer.
    """

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.initialized = False
        self.servers: dict[str, SourceServer] = {}
        self.jobs: dict[str, Job] = {}
        self.instances = RecoveryInstances(account_id, region_name, self.servers)

    def initialize(self) -> None:
        """Make DRS usable here."""
        self.initialized = True

    def describe_source_servers(self, request: Document, reading: Reading) -> Document:
        """Source servers, by id when the filter names some."""
        filters = request.get("filters") or {}
        wanted, staging = filters.get("sourceServerIDs"), filters.get("stagingAccountIDs")
        rows = [
            server
            for server in self.servers.values()
            if (not wanted or server.server_id in wanted)
            and not filters.get("hardwareId")  # no simulated server has one
            and (not staging or (server.staging_account or self.account_id) in staging)
        ]
        page, following = page_of("DescribeSourceServers", rows, request, reading)
        return {"items": [server.document(reading) for server in page], **following}

    def start_recovery(self, request: Document, reading: Reading) -> Document:
        """
        Start a launch job.

        :raises ResourceNotFoundError: for an unknown server or snapshot.
        """
        asked = {row["sourceServerID"]: row.get("recoverySnapshotID") for row in request["sourceServers"]}
        if len(asked) < len(request["sourceServers"]):
            raise ValidationError([("sourceServers", "Members must be unique")])
        servers = [self._server(server_id) for server_id in asked]
        points = {
            server_id: self._snapshot(server_id, snapshot_id, reading)
            for server_id, snapshot_id in asked.items()
            if snapshot_id
        }
        admit(list(asked), self.live_jobs(reading.elapsed), WORLD.quotas)
        replaced = {row.server.server_id for row in self.instances.rows.values()}
        job = plan_launch(request, servers, points, replaced, reading)
        self.jobs[job.job_id] = job
        for server in servers:
            server.last_job = job
            server.points_in_time.on_demand += on_demand_snapshots(job, server.server_id, points)
        return {"job": job.document(reading)}

    def describe_jobs(self, request: Document, reading: Reading) -> Document:
        """Jobs, latest first."""
        filters = request.get("filters") or {}
        wanted = filters.get("jobIDs")
        candidates: Iterable[Job] = self.jobs.values()
        if wanted:
            candidates = [self.jobs[job_id] for job_id in dict.fromkeys(wanted) if job_id in self.jobs]
        rows = [
            job
            for job in sorted(candidates, key=lambda job: job.started, reverse=True)
            if job.listed(reading.elapsed) and reading.within(job.started, filters)
        ]
        page, following = page_of("DescribeJobs", rows, request, reading)
        return {"items": [job.document(reading) for job in page], **following}

    def describe_job_log_items(self, request: Document, reading: Reading) -> Document:
        """The log of a job, oldest first."""
        job = self.jobs.get(request["jobID"])
        if job is None:
            raise ResourceNotFoundError("Job", request["jobID"])
        page, following = page_of("DescribeJobLogItems", job.log_documents(reading), request, reading)
        return {"items": page, **following}

    def describe_recovery_instances(self, request: Document, reading: Reading) -> Document:
        """Recovery instances, by id or by source server when the filter names some."""
        filters = request.get("filters") or {}
        ids, sources = filters.get("recoveryInstanceIDs"), filters.get("sourceServerIDs")
        rows = [
            row
            for row in self.instances.rows.values()
            if (not ids or row.instance_id in ids)
            and (not sources or row.server.server_id in sources)
            and row.shows(reading.elapsed)
        ]
        page, following = page_of("DescribeRecoveryInstances", rows, request, reading)
        documents = [row.document(reading, self.instances.machines.state(row.instance_id)) for row in page]
        return {"items": documents, **following}

    def terminate_recovery_instances(self, request: Document, reading: Reading) -> Document:
        """
        Start a job that terminates instances.

        :raises ConflictError: during failback, or when a server takes part in a running job.
        :raises ResourceNotFoundError: for an id that DRS does not know, or no longer.
        """
        rows = [self._instance(instance_id) for instance_id in dict.fromkeys(request["recoveryInstanceIDs"])]
        for row in rows:
            if row.in_failback(reading):
                message = f"Recovery Instance {row.instance_id} is in failback."
                raise ConflictError(message, "RecoveryInstance", row.instance_id)
        admit([row.server.server_id for row in rows], self.live_jobs(reading.elapsed), WORLD.quotas)
        job = plan_termination(rows, self.region_name, self.account_id, reading)
        self.jobs[job.job_id] = job
        return {} if reading.fault("terminate_without_job") is not None else {"job": job.document(reading)}

    def list_recovery_plan_executions(self, request: Document, reading: Reading) -> Document:
        """Executions of DRS's own recovery plans."""
        rows = native_executions(self.region_name, self.account_id, request, reading)
        page, following = page_of("ListRecoveryPlanExecutions", rows, request, reading)
        return {"recoveryPlanExecutions": page, **following}

    def list_recovery_plan_execution_steps(self, request: Document, reading: Reading) -> Document:
        """Steps of such an execution."""
        rows = native_steps(self.region_name, self.account_id, request, reading)
        page, following = page_of("ListRecoveryPlanExecutionSteps", rows, request, reading)
        return {"recoveryPlanExecutionSteps": page, **following}

    def describe_recovery_snapshots(self, request: Document, reading: Reading) -> Document:
        """Points in time of a server, oldest first unless asked otherwise."""
        server = self._server(request["sourceServerID"])
        filters = request.get("filters") or {}
        rows = [row for row in server.snapshots(reading) if reading.wall_within(row.taken_at, filters)]
        documents = [row.document(reading) for row in rows]
        if documents and reading.fault("snapshot_without_timestamp", server=server.server_id) is not None:
            del documents[0]["timestamp"]
        if request.get("order") != "DESC":
            documents.reverse()
        page, following = page_of("DescribeRecoverySnapshots", documents, request, reading)
        return {"items": page, **following}

    def get_replication_configuration(self, request: Document, _reading: Reading) -> Document:
        """How the data of a server is replicated, and for how long its snapshots are kept."""
        return self._server(request["sourceServerID"]).replication_configuration()

    def get_launch_configuration(self, request: Document, _reading: Reading) -> Document:
        """How a server is launched."""
        return self._server(request["sourceServerID"]).configuration()

    def update_launch_configuration(self, request: Document, _reading: Reading) -> Document:
        """Change how a server is launched."""
        server = self._server(request["sourceServerID"])
        server.launch_configuration.update(request)
        return server.configuration()

    def tag_resource(self, request: Document, _reading: Reading) -> Document:
        """Add or overwrite tags."""
        self._tags(request["resourceArn"]).update(request["tags"])
        return {}

    def untag_resource(self, request: Document, _reading: Reading) -> Document:
        """Remove tags."""
        tags = self._tags(request["resourceArn"])
        for key in request["tagKeys"]:
            tags.pop(key, None)
        return {}

    def list_tags_for_resource(self, request: Document, _reading: Reading) -> Document:
        """Tags of a server, a job or an instance."""
        return {"tags": dict(self._tags(request["resourceArn"]))}

    def live_jobs(self, elapsed: float) -> list[Job]:
        """Jobs that have not ended at a simulated second."""
        return [job for job in self.jobs.values() if not job.ended(elapsed)]

    def settle(self, elapsed: float) -> None:
        """Do all that jobs have to have done by a simulated second, in the order in which it was due."""
        due = [(effect, job) for job in self.jobs.values() for effect in job.due_effects(elapsed)]
        for effect, job in sorted(due, key=lambda pair: pair[0]):
            self.instances.carry_out(effect, job)

    def _server(self, server_id: str) -> SourceServer:
        if server_id not in self.servers:
            raise ResourceNotFoundError("SourceServer", server_id)
        return self.servers[server_id]

    def _instance(self, instance_id: str) -> RecoveryInstance:
        if instance_id not in self.instances.rows:
            raise ResourceNotFoundError("RecoveryInstance", instance_id)
        return self.instances.rows[instance_id]

    def _snapshot(self, server_id: str, snapshot_id: str, reading: Reading) -> Snapshot:
        for snapshot in self._server(server_id).snapshots(reading):
            if snapshot.snapshot_id == snapshot_id:
                return snapshot
        raise ResourceNotFoundError("RecoverySnapshot", snapshot_id)

    def _tags(self, arn: str) -> dict[str, str]:
        for group in (self.servers, self.jobs, self.instances.rows):
            found = group.get(arn.rpartition("/")[2])
            if found is not None and found.arn == arn:
                return found.tags
        raise ResourceNotFoundError("Resource", arn)


drs_backends = BackendDict(DrsBackend, "drs")


def settle_everything() -> None:
    """Do all that DRS jobs of any account and Region have to have done by now."""
    now = WORLD.clock.elapsed()
    for regions in list(drs_backends.values()):
        for backend in list(regions.values()):
            backend.settle(now)
