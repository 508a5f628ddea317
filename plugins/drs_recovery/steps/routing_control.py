"""Turn a routing control of Route 53 ARC, through whichever endpoint answers, and read it back."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

from pydantic import BeforeValidator, Field

from drs_recovery.plan import HttpUrl, Line, PlanModel, Text
from drs_recovery.statuses import StepStatus
from drs_recovery.steps.kind import RECOVERY, Look, StepKind

if TYPE_CHECKING:
    from drs_recovery.steps.kind import AwsClients, Place, StepRun

_ControlArn = Annotated[
    str,
    Text(
        "the ARN of a routing control",
        r"arn:[\w-]+:route53-recovery-control::\d{12}:controlpanel/\w+/routingcontrol/\w+",
    ),
]
# Answers that another endpoint would give, too; those of one endpoint alone are tried elsewhere.
_DEFINITE = frozenset(
    {"AccessDeniedException", "ConflictException", "ResourceNotFoundException", "ValidationException"}
)


def _switched(value: Any) -> Any:
    """YAML takes On and Off without quotes for truth values."""
    return {True: "On", False: "Off"}[value] if isinstance(value, bool) else value


class ClusterEndpoint(PlanModel):
    """One of the five endpoints of a cluster."""

    endpoint: HttpUrl = Field(
        description="URL of the endpoint, such as https://host-aaaaaa.us-east-1.example.com/v1."
    )
    region: Line = Field(description="Region of the endpoint.")


class RoutingControlArguments(PlanModel):
    """Which switch, which way, and where it can be reached."""

    arn: _ControlArn = Field(description="ARN of the routing control.")
    state: Annotated[Literal["On", "Off"], BeforeValidator(_switched)] = Field(
        description="What it is turned to."
    )
    cluster_endpoints: tuple[ClusterEndpoint, ...] = Field(
        min_length=1, description="Endpoints of its cluster: all five, of which any may be out of order."
    )


class _Told(NamedTuple):
    """What one endpoint said; ``error`` if it did not answer."""

    region: str
    state: str | None
    error: Exception | None = None


class RoutingControl(StepKind):
    """Turning it to what it is changes nothing, so that it may be done at every look."""

    key = "routing_control"
    title = "Turn a routing control of Route 53 ARC."
    arguments = RoutingControlArguments
    only = (RECOVERY,)
    resource_keys = ("arn", "cluster_endpoints")

    def missing(self, aws: Callable[[Place], AwsClients], place: Place, arguments: Any) -> str | None:
        """The control, as the first endpoint that answers says."""
        last: Exception | None = None
        for one in arguments.cluster_endpoints:
            try:
                aws(place).routing_controls(one.endpoint, one.region).state(arguments.arn)
            except Exception as error:  # of any kind: another endpoint may be well
                if _code(error) == "ResourceNotFoundException":
                    return f"there is no routing control {arguments.arn}"
                last = error
            else:
                return None
        raise last or RuntimeError("no endpoint")

    def rights(self, arguments: Any, arn: Callable[[str, str], str]) -> Mapping[str, Collection[str]]:
        """To read and turn it."""
        actions = ("GetRoutingControlState", "UpdateRoutingControlState")
        return {arguments.arn: [f"route53-recovery-cluster:{action}" for action in actions]}

    def look(self, run: StepRun) -> Look:
        """Turn it if it is not as wanted, then read it from the endpoints."""
        wanted: RoutingControlArguments = run.arguments
        told = self._first(run, lambda hook: str(hook.state(wanted.arn)))
        if told.state != wanted.state:
            self._first(run, lambda hook: hook.turn(wanted.arn, wanted.state))
            told = self._first(run, lambda hook: str(hook.state(wanted.arn)))
        said = f"{told.region} says {told.state}"
        if told.state != wanted.state:
            return Look(StepStatus.RUNNING, f"turned to {wanted.state}, but {said}")
        return Look(StepStatus.SUCCEEDED, f"the routing control is {wanted.state}: {said}")

    def stop(self, run: StepRun) -> str | None:
        """Leave it as it is: users may have been led already."""
        return "the routing control stays as it is"

    def _first(self, run: StepRun, ask: Callable[[Any], Any]) -> _Told:
        """
        Ask the endpoints in turn, another one first at each attempt.

        :raises Exception: the last endpoint's error, when none answers, or a definite refusal.
        """
        endpoints = run.arguments.cluster_endpoints
        first = run.attempt % len(endpoints)
        last: Exception | None = None
        for one in (*endpoints[first:], *endpoints[:first]):
            try:
                return _Told(one.region, ask(run.aws(run.place).routing_controls(one.endpoint, one.region)))
            except Exception as error:  # of any kind: another endpoint may be well
                if _code(error) in _DEFINITE:
                    raise
                last = error
        raise last or RuntimeError("no endpoint")


def _code(error: Exception) -> str:
    response = getattr(error, "response", None) or {}
    return str(response.get("Error", {}).get("Code", ""))


KIND = RoutingControl()
