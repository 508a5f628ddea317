"""What a sandbox starts with, from a YAML file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import yaml

from sandbox.faults import checked
from sandbox.fleet import checked_server
from sandbox.world import Quotas


class ScenarioRefusedError(ValueError):
    """A scenario file cannot be used; the text says why."""


@dataclass(frozen=True)
class Scenario:
    """
    What a sandbox starts with.

    :param seed: whether it has the demo servers.
    :param speed: simulated seconds a real second; None keeps that of the command line.
    :param quotas: quotas that are not AWS's defaults.
    :param source_servers: more source servers.
    :param faults: faults that are switched on.
    """

    seed: bool = True
    speed: float | None = None
    quotas: Mapping[str, int] = field(default_factory=dict)
    source_servers: tuple[Mapping[str, Any], ...] = ()
    faults: tuple[Mapping[str, Any], ...] = ()


def load_scenario(path: Path) -> Scenario:
    """
    Read a scenario file and check all of it.

    :param path: a YAML file with some of the keys of :class:`Scenario`.
    :raises ScenarioRefusedError: naming the file and what is wrong.
    """
    try:
        return scenario_from(yaml.safe_load(path.read_text(encoding="utf-8")) or {})
    except (OSError, yaml.YAMLError, ValueError) as error:
        raise ScenarioRefusedError(f"{path}: {error}") from error


def scenario_from(document: Any) -> Scenario:
    """
    Check a scenario.

    :param document: some of the keys of :class:`Scenario`.
    :raises ValueError: saying what is wrong.
    """
    known = [member.name for member in fields(Scenario)]
    if not isinstance(document, Mapping) or not set(document) <= set(known):
        raise ScenarioRefusedError(f"expected an object with some of the keys {', '.join(known)}")
    lists = {key: tuple(document.get(key) or ()) for key in ("source_servers", "faults")}
    scenario = Scenario(**{**document, **lists})
    Quotas().changed(dict(scenario.quotas))
    for fault in scenario.faults:
        checked(fault)
    for server in scenario.source_servers:
        checked_server(server)
    if scenario.speed is not None and (not isinstance(scenario.speed, int | float) or scenario.speed <= 0):
        raise ScenarioRefusedError(f"speed is {scenario.speed!r}: expected a number above 0")
    return scenario
