"""Plans that tests make, each in a Region of its own, so that a fault hits only one."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from devstack.layout import PROJECT
from sandbox.testing import Sandbox


@dataclass(frozen=True)
class MadePlan:
    """
    A plan of waves with one group each.

    :param id: id of the plan.
    :param region: its only Region.
    :param waves: keys of each wave beside name and group.
    :param servers: servers a wave.
    :param keys: of the plan beside these.
    """

    id: str
    region: str
    waves: tuple[dict[str, Any], ...] = field(default=({},))
    servers: int = 2
    keys: dict[str, Any] = field(default_factory=dict)

    def server_ids(self, wave: int) -> list[str]:
        """Ids of a wave's servers, from 1."""
        # Servers of two plans differ, also in one Region.
        plan = hashlib.sha256(self.id.encode()).hexdigest()[:11]
        return [f"s-{f'{plan}{wave}{number}':0>17}" for number in range(1, self.servers + 1)]

    def document(self) -> dict[str, Any]:
        """The plan as its file has it."""
        numbers = range(1, len(self.waves) + 1)
        return {
            "schema_version": 1,
            "region": self.region,
            "protection_groups": {f"group-{n}": {"servers": self.server_ids(n)} for n in numbers},
            "waves": [
                {"name": f"Wave {n}", "groups": [f"group-{n}"], **keys}
                for n, keys in zip(numbers, self.waves, strict=True)
            ],
            **self.keys,
        }

    def descriptions(self) -> list[dict[str, Any]]:
        """Its servers as the sandbox takes them."""
        return [
            {"id": server_id, "name": f"{self.id}-{wave}-{number}", "region": self.region}
            for wave in range(1, len(self.waves) + 1)
            for number, server_id in enumerate(self.server_ids(wave), start=1)
        ]


def write_plans(folder: Path, plans: Iterable[MadePlan]) -> Path:
    """
    Write plans beside the sample plans.

    :param folder: a new folder.
    :param plans: what to write.
    """
    shutil.copytree(PROJECT / "include" / "plans", folder)
    for plan in plans:
        (folder / f"{plan.id}.yaml").write_text(yaml.safe_dump(plan.document(), sort_keys=False))
    return folder


def add_servers(sandbox: Sandbox, plans: Iterable[MadePlan]) -> None:
    """Let the sandbox have the servers of plans."""
    sandbox.add_servers(*(server for plan in plans for server in plan.descriptions()))
