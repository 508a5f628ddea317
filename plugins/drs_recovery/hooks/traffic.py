"""Hooks of what leads users to recovered servers or watches them: load balancers, alarms, ARC."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from botocore.config import Config

from drs_recovery.hooks.base import AccountHook
from drs_recovery.hooks.drs import READ_CONFIG
from drs_recovery.transient_errors import error_code

_ALARMS_IN_A_CALL = 100
# There are five endpoints, and the others are tried: one that is dead must not use the time up.
_ENDPOINT_CONFIG = Config(retries={"total_max_attempts": 1}, connect_timeout=2, read_timeout=5)
_CLUSTER = "route53-recovery-cluster"


class TargetGroupsHook(AccountHook):
    """
    Register instances with target groups, and ask for their health, in one account and Region.

    .. seealso:: https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/Welcome.html
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"config": READ_CONFIG, **kwargs, "client_type": "elbv2"})

    def target_type(self, group_arn: str) -> str | None:
        """``instance``, ``ip`` or another kind of target that a group takes; None if there is no group."""
        try:
            (group,) = self.conn.describe_target_groups(TargetGroupArns=[group_arn])["TargetGroups"]
        except self.conn.exceptions.ClientError as error:
            if error_code(error) in ("TargetGroupNotFound", "TargetGroupNotFoundException"):
                return None
            raise
        return str(group.get("TargetType", "instance"))

    def register(self, group_arn: str, target_ids: Sequence[str], port: int | None) -> None:
        """Register targets; those that are registered stay so."""
        of_port = {"Port": port} if port else {}
        targets = [{"Id": target_id, **of_port} for target_id in target_ids]
        self.conn.register_targets(TargetGroupArn=group_arn, Targets=targets)

    def health(self, group_arn: str) -> dict[str, Mapping[str, Any]]:
        """``TargetHealth`` of every target of a group by its id."""
        answer = self.conn.describe_target_health(TargetGroupArn=group_arn)
        return {row["Target"]["Id"]: row["TargetHealth"] for row in answer["TargetHealthDescriptions"]}


class AlarmsHook(AccountHook):
    """
    Ask for the states of CloudWatch alarms in one account and Region.

    .. seealso:: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarms.html
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"config": READ_CONFIG, **kwargs, "client_type": "cloudwatch"})

    def alarms(self, names: Collection[str]) -> dict[str, Mapping[str, Any]]:
        """Metric and composite alarms by name; unknown ones are left out."""
        listed = sorted(names)
        return {
            alarm["AlarmName"]: alarm
            for start in range(0, len(listed), _ALARMS_IN_A_CALL)
            for alarm in self.pages(
                "describe_alarms",
                "MetricAlarms",
                "CompositeAlarms",
                AlarmNames=listed[start : start + _ALARMS_IN_A_CALL],
                AlarmTypes=["MetricAlarm", "CompositeAlarm"],
            )
        }


class RoutingControlsHook(AccountHook):
    """
    Read and change routing controls of Route 53 ARC through one of their cluster's endpoints.

    .. seealso:: https://docs.aws.amazon.com/routing-control/latest/APIReference/Welcome.html
    """

    def __init__(self, endpoint: str, **kwargs: Any) -> None:
        super().__init__(**{"config": _ENDPOINT_CONFIG, **kwargs, "client_type": _CLUSTER})
        self._endpoint = endpoint
        self._made: Any = None

    def state(self, control_arn: str) -> str:
        """``On`` or ``Off``."""
        answer = self._at_endpoint.get_routing_control_state(RoutingControlArn=control_arn)
        return str(answer["RoutingControlState"])

    def turn(self, control_arn: str, state: str) -> None:
        """
        Change a control.

        :param state: ``On`` or ``Off``.
        """
        self._at_endpoint.update_routing_control_state(
            RoutingControlArn=control_arn, RoutingControlState=state
        )

    @property
    def _at_endpoint(self) -> Any:
        if self._made is None:
            self._made = self.get_session(region_name=self.region_name).client(
                _CLUSTER,
                endpoint_url=self._own_endpoint(),
                config=self.config_for(_ENDPOINT_CONFIG),
                verify=self.verify,
            )
        return self._made

    def _own_endpoint(self) -> str | None:
        """The plan's, unless the connection or the environment leads its calls elsewhere."""
        given: str | None = self.conn_config.get_service_endpoint_url(_CLUSTER)
        if given is not None:
            return given
        names = ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_ROUTE53_RECOVERY_CLUSTER")
        return None if any(os.environ.get(name) for name in names) else self._endpoint
