"""Source servers: the machines that replicate into the simulated account."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from sandbox.drs.api import Document, Reading
from sandbox.drs.course import PACES, Pace, stable_digest
from sandbox.drs.jobs import Job
from sandbox.drs.snapshots import DEFAULT_POLICY, PitPolicy, Snapshot, Snapshots

_DURATION = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?")


def is_duration(text: object) -> bool:
    """Whether a value is an ISO-8601 duration of days, hours, minutes and seconds."""
    return isinstance(text, str) and _DURATION.fullmatch(text) is not None


@dataclass(frozen=True)
class Replication:
    """
    How the data of a server arrives.

    :param lag: ISO-8601 duration, or None when DRS does not know it.
    """

    state: str = "CONTINUOUS"
    lag: str | None = "P0D"

    @property
    def lag_time(self) -> timedelta | None:
        """The lag as a duration; None when it is not known."""
        match = _DURATION.fullmatch(self.lag or "")
        if match is None:
            return None
        days, hours, minutes, seconds = (int(group or 0) for group in match.groups())
        return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)

    @property
    def takes_snapshots(self) -> bool:
        """Whether a new snapshot can be taken on demand."""
        return self.state not in ("STALLED", "DISCONNECTED", "STOPPED", "PAUSED")

    @property
    def has_data(self) -> bool:
        """Whether the first sync has ended, so that there is something to launch."""
        return self.state not in ("INITIATING", "INITIAL_SYNC")


GIBIBYTE = 1024**3
_OPERATING_SYSTEMS = {
    "linux": ("Red Hat Enterprise Linux 9.4 (Plow)", "/dev/sda1"),
    "windows": ("Microsoft Windows Server 2022 Datacenter", "c:0"),
}
_REPLICATION_FAULTS = {"STALLED": "NOT_CONVERGING", "DISCONNECTED": "AGENT_NOT_SEEN"}


@dataclass
class SourceServer:
    """
    A machine that is protected by DRS.

    :param server_id: ``s-`` and 17 letters or digits.
    :param own_replication: state and lag, unless a fault stands.
    :param os: ``linux`` or ``windows``.
    :param actions: post-launch actions of a launch, drill or not, each with at least a name.
    :param direction: of its replication; FAILBACK is the way home.
    :param launch_configuration: members of ``LaunchConfiguration`` that are not defaults.
    :param recovery_instance_id: its newest instance, while that exists.
    """

    server_id: str
    name: str
    region: str
    account: str
    tags: dict[str, str] = field(default_factory=dict)
    own_replication: Replication = field(default_factory=Replication)
    os: str = "linux"
    instance_type: str = "t3.medium"
    actions: tuple[Mapping[str, Any], ...] = ()
    staging_account: str | None = None
    direction: str = "FAILOVER"
    added: float = 0.0
    launch_configuration: dict[str, Any] = field(default_factory=dict)
    last_job: Job | None = None
    recovery_instance_id: str | None = None
    pit_policy: PitPolicy = DEFAULT_POLICY

    def __post_init__(self) -> None:
        self.points_in_time = Snapshots(self.server_id, self.pit_policy)

    @property
    def arn(self) -> str:
        """Name of the server in tag calls."""
        return f"arn:aws:drs:{self.region}:{self.account}:source-server/{self.server_id}"

    @property
    def pace(self) -> Pace:
        """How fast its launch goes."""
        return PACES[self.os]

    def replication(self, reading: Reading) -> Replication:
        """How its data arrives, as this look shows it."""
        replication = self.own_replication
        fault = reading.fault("replication", server=self.server_id)
        if fault is not None:
            replication = Replication(fault["state"], fault["lag"] or replication.lag)
        if reading.fault("no_lag_duration", server=self.server_id) is not None:
            replication = replace(replication, lag=None)
        return replication

    def configuration(self) -> Document:
        """As GetLaunchConfiguration shows it."""
        defaults = {
            "sourceServerID": self.server_id,
            "name": self.name,
            "ec2LaunchTemplateID": "lt-" + stable_digest(self.server_id, "template")[:17],
            "launchDisposition": "STARTED",
            "targetInstanceTypeRightSizingMethod": "NONE",
            "copyPrivateIp": False,
            "copyTags": True,
            "licensing": {"osByol": False},
            "postLaunchEnabled": bool(self.actions),
            "recoveryMode": "OPTIMAL",
        }
        return {**defaults, **self.launch_configuration}

    def snapshots(self, reading: Reading) -> list[Snapshot]:
        """Its points in time, newest first; none if it has not finished its first sync."""
        replication = self.replication(reading)
        if not replication.has_data:
            return []
        return self.points_in_time.kept(replication.lag_time or timedelta(), reading)

    def replication_configuration(self) -> Document:
        """As GetReplicationConfiguration shows it."""
        return {
            "sourceServerID": self.server_id,
            "name": self.name,
            "associateDefaultSecurityGroup": True,
            "replicationServerInstanceType": "t3.small",
            "useDedicatedReplicationServer": False,
            "defaultLargeStagingDiskType": "GP3",
            "replicatedDisks": [],
            "ebsEncryption": "DEFAULT",
            "bandwidthThrottling": 0,
            "dataPlaneRouting": "PRIVATE_IP",
            "createPublicIP": False,
            "stagingAreaTags": {},
            "pitPolicy": [rule.document(number) for number, rule in enumerate(self.pit_policy, start=1)],
            "autoReplicateNewDisks": False,
        }

    def document(self, reading: Reading) -> Document:
        """As DescribeSourceServers shows it."""
        document = {
            "sourceServerID": self.server_id,
            "arn": self.arn,
            "tags": dict(self.tags),
            "dataReplicationInfo": self._replication_document(reading),
            "lifeCycle": self._life_cycle(reading),
            "sourceProperties": self._properties(reading),
            "stagingArea": self._staging_area(reading),
            "replicationDirection": self.direction,
            "agentVersion": "3.8.1",
            **self._last_launch(reading),
        }
        return reading.shown(document)

    def _replication_document(self, reading: Reading) -> Document:
        replication = self.replication(reading)
        total = 50 * GIBIBYTE
        disk = {
            "deviceName": _OPERATING_SYSTEMS[self.os][1],
            "totalStorageBytes": total,
            "replicatedStorageBytes": total,
            "rescannedStorageBytes": 0,
            "backloggedStorageBytes": 0,
        }
        document: Document = {
            "dataReplicationState": replication.state,
            "replicatedDisks": [disk],
            "stagingAvailabilityZone": f"{self.region}a",
        }
        if replication.lag is not None:
            document["lagDuration"] = replication.lag
        error = _REPLICATION_FAULTS.get(replication.state)
        if error is not None:
            document["dataReplicationError"] = {
                "error": error,
                "rawError": f"replication is {replication.state}",
            }
        return document

    def _life_cycle(self, reading: Reading) -> Document:
        added = reading.wall_time(self.added)
        document: Document = {
            "addedToServiceDateTime": reading.stamp_wall(added - timedelta(days=30)),
            "firstByteDateTime": reading.stamp_wall(added - timedelta(days=30) + timedelta(minutes=7)),
            "elapsedReplicationDuration": "P30D",
            "lastSeenByServiceDateTime": reading.stamp_wall(reading.wall()),
        }
        if self.last_job is not None:
            document["lastLaunch"] = {
                "initiated": {
                    "apiCallDateTime": reading.stamp(self.last_job.started),
                    "jobID": self.last_job.job_id,
                    "type": "DRILL" if self.last_job.is_drill else "RECOVERY",
                },
                "status": self._last_status(self.last_job, reading),
            }
        return document

    def _last_launch(self, reading: Reading) -> Document:
        if self.last_job is None:
            return {"lastLaunchResult": "NOT_STARTED"}
        results = {"LAUNCHED": "SUCCEEDED", "TERMINATED": "SUCCEEDED", "FAILED": "FAILED"}
        result = results.get(self._last_status(self.last_job, reading), "PENDING")
        known = {} if self.recovery_instance_id is None else {"recoveryInstanceId": self.recovery_instance_id}
        return {"lastLaunchResult": result, **known}

    def _last_status(self, job: Job, reading: Reading) -> str:
        status = job.launch_status(self.server_id, reading.elapsed)
        return "TERMINATED" if status == "LAUNCHED" and self.recovery_instance_id is None else status

    def _properties(self, reading: Reading) -> Document:
        os_name, device = _OPERATING_SYSTEMS[self.os]
        digest = stable_digest(self.server_id)
        address = f"10.{int(digest[:2], 16)}.{int(digest[2:4], 16)}.{int(digest[4:6], 16)}"
        mac = ":".join(("0a", *(digest[at : at + 2] for at in range(0, 10, 2))))
        return {
            "lastUpdatedDateTime": reading.stamp_wall(reading.wall()),
            "recommendedInstanceType": self.instance_type,
            "identificationHints": {"hostname": self.name, "fqdn": f"{self.name}.corp.example.com"},
            "networkInterfaces": [{"macAddress": mac, "ips": [address], "isPrimary": True}],
            "disks": [{"deviceName": device, "bytes": 50 * GIBIBYTE}],
            "cpus": [{"cores": 2, "modelName": "Intel(R) Xeon(R) Platinum 8259CL CPU @ 2.50GHz"}],
            "ramBytes": 8 * GIBIBYTE,
            "os": {"fullString": os_name},
            "supportsNitroInstances": True,
            "architecture": "x86_64",
        }

    def _staging_area(self, reading: Reading) -> Document:
        account = self.staging_account or self.account
        fault = reading.fault("staging_error", server=self.server_id)
        if fault is not None:
            return {
                "status": "EXTENSION_ERROR",
                "stagingAccountID": account,
                "errorMessage": fault["message"],
            }
        status = "EXTENDED" if self.staging_account else "NOT_EXTENDED"
        return {"status": status, "stagingAccountID": account}
