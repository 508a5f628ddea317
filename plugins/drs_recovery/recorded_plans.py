"""
Plans as the store has them: written by processes that have the plan files, read by those that have none.

A web server gets no DAG bundle, and a worker may lack the files of today. Nothing here runs while DAGs are
parsed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from drs_recovery.exceptions import PlanError, PlanProblem
from drs_recovery.plan import LoadedPlans, RecoveryPlan, plan_from_snapshot
from drs_recovery.store import SeenPlan

if TYPE_CHECKING:
    from drs_recovery.store import ExecutionStore

_UNKNOWN_FORM = "is of a form that this release does not know; upgrade it here, too"


@dataclass(frozen=True)
class _Known:
    plan_hash: str
    file: Path
    plan: RecoveryPlan | PlanError


# A plan takes a millisecond to build; pages ask for all of them every few seconds.
_known: dict[str, _Known] = {}


def seen_plan(plan: RecoveryPlan, file: str) -> SeenPlan:
    """What is recorded of a plan that can be used."""
    return SeenPlan(plan.id, plan.digest(), file, plan.model_dump(mode="json"))


def record_plans(store: ExecutionStore, loaded: LoadedPlans) -> list[str]:
    """
    Record the plans of the files that this process has, broken ones with their problems.

    :return: ids of the plans whose record changed.
    """
    return store.plans.record(list(_seen_plans(loaded)))


def record_opened_plan(store: ExecutionStore, plan: RecoveryPlan) -> None:
    """Record the plan of an execution that was just opened, unless it is on record as it is."""
    known = store.plans.get([plan.id]).get(plan.id)
    if known is None or known.plan_hash != plan.digest():
        store.plans.record_one(seen_plan(plan, known.file if known else ""))


def read_plans(store: ExecutionStore) -> LoadedPlans:
    """Read every current plan; its source is the name of its file."""
    hashes = store.plans.hashes()
    new = [plan_id for plan_id, digest in hashes.items() if _hash_of(plan_id) != digest]
    for plan_id, seen in store.plans.get(new).items():
        _known[plan_id] = _Known(seen.plan_hash, Path(seen.file), _usable(seen))
    return _joined((plan_id, _known[plan_id]) for plan_id in hashes if plan_id in _known)


def _seen_plans(loaded: LoadedPlans) -> Iterator[SeenPlan]:
    for plan_id, plan in loaded.plans.items():
        yield seen_plan(plan, loaded.sources[plan_id].name)
    for plan_id, error in loaded.broken.items():
        problems = tuple((one.file, one.place, one.message) for one in error.problems)
        digest = hashlib.sha256(repr(problems).encode()).hexdigest()
        yield SeenPlan(plan_id, digest, loaded.sources[plan_id].name, None, problems)


def _hash_of(plan_id: str) -> str | None:
    known = _known.get(plan_id)
    return known.plan_hash if known else None


def _usable(seen: SeenPlan) -> RecoveryPlan | PlanError:
    if seen.document is None:
        return PlanError([PlanProblem(*problem) for problem in seen.problems])
    try:
        return plan_from_snapshot(seen.document)
    except ValidationError:
        return PlanError([PlanProblem(seen.file, "", _UNKNOWN_FORM)])


def _joined(plans: Iterator[tuple[str, _Known]]) -> LoadedPlans:
    loaded = LoadedPlans()
    for plan_id, known in plans:
        loaded.sources[plan_id] = known.file
        if isinstance(known.plan, PlanError):
            loaded.broken[plan_id] = known.plan
        else:
            loaded.plans[plan_id] = known.plan
    return loaded
