"""The EC2 side of recovery: every recovery instance is a real instance of the same moto."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from moto.ec2.models import ec2_backends
from moto.ec2.models.instances import Instance, StateReason

if TYPE_CHECKING:
    from moto.ec2.models import EC2Backend
    from moto.ec2.models.instances import Reservation

_IMAGE_NAME = "Image made by AWS Elastic Disaster Recovery"


class _Ipv6OnlyInstance(Instance):
    """moto makes the name from the IPv4 address; EC2 makes it from the id in a subnet without IPv4."""

    @property
    def private_dns_name(self) -> str:
        """Such as ``i-0123.us-west-2.compute.internal``."""
        return f"{self.id}.{self.region_name}.compute.internal"


class Machines:
    """
    Instances of one account and Region.

    :param account: the account.
    :param region: the Region.
    """

    def __init__(self, account: str, region: str) -> None:
        self._account, self._region = account, region
        self._reservations: dict[str, Reservation] = {}
        self._withheld: dict[str, int] = {}

    @property
    def _ec2(self) -> EC2Backend:
        return ec2_backends[self._account][self._region]

    def launch(self, instance_type: str, tags: dict[str, str], moment: datetime) -> str:
        """
        Start an instance in the default VPC.

        :param instance_type: such as ``t3.medium``.
        :param tags: of the instance and its volumes.
        :param moment: its launch time, UTC.
        :returns: its id.
        """
        zone, subnet = min(self._ec2.get_default_subnets().items())
        nic = {
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

    def die(self, instance_id: str, code: str, message: str) -> None:
        """
        Let an instance end by itself.

        :param instance_id: the instance.
        :param code: EC2's word for why.
        :param message: the same for people.
        """
        instance = self._instance(instance_id)
        instance.terminate()
        instance.state_reason = StateReason(f"{code}: {message}", code)

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

    def vanish(self, instance_id: str) -> None:
        """Let EC2 forget an instance."""
        self.give_back(instance_id)
        self._ec2.reservations.pop(self._reservations.pop(instance_id).id, None)

    def withhold(self, instance_id: str, reads: int) -> None:
        """
        Hide an instance from EC2 for a while, as EC2 does right after a launch.

        :param instance_id: the instance.
        :param reads: how many reads do not see it.
        """
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

    def state(self, instance_id: str) -> str:
        """
        ``ec2InstanceState``: EC2's state in upper case, NOT_FOUND for one that EC2 does not know.

        :param instance_id: the instance.
        """
        if instance_id not in self._reservations:
            return "NOT_FOUND"
        return str(self._instance(instance_id).state).upper()

    def _instance(self, instance_id: str) -> Instance:
        return self._reservations[instance_id].instances[0]
