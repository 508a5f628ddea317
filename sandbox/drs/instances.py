"""Recovery instances: DRS's records of the EC2 instances that it launched."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from sandbox.drs.reading import Document, Reading
from sandbox.drs.servers import GIBIBYTE, SourceServer


@dataclass
class RecoveryInstance:
    """
    One row of DescribeRecoveryInstances.

    :param instance_id: of EC2, and of DRS.
    :param server: the source server.
    :param account: the account.
    :param job_id: the job that launched it.
    :param is_drill: whether that was a drill.
    :param point_in_time: the data it was launched with, UTC.
    :param visible_from: simulated second from which DRS shows it.
    :param hidden_polls: how many more reads of DRS do not show it.
    :param tags: as on the EC2 instance.
    :param names_ec2: whether DRS names its EC2 instance.
    """

    instance_id: str
    server: SourceServer
    account: str
    job_id: str
    is_drill: bool
    point_in_time: datetime
    visible_from: float = 0.0
    hidden_polls: int = 0
    tags: dict[str, str] = field(default_factory=dict)
    names_ec2: bool = True

    @property
    def arn(self) -> str:
        """Name of the instance in tag calls."""
        return f"arn:aws:drs:{self.server.region}:{self.account}:recovery-instance/{self.instance_id}"

    def shows(self, elapsed: float) -> bool:
        """
        Whether this read of DRS shows it; counts the read.

        :param elapsed: simulated second of the read.
        """
        if self.hidden_polls > 0:
            self.hidden_polls -= 1
            return False
        return elapsed >= self.visible_from

    def failback_state(self, reading: Reading) -> str:
        """``failback.state``."""
        fault = reading.fault("failback", server=self.server.server_id)
        return "FAILBACK_NOT_STARTED" if fault is None else str(fault["state"])

    def in_failback(self, reading: Reading) -> bool:
        """Whether DRS refuses to terminate it."""
        return self.failback_state(reading) != "FAILBACK_NOT_STARTED"

    def document(self, reading: Reading, state: str) -> Document:
        """
        As DescribeRecoveryInstances shows it.

        :param reading: this look.
        :param state: ``ec2InstanceState``.
        """
        source = self.server.document(reading)["sourceProperties"]
        kept = ("identificationHints", "cpus", "ramBytes", "os")
        document = {
            "recoveryInstanceID": self.instance_id,
            "ec2InstanceID": self.instance_id,
            "ec2InstanceState": state,
            "sourceServerID": self.server.server_id,
            "jobID": self.job_id,
            "arn": self.arn,
            "isDrill": self.is_drill,
            "pointInTimeSnapshotDateTime": reading.stamp_wall(self.point_in_time),
            "originEnvironment": "ON_PREMISES",
            "failback": {"state": self.failback_state(reading), "failbackToOriginalServer": False},
            "dataReplicationInfo": {"dataReplicationState": "NOT_STARTED"},
            "recoveryInstanceProperties": {
                "lastUpdatedDateTime": reading.stamp_wall(reading.wall()),
                "disks": [{"internalDeviceName": "/dev/sda1", "bytes": 50 * GIBIBYTE}],
                **{key: source[key] for key in kept},
            },
            "tags": dict(self.tags),
        }
        if not self.names_ec2:
            del document["ec2InstanceID"]
        return reading.shown(document)
