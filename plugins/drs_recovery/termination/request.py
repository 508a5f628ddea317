"""What a person may ask for when terminating the instances of an execution: read and checked as a whole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from drs_recovery.exceptions import ExecutionNotFoundError, TerminationRefusedError
from drs_recovery.installation import elsewhere
from drs_recovery.opening import needed_by
from drs_recovery.plan import chosen_waves
from drs_recovery.statuses import ExecutionType
from drs_recovery.store import is_termination_requested, why_not_terminated
from drs_recovery.termination.targets import recorded_instances

if TYPE_CHECKING:
    from drs_recovery.store import ExecutionDocument, ExecutionStore

OPTION_NAMES = ("execution_id", "waves", "include_recovery", "confirmation")


@dataclass(frozen=True)
class TerminationRequest:
    """
    A request that makes sense.

    :param waves: numbers of the waves whose instances are meant; None for all.
    """

    execution_id: str
    waves: tuple[int, ...] | None
    include_recovery: bool

    @property
    def detail(self) -> dict[str, Any]:
        """For the record."""
        return {
            "waves": None if self.waves is None else list(self.waves),
            "includeRecovery": self.include_recovery or None,
        }


def read_request(
    store: ExecutionStore,
    conf: Mapping[str, Any],
    params: Mapping[str, Any],
    request_id: str,
    installation: str | None,
) -> TerminationRequest:
    """
    Read and check a request; a retry of one that is on record already may find that nothing is left.

    Airflow ignores a key of ``conf`` that it does not know; here it is a finding, because a misspelt
    ``waves`` would terminate all of them.

    :param installation: name of this Airflow installation, None if it has none yet.
    :raises TerminationRefusedError: with everything that is wrong.
    """
    findings = [
        f"unknown option {key!r}, expected one of {', '.join(OPTION_NAMES)}"
        for key in sorted(set(conf) - set(OPTION_NAMES))
    ]
    execution_id = str(params["execution_id"]).strip()
    try:
        document = store.get_document(execution_id)
    except ExecutionNotFoundError as error:
        raise TerminationRefusedError([*findings, str(error)]) from None
    if reason := elsewhere(document, installation):
        raise TerminationRefusedError([*findings, reason])
    names = {wave["waveName"]: int(wave["waveNumber"]) for wave in document["waves"]}
    waves = chosen_waves(names, params["waves"], findings)
    request = TerminationRequest(execution_id, waves, bool(params["include_recovery"]))
    findings += _confirmation_findings(document, request, params["confirmation"])
    if not is_termination_requested(document, request_id):
        findings += [*_state_findings(document, request), *_need_findings(store, document, request)]
    if findings:
        raise TerminationRefusedError(findings)
    return request


def _confirmation_findings(
    document: ExecutionDocument, request: TerminationRequest, confirmation: str | None
) -> Iterator[str]:
    plan_id = document["planId"]
    if request.include_recovery and (confirmation or "").strip() != plan_id:
        yield (
            f"include_recovery terminates instances that may be in use: it takes the id of the plan as "
            f"confirmation, and {confirmation!r} is not the plan id of this execution"
        )
    if not document["isDrill"] and not request.include_recovery:
        yield (
            "this execution is a real recovery, whose instances are terminated only with include_recovery "
            "and the plan id as confirmation"
        )


def _need_findings(
    store: ExecutionStore, document: ExecutionDocument, request: TerminationRequest
) -> Iterator[str]:
    servers = {instance.server_id for instance in recorded_instances(document, request.waves)}
    if need := needed_by(store, document, servers, (ExecutionType.RECOVERY,)):
        yield need.reason


def _state_findings(document: ExecutionDocument, request: TerminationRequest) -> Iterator[str]:
    if reason := why_not_terminated(document):
        yield reason
    elif not recorded_instances(document, request.waves):
        yield "the chosen waves have no instance left"
