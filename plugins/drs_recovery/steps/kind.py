"""What a kind of step is: its keys in a plan, how it starts, how it is looked at, how it is stopped."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

if TYPE_CHECKING:
    from drs_recovery.plan import PlanModel
    from drs_recovery.statuses import StepStatus

AwsClients = Any
"""Hooks of one account and Region: ``hooks.TargetClients``, which this package does not import."""

DRILL, RECOVERY, FAILBACK = "drill", "recovery", "failback"


class Place(NamedTuple):
    """Where AWS is asked: an Airflow connection and a Region."""

    connection: str
    region: str


@dataclass(frozen=True)
class Recipient:
    """
    A recovered server on which a step acts.

    :param address: the recovered instance's own address, as the record has it.
    :param arguments: of the step, with this server's values filled in.
    """

    id: str
    name: str
    hostname: str
    address: str
    instance_id: str
    place: Place
    group: str
    arguments: Any


@dataclass(frozen=True)
class Login:
    """What an Airflow connection holds; no value of it may reach record, log or page."""

    user: str | None
    secret: str | None
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ServerResult:
    """What was seen of one server."""

    server_id: str
    name: str
    ok: bool
    detail: str


@dataclass(frozen=True)
class Look:
    """
    What one look at a step came to.

    :param status: RUNNING to look again, SUCCEEDED or FAILED. A probe that FAILED is tried again until its
        time-out, unless ``final``.
    :param detail: what was seen last, in a sentence for people.
    :param external_ids: of what was started in AWS, by name; put on record at once.
    :param servers: what was seen of each server, where a step acts on servers.
    :param pause: seconds until the next look makes sense; None for the usual ones.
    """

    status: StepStatus
    detail: str
    output: str = ""
    external_ids: Mapping[str, str] = field(default_factory=dict)
    servers: Sequence[ServerResult] = ()
    pause: float | None = None
    final: bool = False


@dataclass(frozen=True)
class StepRun:
    """
    One attempt at a step, as its kind sees it.

    :param token: a UUID of execution, wave, step and attempt: the same at every call of the attempt.
    :param arguments: instance of the kind's model with all placeholders filled in; of a step that acts on
        servers, those of each are in ``servers``.
    :param servers: the recovered servers that the step acts on.
    :param any_server: whether one server that answers is enough.
    :param external_ids: what earlier looks of this attempt put on record.
    :param place: account and Region of the wave's first group.
    :param aws: clients of a place, made at the first call.
    :param login: reads an Airflow connection; what it holds is redacted from every text of the look.
    :param probe_hosts: ``[drs_recovery] probe_hosts``.
    :param launched: when the wave's servers were found launched; the attempt's begin before that.
    :param recovered: the ready servers of the wave, for kinds that tell others about them.
    :param addresses: recorded addresses of the execution's recovered instances.
    :param source_addresses: addresses of the original servers.
    """

    execution_id: str
    plan_id: str
    execution_type: str
    is_drill: bool
    wave_number: int
    side: str
    number: int
    attempt: int
    token: str
    arguments: Any
    servers: Sequence[Recipient]
    any_server: bool
    external_ids: Mapping[str, str]
    begun: float
    deadline: float
    now: float
    place: Place
    aws: Callable[[Place], AwsClients]
    login: Callable[[str], Login]
    probe_hosts: Collection[str] = ()
    launched: float = 0.0
    recovered: Sequence[Recipient] = ()
    addresses: Collection[str] = ()
    source_addresses: Collection[str] = ()


class StepKind(ABC):
    """
    One kind of step.

    :cvar key: its key in a plan.
    :cvar title: what it does, in a sentence: editors show it.
    :cvar arguments: model of what stands behind the key.
    :cvar only: types of executions in which it runs unless the plan says otherwise.
    :cvar is_probe: whether it repeats by itself until its time-out; a callout has ``retries``.
    :cvar is_question: whether a person answers it: the store's decision is its result.
    :cvar resource_keys: keys of its arguments that name what must be there before it runs.
    :cvar takes_servers: whether it can act on the servers of a wave.
    """

    key: ClassVar[str]
    title: ClassVar[str]
    arguments: ClassVar[type[PlanModel]]
    only: ClassVar[tuple[str, ...]] = (DRILL, RECOVERY)
    is_probe: ClassVar[bool] = False
    is_question: ClassVar[bool] = False
    resource_keys: ClassVar[tuple[str, ...]] = ()
    takes_servers: ClassVar[bool] = False
    default_timeout: ClassVar[timedelta] = timedelta(minutes=10)

    def acts_per_server(self, arguments: Mapping[str, Any]) -> bool:
        """
        Whether a step of this kind acts on each server.

        :param arguments: as they stand in the plan.
        """
        return self.takes_servers

    def problems(self, arguments: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], str]]:
        """
        What is wrong beyond the fields of the model, each with the keys that lead to it.

        :param arguments: as they stand in the plan, perhaps of wrong types: the model reports those.
        """
        yield from ()

    def time_limit(self, arguments: Any) -> timedelta:
        """Time-out of a step for which the plan has none."""
        return self.default_timeout

    def missing(self, aws: Callable[[Place], AwsClients], place: Place, arguments: Any) -> str | None:
        """
        What AWS does not have and the step needs, in a sentence; None if everything is there.

        :param place: of the wave's first group.
        :param arguments: instance of the model, with no placeholder in the ``resource_keys``.
        """
        return None

    def rights(self, arguments: Any, arn: Callable[[str, str], str]) -> Mapping[str, Collection[str]]:
        """
        The actions that it takes, by the resource.

        :param arguments: instance of the model, with no placeholder in the ``resource_keys``.
        :param arn: makes ARNs in the wave's place, of a service and of a resource.
        """
        return {}

    def start(self, run: StepRun) -> Look:
        """
        Start what is waited for. It is called again with the same token until its answer is on record.

        By default there is nothing to start.
        """
        return self.look(run)

    @abstractmethod
    def look(self, run: StepRun) -> Look:
        """Look once; blocks for some seconds at the most."""

    def stop(self, run: StepRun) -> str | None:
        """Stop what runs, as far as it can be; says what became of it, None if there was nothing to stop."""
        return None


class BatchedKind(StepKind):
    """
    A kind whose state is asked for in one call for many steps, see :mod:`drs_recovery.waiting`.

    :cvar service: what is asked, such as ``ec2 instance status``: who asks the same in a place asks together.
    """

    service: ClassVar[str]

    @abstractmethod
    def questions(self, run: StepRun) -> Mapping[Place, Collection[str]]:
        """What is to be asked for, by place."""

    @abstractmethod
    def ask(self, clients: AwsClients, keys: Collection[str]) -> Mapping[str, Any]:
        """
        Ask one place for any number of keys, in as few calls as the API needs.

        :return: answers by key; what AWS does not know is left out.
        """

    @abstractmethod
    def judge(self, run: StepRun, found: Mapping[str, Any]) -> Look:
        """Say what the answers mean."""

    def look(self, run: StepRun) -> Look:
        """Ask for this step alone."""
        found: dict[str, Any] = {}
        for place, keys in self.questions(run).items():
            found |= self.ask(run.aws(place), keys)
        return self.judge(run, found)
