"""
Routing controls of Route 53 ARC: switches that all five endpoints of a cluster know.

Each endpoint is the sandbox itself, called in the name of its Region: a fault of calls with that ``region``
makes one of them slow, unavailable or dead.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from moto.core.base_backend import BackendDict, BaseBackend
from moto.core.exceptions import JsonRESTError
from moto.core.models import DEFAULT_ACCOUNT_ID

from sandbox.fields import Field, filled, one_of, text
from sandbox.world import WORLD

# All Regions share one state, as all endpoints of a cluster do.
_EVERYWHERE = "aws"
_FIELDS: Mapping[str, Field] = {
    "name": Field(
        lambda value: isinstance(value, str) and re.fullmatch(r"\S{1,64}", value) is not None,
        "up to 64 characters without spaces",
        required=True,
    ),
    "state": one_of("On", "Off", default="Off"),
    "account": text(DEFAULT_ACCOUNT_ID),
}

Document = dict[str, Any]


class RoutingControlRefusedError(ValueError):
    """A described routing control has an unknown key or a value that does not fit."""


class ArcError(JsonRESTError):
    """An error answer; ``members`` go into the body beside the message."""

    def __init__(self, status: int, code: str, message: str, **members: Any) -> None:
        super().__init__(code, message)
        self.code = status
        self.description = json.dumps({"__type": code, "message": message, **members})


@dataclass
class RoutingControl:
    """A switch."""

    arn: str
    name: str
    state: str

    @property
    def panel_arn(self) -> str:
        """ARN of its control panel."""
        return self.arn.partition("/routingcontrol/")[0]


class ArcBackend(BaseBackend):
    """The routing controls of an account; the caller holds the world's lock."""

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.controls: dict[str, RoutingControl] = {}

    def state(self, request: Document) -> Document:
        """Answer GetRoutingControlState."""
        control = self._known(request["RoutingControlArn"])
        return {
            "RoutingControlArn": control.arn,
            "RoutingControlName": control.name,
            "RoutingControlState": control.state,
        }

    def update(self, request: Document) -> Document:
        """Answer UpdateRoutingControlState."""
        return self.update_all({**request, "UpdateRoutingControlStateEntries": [request]})

    def update_all(self, request: Document) -> Document:
        """Answer UpdateRoutingControlStates: all of them, or none."""
        overridden = request.get("SafetyRulesToOverride") or []
        changes = [
            (self._known(entry["RoutingControlArn"]), entry["RoutingControlState"])
            for entry in request["UpdateRoutingControlStateEntries"]
        ]
        for control, state in changes:
            _demand_safety(control, state, overridden)
        for control, state in changes:
            if WORLD.faults.standing("routing_control_stays", control=control.name) is None:
                control.state = state
        return {}

    def listed(self, request: Document) -> Document:
        """Answer ListRoutingControls."""
        panel = request.get("ControlPanelArn")
        rows = [
            {
                "ControlPanelArn": control.panel_arn,
                "ControlPanelName": "sandbox",
                "RoutingControlArn": control.arn,
                "RoutingControlName": control.name,
                "RoutingControlState": control.state,
                "Owner": self.account_id,
            }
            for control in self.controls.values()
            if panel in (None, control.panel_arn)
        ]
        return {"RoutingControls": rows}

    def _known(self, arn: str) -> RoutingControl:
        if arn not in self.controls:
            members = {"resourceId": arn, "resourceType": "routing-control"}
            raise ArcError(
                404, "ResourceNotFoundException", f"Routing control {arn} was not found.", **members
            )
        return self.controls[arn]


def _demand_safety(control: RoutingControl, state: str, overridden: Sequence[str]) -> None:
    for rule in WORLD.faults.all_standing("safety_rule", control=control.name, state=state):
        if rule["rule"] not in overridden:
            message = f"Safety rule {rule['rule']} does not allow {control.name} to be {state}."
            raise ArcError(
                409, "ConflictException", message, resourceId=control.arn, resourceType="routing-control"
            )


route53recoverycluster_backends = BackendDict(
    ArcBackend, "route53-recovery-cluster", use_boto3_regions=False, additional_regions=[_EVERYWHERE]
)


def arc_backend(account: str) -> ArcBackend:
    """The routing controls of an account."""
    return route53recoverycluster_backends[account][_EVERYWHERE]


def add_routing_control(description: Any) -> str:
    """
    Add a routing control, and return its ARN; one with the same name is replaced.

    :param description: ``name``, and any other of the keys with a default.
    :raises RoutingControlRefusedError: naming what is wrong.
    """
    if not isinstance(description, Mapping):
        raise RoutingControlRefusedError(f"a routing control is an object, not {description!r}")
    values, problems = filled(_FIELDS, description)
    if problems:
        raise RoutingControlRefusedError(f"routing control {description.get('name')}: " + "; ".join(problems))
    account, name = values["account"], values["name"]
    panel, control = _digest(account)[:32], _digest(name)[:16]
    arn = f"arn:aws:route53-recovery-control::{account}:controlpanel/{panel}/routingcontrol/{control}"
    arc_backend(account).controls[arn] = RoutingControl(arn, name, values["state"])
    return arn


def _digest(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()
