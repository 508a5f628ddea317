"""Where drills may have left instances: every place that a plan names, or named when it was last executed."""

from __future__ import annotations

import logging
from typing import Any

from pydantic import ValidationError

from drs_recovery.exceptions import PlanError
from drs_recovery.hooks.clients import Place
from drs_recovery.installation import elsewhere, installation
from drs_recovery.plan.cache import load_plans
from drs_recovery.plan.model import RecoveryPlan, plan_from_snapshot
from drs_recovery.settings import plans_dir
from drs_recovery.store.executions import ExecutionStore

# A place that no plan names any more is known for as long as one of so many executions was there.
RECENT_EXECUTIONS = 200

log = logging.getLogger(__name__)


def known_places(store: ExecutionStore) -> set[Place]:
    """
    Places of the plans as they are now and of recent executions of this installation.

    :param store: the execution store.
    """
    found, name = set(_places_of_files()), installation(store)
    seen: set[tuple[str, str]] = set()
    for execution in store.listings.page(limit=RECENT_EXECUTIONS).items:
        version = execution["planId"], execution["planHash"]
        # The connections of another installation need not exist here.
        if version not in seen and not elsewhere(execution, name):
            seen.add(version)
            found |= _places_of_snapshot(store.get_execution(execution["executionId"]))
    return found


def _places_of_files() -> set[Place]:
    try:
        plans = load_plans(plans_dir()).plans
    except PlanError as error:
        log.warning("the plans cannot be read: %s", error)
        return set()
    return {place for plan in plans.values() for place in _places_of(plan)}


def _places_of_snapshot(execution: dict[str, Any]) -> set[Place]:
    try:
        return _places_of(plan_from_snapshot(execution["planSnapshot"]))
    except ValidationError:
        log.warning("execution %s: its plan is of a form that is not known", execution["executionId"])
        return set()


def _places_of(plan: RecoveryPlan) -> set[Place]:
    return {Place(group.connection, group.region) for group in plan.protection_groups.values()}
