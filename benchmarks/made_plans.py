"""Plans of any size, with servers of their own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from sandbox.testing import Sandbox

# Of one call: an answer that takes long would look like a dead sandbox.
_SERVERS_AT_ONCE = 200


@dataclass(frozen=True)
class MadePlan:
    """
    A plan with a group of servers for each wave.

    :param number: from 0; plans with different numbers share no server.
    :param region: its only Region.
    :param in_parallel: whether all waves start at once; otherwise each waits for the one before.
    """

    number: int
    waves: tuple[int, ...]
    region: str = "us-east-1"
    in_parallel: bool = False

    @property
    def plan_id(self) -> str:
        """Name of its file."""
        return f"made-{self.number:03}"

    @property
    def dag_id(self) -> str:
        """Its DAG in Airflow."""
        return f"recover_{self.plan_id}"

    def server_ids(self, wave: int) -> list[str]:
        """Ids of a wave's servers, from 1."""
        return [f"s-{self.number:05}{wave:03}{index:09}" for index in range(self.waves[wave - 1])]

    def document(self) -> dict[str, Any]:
        """The plan as its file has it."""
        numbers = range(1, len(self.waves) + 1)
        return {
            "schema_version": 1,
            "region": self.region,
            "protection_groups": {f"tier-{n}": {"servers": self.server_ids(n)} for n in numbers},
            "waves": [
                {"name": f"Tier {n}", "groups": [f"tier-{n}"], "timeout": "PT4H"}
                | ({"depends_on": []} if self.in_parallel else {})
                for n in numbers
            ],
        }

    def descriptions(self) -> Iterator[dict[str, Any]]:
        """Its servers as the sandbox takes them."""
        for wave in range(1, len(self.waves) + 1):
            for server_id in self.server_ids(wave):
                yield {"id": server_id, "name": f"host-{server_id}", "region": self.region}


def write_plans(folder: Path, plans: Iterable[MadePlan]) -> None:
    """Write plans as files."""
    folder.mkdir(exist_ok=True)
    for plan in plans:
        text = yaml.safe_dump(plan.document(), sort_keys=False)
        (folder / f"{plan.plan_id}.yaml").write_text(text, encoding="utf-8")


def add_servers(sandbox: Sandbox, plans: Iterable[MadePlan]) -> None:
    """Let the sandbox have the servers of plans."""
    servers = [server for plan in plans for server in plan.descriptions()]
    for start in range(0, len(servers), _SERVERS_AT_ONCE):
        sandbox.add_servers(*servers[start : start + _SERVERS_AT_ONCE])
