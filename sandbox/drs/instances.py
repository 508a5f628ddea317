"""Recovery instances: DRS's records of what it launched, and real instances in the EC2 of the same moto."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from moto.ec2.models import ec2_backends
from moto.ec2.models.instances import Instance, StateReason

from sandbox.applications import Application
from sandbox.drs.api import Document, Reading
from sandbox.drs.course import Course
from sandbox.drs.jobs import Act, Effect, Job
from sandbox.drs.servers import GIBIBYTE, SourceServer
from sandbox.world import WORLD

if TYPE_CHECKING:
    from moto.ec2.models import EC2Backend
    from moto.ec2.models.instances import Reservation

_IMAGE_NAME = "Image made by AWS Elastic Disaster Recovery"
# How many reads a lagging instance is not shown when the fault does not say.
_LAG_POLLS = 2


class _Ipv6OnlyInstance(Instance):
    """moto makes the name from the IPv4 address; EC2 makes it from the id in a subnet without IPv4."""

    @property
    def private_dns_name(self) -> str:
        """Such as ``i-0123.us-west-2.compute.internal``."""
        return f"{self.id}.{self.region_name}.compute.internal"


class Machines:
    """Instances of one account and Region."""

    def __init__(self, account: str, region: str) -> None:
        self._account, self._region = account, region
        self._reservations: dict[str, Reservation] = {}
        self._withheld: dict[str, int] = {}

    @property
    def _ec2(self) -> EC2Backend:
        return ec2_backends[self._account][self._region]

    def launch(self, instance_type: str, tags: dict[str, str], moment: datetime) -> str:
        """Start an instance in the default VPC, at an address where its application can be served."""
        zone, subnet = min(self._ec2.get_default_subnets().items())
        place = f"{self._account} {self._region}"
        address = WORLD.applications.claim(subnet.cidr, subnet._subnet_ips, place)
        nic = {
            **({"PrivateIpAddress": address} if address else {}),
            "DeviceIndex": 0,
            "SubnetId": subnet.id,
            "DeleteOnTermination": True,
            "AssociatePublicIpAddress": False,
        }
        reservation = self._ec2.run_instances(
            self._image_id(),
            1,
            None,
            ["default"],
            instance_type=instance_type,
            is_instance_type_default=True,  # else moto looks the type up in a list of thousands
            region_name=self._region,
            placement=zone,
            nics=[nic],
            tags={"instance": tags, "volume": tags},
        )
        instance = reservation.instances[0]
        instance.launch_time = moment
        self._reservations[instance.id] = reservation
        return str(instance.id)

    def _image_id(self) -> str:
        for image in self._ec2.amis.values():
            if image.name == _IMAGE_NAME:
                return str(image.id)
        return str(self._ec2.register_image(_IMAGE_NAME).id)

    def stop(self, instance_id: str) -> None:
        """Stop an instance."""
        self._instance(instance_id).stop()
        WORLD.applications.refresh()

    def die(self, instance_id: str, code: str, message: str) -> None:
        """Let an instance end by itself."""
        instance = self._instance(instance_id)
        instance.terminate()
        instance.state_reason = StateReason(f"{code}: {message}", code)
        WORLD.applications.end(instance_id)

    def take_ipv4(self, instance_id: str) -> None:
        """Let an instance be as in a subnet that has IPv6 only."""
        instance = self._instance(instance_id)
        nic = instance.nics[0]
        nic.private_ip_address, nic.private_ip_addresses = None, []
        nic.ipv6_addresses = [f"2600:1f18:4a7::{instance_id[-4:]}"]
        instance.__class__ = _Ipv6OnlyInstance  # type: ignore[type-abstract]  # as concrete as moto's own

    def terminate(self, instance_id: str) -> None:
        """Terminate an instance; one that is already gone is fine."""
        if self.state(instance_id) not in ("TERMINATED", "NOT_FOUND"):
            self._instance(instance_id).terminate()
        self.give_back(instance_id)
        WORLD.applications.end(instance_id)

    def vanish(self, instance_id: str) -> None:
        """Let EC2 forget an instance."""
        self.give_back(instance_id)
        self._ec2.reservations.pop(self._reservations.pop(instance_id).id, None)
        WORLD.applications.end(instance_id)

    def withhold(self, instance_id: str, reads: int) -> None:
        """Hide an instance from EC2 for a while, as EC2 does right after a launch."""
        self._withheld[instance_id] = reads
        self._ec2.reservations.pop(self._reservations[instance_id].id, None)

    def count_read(self) -> None:
        """EC2 was read: instances that were hidden often enough come back."""
        for instance_id in list(self._withheld):
            self._withheld[instance_id] -= 1
            if self._withheld[instance_id] <= 0:
                self.give_back(instance_id)

    def give_back(self, instance_id: str) -> None:
        """Show a hidden instance to EC2 again."""
        if self._withheld.pop(instance_id, None) is not None:
            reservation = self._reservations[instance_id]
            self._ec2.reservations[reservation.id] = reservation

    def serve(self, row: RecoveryInstance) -> None:
        """Let the application of a launched instance answer."""
        application = Application(
            instance_id=row.instance_id,
            server_id=row.server.server_id,
            name=row.server.name,
            region=self._region,
            address=str(self._instance(row.instance_id).private_ip),
            data_time=row.point_in_time,
            is_running=lambda: self.state(row.instance_id) == "RUNNING",
        )
        WORLD.applications.start(application)

    def state(self, instance_id: str) -> str:
        """``ec2InstanceState``: EC2's state in upper case, NOT_FOUND for one that EC2 does not know."""
        if instance_id not in self._reservations:
            return "NOT_FOUND"
        return str(self._instance(instance_id).state).upper()

    def _instance(self, instance_id: str) -> Instance:
        return self._reservations[instance_id].instances[0]


