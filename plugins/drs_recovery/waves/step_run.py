"""Make of a step in the plan, and of the record, what its kind acts on: placeholders, servers, limits."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote

from pydantic import ValidationError

from drs_recovery.exceptions import ExecutionError
from drs_recovery.plan import Values, plan_from_snapshot, render_message
from drs_recovery.settings import probe_hosts
from drs_recovery.statuses import ExecutionType, ServerPhase
from drs_recovery.steps import Place, Recipient, StepRun
from drs_recovery.waves.questions import message_values
from drs_recovery.waves.rules import wave_of

if TYPE_CHECKING:
    from drs_recovery.hooks import Clients
    from drs_recovery.plan import RecoveryPlan, Step
    from drs_recovery.steps import Login, StepKind
    from drs_recovery.store import ExecutionDocument, ServerStatus, StepRecord, StepRef

# Under this name the tokens of all attempts are made.
_NAMESPACE = uuid.UUID("3c1e6f0a-5f0c-4d57-9d0b-0f7a3c5f7a11")


class StepNotUsableError(ExecutionError):
    """A step cannot be run as it is: a placeholder became no valid value, or no server is there."""


@dataclass(frozen=True)
class PlannedStep:
    """A step as the plan of an execution has it."""

    step: Step
    kind: StepKind

    @classmethod
    def of(cls, plan: RecoveryPlan, ref: StepRef) -> PlannedStep:
        """The step that a reference names."""
        step = plan.wave(ref.wave).steps(ref.side)[ref.number - 1]
        return cls(step, cast("StepKind", step.kind))


def step_run(
    document: ExecutionDocument,
    ref: StepRef,
    record: StepRecord,
    clients: Clients,
    login: Callable[[str], Login],
) -> StepRun:
    """
    Compose what the kind of a step acts on.

    :param record: of the step, with the attempt that runs.
    :param login: reads an Airflow connection.
    :raises StepNotUsableError: it cannot be run.
    """
    plan = plan_from_snapshot(document["planSnapshot"])
    planned, values = PlannedStep.of(plan, ref), message_values(document, plan, ref.wave)
    attempt = record["attempts"][-1]
    raw = planned.step.arguments.model_dump(mode="json")
    per_server = planned.kind.acts_per_server(raw)
    servers = _recipients(document, plan, ref, planned, raw, values) if per_server else ()
    group = plan.groups_of(ref.wave)[0][1]
    begun = float(record["startTime"])
    return StepRun(
        execution_id=ref.execution_id,
        plan_id=plan.id,
        execution_type=str(document["executionType"]),
        is_drill=document["executionType"] is ExecutionType.DRILL,
        wave_number=ref.wave,
        side=ref.side,
        number=ref.number,
        attempt=attempt["number"],
        token=str(uuid.uuid5(_NAMESPACE, "/".join(map(str, (*ref, attempt["number"]))))),
        arguments=None if per_server else filled(planned, raw, values),
        servers=servers,
        any_server=planned.step.servers == "one",
        external_ids=attempt.get("externalIds", {}),
        begun=begun,
        deadline=begun + planned.step.time_limit.total_seconds(),
        now=begun,
        place=Place(group.connection, group.region),
        aws=lambda place: clients.at(*place),
        login=login,
        probe_hosts=probe_hosts(),
        launched=float(wave_of(document, ref.wave).get("launchedTime", begun)),
        recovered=_recovered(document, plan, ref),
        addresses=_addresses(document),
        source_addresses=_source_addresses(document),
    )


def filled(planned: PlannedStep, raw: Mapping[str, Any], values: Values) -> Any:
    """
    The arguments of a step with all placeholders filled in, as an instance of the kind's model.

    :param raw: as they stand in the plan.
    :raises StepNotUsableError: what a placeholder became is not valid where it stands.
    """
    try:
        rendered = {key: _filled(value, values, key) for key, value in raw.items()}
        return planned.kind.arguments.model_validate(rendered)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        why = f"{planned.step.title}: {where}, with its placeholders filled in: {first['msg']}"
    except Exception as error:  # Jinja's and Python's own
        why = f"{planned.step.title}: a placeholder cannot be filled in: {error}"
    raise StepNotUsableError(why)


def _filled(value: Any, values: Values, key: str) -> Any:
    if isinstance(value, str):
        has_placeholders = "{{" in value or "{%" in value
        return render_message(value, values, _in_url if key == "url" else str) if has_placeholders else value
    if isinstance(value, Mapping):
        return {name: _filled(child, values, name) for name, child in value.items()}
    return [_filled(child, values, key) for child in value] if isinstance(value, list) else value


def _in_url(value: object) -> str:
    """A value within an address: it adds no part to it. An IPv6 address stands in brackets."""
    text = str(value)
    is_ipv6 = text.count(":") > 1 and set(text.lower()) <= set("0123456789abcdef:.")
    return f"[{text}]" if is_ipv6 else quote(text, safe="")


def _recipients(
    document: ExecutionDocument,
    plan: RecoveryPlan,
    ref: StepRef,
    planned: PlannedStep,
    raw: Mapping[str, Any],
    values: Values,
) -> Sequence[Recipient]:
    chosen = planned.step.servers
    groups = None if isinstance(chosen, str) else frozenset(chosen)
    ready = [one for one in _ready(document, ref) if groups is None or _group_of(one, plan, ref) in groups]
    if not ready:
        raise StepNotUsableError(f"{planned.step.title}: the wave has no ready server that it could act on")
    recipients = []
    for server in ready:
        facts = _facts_of(server)
        of_server = Values({**{name: values[name] for name in values}, "server": Values(facts)})
        arguments = filled(planned, raw, of_server)
        recipients.append(_recipient(facts, server, _group_of(server, plan, ref), arguments))
    return tuple(recipients)


def _recovered(document: ExecutionDocument, plan: RecoveryPlan, ref: StepRef) -> Sequence[Recipient]:
    return tuple(
        _recipient(_facts_of(server), server, _group_of(server, plan, ref), None)
        for server in _ready(document, ref)
    )


def _ready(document: ExecutionDocument, ref: StepRef) -> Sequence[ServerStatus]:
    servers = wave_of(document, ref.wave)["serverStatuses"]
    return [server for server in servers if server["phase"] == ServerPhase.READY]


def _group_of(server: ServerStatus, plan: RecoveryPlan, ref: StepRef) -> str:
    """Group of a server: that by which it was found; of a record without it, the one that lists it."""
    if "group" in server:
        return str(server["group"])
    listed = (
        name
        for name, group in plan.groups_of(ref.wave)
        if any(one.id == server["sourceServerId"] for one in group.servers or ())
    )
    return next(listed, "")


def _facts_of(server: ServerStatus) -> Mapping[str, str]:
    """A server as placeholders name it."""
    return {
        "id": server["sourceServerId"],
        "name": server["serverName"],
        "hostname": server.get("hostname", ""),
        "private_ip": server.get("privateIp", ""),
        "instance_id": server.get("instanceId", ""),
        "region": server["region"],
    }


def _recipient(facts: Mapping[str, str], server: ServerStatus, group: str, arguments: Any) -> Recipient:
    return Recipient(
        id=facts["id"],
        name=facts["name"],
        hostname=facts["hostname"],
        address=facts["private_ip"],
        instance_id=facts["instance_id"],
        place=Place(server["connection"], server["region"]),
        group=group,
        arguments=arguments,
    )


def _addresses(document: ExecutionDocument) -> frozenset[str]:
    """Recorded addresses of the instances that this execution recovered."""
    servers = (server for wave in document["waves"] for server in wave["serverStatuses"])
    return frozenset(s["privateIp"] for s in servers if s["phase"] == ServerPhase.READY and "privateIp" in s)


def _source_addresses(document: ExecutionDocument) -> frozenset[str]:
    servers = (server for wave in document["waves"] for server in wave["serverStatuses"])
    return frozenset(address for server in servers for address in server.get("sourceAddresses", ()))
