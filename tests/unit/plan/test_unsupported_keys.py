"""Keys that are not executed yet are checked in full and then refused, never ignored."""

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from drs_recovery.plan.rules import NOT_SUPPORTED_YET
from tests.unit.plan.documents import changed, problems_of, write_plan

NOT_SUPPORTED: dict[str, tuple[dict[str, Any], list[str]]] = {
    "point in time": (
        {"point_in_time": "latest"},
        ["point_in_time: point_in_time is not supported yet"],
    ),
    "point in time of a server, without quotes": (
        {"protection_groups/web/servers/0/point_in_time": datetime(2025, 1, 31, 3)},  # noqa: DTZ001
        [
            "protection_groups.web.servers[0].point_in_time: point_in_time is not supported yet",
            "protection_groups.web.servers[0].point_in_time: YAML reads 2025-01-31 03:00:00 as a date; "
            'put it in quotes: "2025-01-31 03:00:00"',
        ],
    ),
    "point in time without a zone": (
        {"point_in_time": "2025-01-31T03:00:00"},
        [
            "point_in_time: point_in_time is not supported yet",
            'point_in_time: "2025-01-31T03:00:00" is neither "latest" nor a UTC time such as '
            "2025-01-31T03:00:00Z",
        ],
    ),
    "waiting": ({"waves/1/wait_before": "PT5M"}, ["waves[1].wait_before: wait_before is not supported yet"]),
    "waves of drills only": ({"waves/1/only": "drill"}, ["waves[1].only: only is not supported yet"]),
    "waves of tests only": (
        {"waves/1/only": "test"},
        [
            "waves[1].only: only is not supported yet",
            "waves[1].only: \"test\" is not allowed here; expected 'drill' or 'recovery'",
        ],
    ),
    "actions before": (
        {"waves/1/before": [{"ssm_automation": {"document": "Prepare", "parameters": {"Mode": "dr"}}}]},
        ["waves[1].before: before is not supported yet"],
    ),
    "probes after": (
        {
            "waves/1/after": [
                {"tcp_probe": {"port": 443, "timeout": "PT5M"}},
                {"http_probe": {"url": "http://{private_ip}/health", "expect": 200}},
                {"lambda": {"function": "warm-caches"}},
            ]
        },
        ["waves[1].after: after is not supported yet"],
    ),
    "bad probes": (
        {
            "waves/1/after": [
                {"tcp_probe": {"port": 0}},
                {"tcp_probe": {"port": 70000}},
                {"tcp_probe": {"port": "443"}},
                {"http_probe": {"url": "ftp://host"}},
                {"lambda": {"name": "warm-caches"}},
                {"udp_probe": {"port": 53}},
                {"tcp_probe": {"port": 80}, "lambda": {"function": "warm-caches"}},
            ]
        },
        [
            "waves[1].after: after is not supported yet",
            "waves[1].after[0].tcp_probe.port: 0 is too small; the least is 1",
            "waves[1].after[1].tcp_probe.port: 70000 is too large; the most is 65535",
            'waves[1].after[2].tcp_probe.port: expected a whole number, found "443"',
            'waves[1].after[3].http_probe.url: "ftp://host" is not an http:// or https:// address',
            'waves[1].after[4].lambda.name: unknown key "name" (known keys: function)',
            "waves[1].after[4].lambda.function: is missing (Name or ARN of the function)",
            "waves[1].after[5].udp_probe: unknown key \"udp_probe\"; did you mean 'tcp_probe'?",
            "waves[1].after[6]: expected one action, such as tcp_probe, in each entry",
        ],
    ),
}


@pytest.mark.parametrize(("changes", "lines"), NOT_SUPPORTED.values(), ids=NOT_SUPPORTED)
def test_what_is_not_executed_yet_is_checked_and_refused(
    tmp_path: Path, changes: dict[str, Any], lines: list[str]
) -> None:
    path = write_plan(tmp_path / "payroll.yaml", changed(changes))

    assert problems_of(path) == [f"payroll.yaml: {line}" for line in lines]


def test_each_row_of_the_table_has_a_case() -> None:
    told = " ".join(line for _, lines in NOT_SUPPORTED.values() for line in lines)

    assert all(f"{pattern[-1]} is not supported yet" in told for pattern in NOT_SUPPORTED_YET)