@dataclass
class RecoveryInstance:
    """
    One row of DescribeRecoveryInstances.

    :param instance_id: of EC2, and of DRS.
    :param point_in_time: the data it was launched with, UTC.
    :param names_ec2: whether DRS names its EC2 instance.
    :param launched: simulated second.
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
    launched: float = 0.0

    @property
    def arn(self) -> str:
        """Name of the instance in tag calls."""
        return f"arn:aws:drs:{self.server.region}:{self.account}:recovery-instance/{self.instance_id}"

    def shows(self, elapsed: float) -> bool:
        """Whether this read of DRS shows it; counts the read."""
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
        """As DescribeRecoveryInstances shows it."""
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


class RecoveryInstances:
    """The recovery instances of one account and Region, and what jobs do to them."""

    def __init__(self, account: str, region: str, servers: Mapping[str, SourceServer]) -> None:
        self._account, self._servers = account, servers
        self.machines = Machines(account, region)
        self.rows: dict[str, RecoveryInstance] = {}

    def carry_out(self, effect: Effect, job: Job) -> None:
        """Do what a job has to do at a moment."""
        acts: dict[Act, Callable[[Job, str, float], None]] = {
            Act.CLEAN_UP: self._clean_up,
            Act.LAUNCH: self._launch,
            Act.VANISH: self._vanish,
            Act.TERMINATE: self._terminate,
        }
        acts[effect.act](job, effect.target, effect.due)

    def _clean_up(self, _job: Job, server_id: str, _due: float) -> None:
        """All earlier ones go, whatever launched them, as AWS's guide says: those of real recoveries, too."""
        for row in list(self.rows.values()):
            if row.server.server_id == server_id:
                self._remove(row.instance_id)

    def _launch(self, job: Job, server_id: str, due: float) -> None:
        server, course = self._servers[server_id], job.courses[server_id]
        tags = _instance_tags(job, server)
        moment = WORLD.clock.when(due)
        instance_id = self.machines.launch(server.instance_type, tags, moment)
        job.instance_ids[server_id] = server.recovery_instance_id = instance_id
        lag = course.strikes.get("lagging_recovery_instances", {})
        self.rows[instance_id] = RecoveryInstance(
            instance_id=instance_id,
            server=server,
            account=self._account,
            job_id=job.job_id,
            is_drill=job.is_drill,
            point_in_time=job.points_in_time.get(server_id, moment),
            visible_from=due + (lag.get("seconds") or 0),
            hidden_polls=lag.get("polls") or (_LAG_POLLS if lag and lag["seconds"] is None else 0),
            tags=tags,
            names_ec2="no_ec2_instance_id" not in course.strikes,
            launched=due,
        )
        self.machines.serve(self.rows[instance_id])
        self._shape_launched(server, course, instance_id)

    def _shape_launched(self, server: SourceServer, course: Course, instance_id: str) -> None:
        if "stopped_instance" in course.strikes or server.configuration()["launchDisposition"] == "STOPPED":
            self.machines.stop(instance_id)
        if "ipv6_only" in course.strikes:
            self.machines.take_ipv4(instance_id)
        if strike := course.strikes.get("died_instance"):
            self.machines.die(instance_id, strike["code"], strike["message"])
        if "instance_not_found" in course.strikes:
            self.machines.withhold(instance_id, course.strikes["instance_not_found"]["reads"])

    def _vanish(self, job: Job, server_id: str, _due: float) -> None:
        if job.instance_ids[server_id] in self.rows:
            self.machines.vanish(job.instance_ids[server_id])

    def _terminate(self, _job: Job, instance_id: str, _due: float) -> None:
        if instance_id in self.rows:
            self._remove(instance_id)

    def _remove(self, instance_id: str) -> None:
        self.machines.terminate(instance_id)
        server = self.rows.pop(instance_id).server
        if server.recovery_instance_id == instance_id:
            server.recovery_instance_id = None


def _instance_tags(job: Job, server: SourceServer) -> dict[str, str]:
    copied = server.tags if server.configuration()["copyTags"] else {}
    return {
        **copied,
        "Name": server.tags.get("Name", server.name),
        "AWSElasticDisasterRecoveryManaged": "drs.amazonaws.com",
        "AWSElasticDisasterRecoverySourceServerID": server.server_id,
        "drs.amazonaws.com-job": job.job_id,
        "drs.amazonaws.com-source-server": server.server_id,
    }
