"""
The kinds of steps, as plans know them.

They are made of what this package offers, so that it does not import them by name: each file of the package
``drs_recovery.steps`` that defines ``KIND`` is one.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from datetime import timedelta
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from drs_recovery.plan.parts import PlanModel

_PACKAGE = "drs_recovery.steps"


class PlanKind(Protocol):
    """What a plan asks of a kind; :class:`drs_recovery.steps.StepKind` says what it means."""

    key: str
    title: str
    arguments: type[PlanModel]
    only: tuple[str, ...]
    is_probe: bool

    def acts_per_server(self, arguments: Mapping[str, Any]) -> bool:
        """Whether a step acts on each server."""

    def problems(self, arguments: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], str]]:
        """What is wrong beyond the fields, each with the keys that lead to it."""

    def time_limit(self, arguments: Any) -> timedelta:
        """Time-out of a step for which the plan has none."""


@cache
def step_kinds() -> Mapping[str, PlanKind]:
    """Every kind that works, by its key in a plan, in alphabetical order."""
    path = importlib.import_module(_PACKAGE).__path__
    modules = (importlib.import_module(f"{_PACKAGE}.{entry.name}") for entry in pkgutil.iter_modules(path))
    found: list[PlanKind] = [module.KIND for module in modules if hasattr(module, "KIND")]
    return MappingProxyType({kind.key: kind for kind in sorted(found, key=lambda kind: kind.key)})
