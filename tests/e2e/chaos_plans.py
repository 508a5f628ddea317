"""The plans with which the stack is disturbed, each in a Region of its own, so that faults hit only one."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from devstack.layout import PROJECT
from sandbox.testing import Sandbox


@dataclass(frozen=True)
class ChaosPlan:
    """
    A plan of waves with one group each.

    :param id: id of the plan.
    :param region: its only Region.
    :param waves: keys of each wave beside name and group.
    :param servers: servers a wave.
    """

    id: str
    region: str
    waves: tuple[dict[str, Any], ...] = field(default=({},))
    servers: int = 2

    def server_ids(self, wave: int) -> list[str]:
        """Ids of a wave's servers, from 1."""
        region = "".join(letter for letter in self.region if letter.isalnum())
        return [f"s-{f'{region}{wave}{number}':0>17}" for number in range(1, self.servers + 1)]

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
        }

    def descriptions(self) -> list[dict[str, Any]]:
        """Its servers as the sandbox takes them."""
        return [
            {"id": server_id, "name": f"{self.id}-{wave}-{number}", "region": self.region}
            for wave in range(1, len(self.waves) + 1)
            for number, server_id in enumerate(self.server_ids(wave), start=1)
        ]


SINGLES = tuple(
    ChaosPlan(f"chaos-{region}", region)
    for region in ("eu-west-1", "eu-central-1", "eu-north-1", "ap-south-1", "sa-east-1")
)
CHAIN = ChaosPlan("chaos-chain", "ca-central-1", ({},) * 4, servers=1)
GATED = ChaosPlan("chaos-gated", "us-east-2", ({}, {"pause_before": True}), servers=1)
STUCK = ChaosPlan("chaos-stuck", "eu-west-2", ({"timeout": "PT20S", "on_failure": "continue"}, {}), servers=1)
SKEWED = ChaosPlan("chaos-skewed", "ap-northeast-1", ({}, {}), servers=1)
ALL = (*SINGLES, CHAIN, GATED, STUCK, SKEWED)


def write_plans(folder: Path) -> Path:
    """
    Write these plans beside the sample plans.

    :param folder: a new folder.
    """
    shutil.copytree(PROJECT / "include" / "plans", folder)
    for plan in ALL:
        (folder / f"{plan.id}.yaml").write_text(yaml.safe_dump(plan.document(), sort_keys=False))
    return folder


def add_servers(sandbox: Sandbox) -> None:
    """Let the sandbox have their servers."""
    sandbox.add_servers(*(server for plan in ALL for server in plan.descriptions()))
