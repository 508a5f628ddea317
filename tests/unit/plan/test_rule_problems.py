"""Rules between the keys of a plan, with the exact words that its author reads."""

from pathlib import Path
from typing import Any

import pytest

from tests.unit.plan.documents import APP_1, APP_2, DB_1, DB_2, GONE, changed, problems_of, write_plan

WAITING = "waves[0].depends_on: these waves wait for each other"
DEFAULT_ORDER = "(without depends_on, a wave waits for the one before it)"

BROKEN_RULES: dict[str, tuple[dict[str, Any], list[str]]] = {
    "group with servers and tags": (
        {"protection_groups/db/tags": {"dr:tier": "database"}},
        ["protection_groups.db: has both servers and tags; give one of them"],
    ),
    "group with neither": (
        {"protection_groups/db/servers": GONE},
        ["protection_groups.db: has neither servers nor tags; give one of them"],
    ),
    "server twice in a group": (
        {"protection_groups/db/servers": [DB_1, DB_2, DB_1]},
        [
            f'protection_groups.db.servers[2]: "{DB_1}" is already in protection_groups.db.servers[0]; '
            "a server may be listed once"
        ],
    ),
    "server in two waves": (
        {"protection_groups/web/servers": [APP_1, {"id": DB_2}]},
        [
            f'protection_groups.web.servers[1]: "{DB_2}" is already in protection_groups.db.servers[1]; '
            "a server may be listed once"
        ],
    ),
    "messages that cannot be filled in": (
        {
            "approval": {"recovery": {"message": "{{ waves.Databse.status }}"}},
            "waves/1/pause_before": {"message": "Start {{ wave.name"},
        },
        [
            "waves[1].pause_before.message: is not a message that can be filled in: "
            "unexpected end of template, expected 'end of print statement' (line 1)",
            "approval.recovery.message: \"Databse\" is not a value of waves; did you mean 'Database'?",
        ],
    ),
    "group in no wave": (
        {"protection_groups/spare": {"servers": [APP_2]}},
        ["protection_groups.spare: is in no wave, so its servers would not be recovered"],
    ),
    "unknown group": (
        {"waves/1/groups": ["app", "application-servers"]},
        [
            'waves[1].groups[1]: "application-servers" is not a protection group of this plan '
            "(there is db, app, web)"
        ],
    ),
    "group misspelt": (
        {"waves/2/groups": ["wep"]},
        [
            "protection_groups.web: is in no wave, so its servers would not be recovered",
            "waves[2].groups[0]: \"wep\" is not a protection group of this plan; did you mean 'web'?",
        ],
    ),
    "group in two waves": (
        {"waves/2/groups": ["web", "db"]},
        ['waves[2].groups[1]: "db" is already in waves[0].groups[0]; a group belongs to one wave'],
    ),
    "group twice in a wave": (
        {"waves/2/groups": ["web", "web"]},
        ['waves[2].groups[1]: "web" is already in waves[2].groups[0]; a group belongs to one wave'],
    ),
    "two waves of one name": (
        {"waves/2/name": "Database"},
        ['waves[2].name: "Database" is already the name of waves[0]'],
    ),
    "unknown dependency": (
        {"waves/2/depends_on": ["Databse"]},
        ["waves[2].depends_on[0]: \"Databse\" is not a wave of this plan; did you mean 'Database'?"],
    ),
    "dependency on itself": (
        {"waves/1/depends_on": ["Application"]},
        ['waves[1].depends_on[0]: "Application" depends on itself'],
    ),
    "dependency given twice": (
        {"waves/2/depends_on": ["Database", "Application", "Database"]},
        ['waves[2].depends_on[2]: "Database" is there twice'],
    ),
    "cycle of two": (
        {"waves/0/depends_on": ["Application"]},
        [f"{WAITING}: Database -> Application -> Database {DEFAULT_ORDER}"],
    ),
    "cycle of three": (
        {
            "waves/0/depends_on": ["Web"],
            "waves/1/depends_on": ["Database"],
            "waves/2/depends_on": ["Application"],
        },
        ["waves[0].depends_on: these waves wait for each other: Database -> Web -> Application -> Database"],
    ),
    "two cycles": (
        {
            "protection_groups/more": {"servers": [APP_2]},
            "waves": [
                {"name": "Database", "groups": ["db"], "depends_on": ["Application"]},
                {"name": "Application", "groups": ["app"], "depends_on": ["Database"]},
                {"name": "Web", "groups": ["web"], "depends_on": ["More"]},
                {"name": "More", "groups": ["more"], "depends_on": ["Web"]},
            ],
        },
        [
            "waves[0].depends_on: these waves wait for each other: Database -> Application -> Database",
            "waves[2].depends_on: these waves wait for each other: Web -> More -> Web",
        ],
    ),
    "too many waves": (
        {
            "protection_groups": {f"g{n}": {"tags": {"n": f"{n}"}} for n in range(100)},
            "waves": [{"name": f"Wave {n}", "groups": [f"g{n}"]} for n in range(100)],
        },
        ["waves: has 100 entries; at most 99 are allowed"],
    ),
    "tag given twice": ({"tags": ["payroll", "dr", "payroll"]}, ['tags[2]: "payroll" is there twice']),
    "approver given twice": (
        {"waves/1/pause_before": {"approvers": ["ann", "ann"]}},
        ['waves[1].pause_before.approvers[1]: "ann" is there twice'],
    ),
    "rules beside bad fields": (
        {
            "region": "nowhere",
            "protection_groups/db/servers": [DB_1, "s-1", DB_1],
            "waves/1/timeout": "1h",
            "waves/2/depends_on": ["Web"],
        },
        [
            'region: "nowhere" is not an AWS Region name such as us-east-1',
            'protection_groups.db.servers[1]: "s-1" is not a DRS source server id '
            "(s- and 17 letters or digits)",
            f'protection_groups.db.servers[2]: "{DB_1}" is already in protection_groups.db.servers[0]; '
            "a server may be listed once",
            'waves[1].timeout: "1h" is not a duration (ISO-8601, such as PT15M, PT1H30M or P2D)',
            'waves[2].depends_on[0]: "Web" depends on itself',
        ],
    ),
}


@pytest.mark.parametrize(("changes", "lines"), BROKEN_RULES.values(), ids=BROKEN_RULES)
def test_a_broken_rule_is_told_with_its_place(
    tmp_path: Path, changes: dict[str, Any], lines: list[str]
) -> None:
    path = write_plan(tmp_path / "payroll.yaml", changed(changes))

    assert problems_of(path) == [f"payroll.yaml: {line}" for line in lines]


def test_a_wave_that_cannot_be_read_does_not_make_groups_look_unused(tmp_path: Path) -> None:
    path = write_plan(tmp_path / "payroll.yaml", changed({"waves/1/groups": "app"}))

    assert problems_of(path) == ['payroll.yaml: waves[1].groups: expected a list, found "app"']
