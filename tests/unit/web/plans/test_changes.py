"""What is told of the changes of a plan, and that none is ever left out."""

import copy
import random
from typing import Any

import pytest
from pydantic import ValidationError

from drs_recovery.plan.model import RecoveryPlan
from drs_recovery.web.plans.changes import ChangeState, PlanChanges, plan_changes
from tests.plan_documents import BILLING_DB_1, DB_1, DB_2, application, database, plan, web
from tests.unit.plan.documents import changed
from tests.unit.plan.test_plan import FULL

SCRIPT = '<script>alert("x")</script>'
BASE = plan(
    database(timeout="PT90M"),
    application(pause_before={"approvers": ["dba-lead"]}),
    web(),
    objectives={"rto": "PT1H"},
)


def drill_of(document: dict[str, Any]) -> dict[str, Any]:
    drilled = RecoveryPlan.model_validate(document)
    return {"planHash": drilled.digest(), "planSnapshot": drilled.model_dump(mode="json")}


def between(before: dict[str, Any], after: dict[str, Any]) -> PlanChanges:
    return plan_changes(RecoveryPlan.model_validate(after), drill_of(before))


def lines(found: PlanChanges) -> list[str]:
    return [f"{one.place}: {one.what}" for one in (*found.changes, *found.texts)]


def edited(**fields: Any) -> dict[str, Any]:
    return {**copy.deepcopy(BASE), **fields}


def edited_wave(index: int, **fields: Any) -> dict[str, Any]:
    document = copy.deepcopy(BASE)
    document["waves"][index].update(fields)
    return document


def edited_group(name: str, **fields: Any) -> dict[str, Any]:
    document = copy.deepcopy(BASE)
    document["protection_groups"][name] = fields
    return document


@pytest.mark.parametrize(
    ("after", "told"),
    [
        (edited_wave(0, timeout="PT30M"), "Wave 1 Database: timeout 1 h 30 min → 30 min"),
        (edited_wave(2, on_failure="ask"), "Wave 3 Web: on failure stop → ask"),
        (edited_wave(2, success_when="50%"), "Wave 3 Web: success when critical → 50%"),
        (
            edited_wave(2, depends_on=["Database"]),
            "Wave 3 Web: waits for wave 2 Application → wave 1 Database",
        ),
        (edited_wave(2, depends_on=[]), "Wave 3 Web: waits for wave 2 Application → no wave"),
        (edited_wave(1, name="App"), "Wave 2 App: name Application → App"),
        (
            edited_wave(1, pause_before={"approvers": ["ann"]}),
            "Wave 2 Application: gate: approvers dba-lead → ann",
        ),
        (
            edited_wave(1, pause_before=True),
            "Wave 2 Application: gate: approvers dba-lead → everyone who may trigger the plan",
        ),
        (edited(objectives={}), "Plan: objective RTO removed, before: 1 h"),
        (edited(objectives={"rto": "PT1H", "rpo": "PT5M"}), "Plan: objective RPO added: 5 min"),
        (edited(drill={"terminate_after": "never"}), "Plan: cleanup of drill instances after 2 h → never"),
        (edited(region="us-west-1"), "Plan: Region us-east-1 → us-west-1"),
        (
            edited_group("database", servers=[DB_1, DB_2, {"id": BILLING_DB_1, "critical": False}]),
            f"Group database: server {BILLING_DB_1} (not critical) added",
        ),
        (edited_group("database", servers=[DB_1]), f"Group database: server {DB_2} (critical) removed"),
        (
            edited_group("database", servers=[DB_1, {"id": DB_2, "critical": False}]),
            f"Group database: server {DB_2}: critical yes → no",
        ),
    ],
)
def test_a_change_is_told_with_its_place(after: dict[str, Any], told: str) -> None:
    found = between(BASE, after)

    assert told in [f"{one.place}: {one.what}" for one in found.changes]
    assert found.state is ChangeState.CHANGED


def test_a_change_of_one_server_is_one_line() -> None:
    found = between(BASE, edited_group("database", servers=[DB_1]))

    assert lines(found) == [f"Group database: server {DB_2} (critical) removed"]
    assert found.sentence == "1 change since the last good drill"


def test_a_new_gate_is_told_with_who_answers_it() -> None:
    (line,) = lines(between(BASE, edited_wave(0, pause_before={"approvers": ["ann"], "timeout": "PT2H"})))

    assert line.startswith("Wave 1 Database: gate added: ")
    assert "approvers ann" in line
    assert "2 h" in line


def test_no_more_gate_before_a_real_recovery_is_told() -> None:
    (line,) = lines(between(BASE, edited(approval={"recovery": False})))

    assert line.startswith("Plan: gate before a real recovery removed")


def test_an_order_of_waves_is_told_by_the_wave_that_moved_and_by_what_waits_for_what() -> None:
    database_wave, application_wave, web_wave = BASE["waves"]

    found = lines(between(BASE, edited(waves=[web_wave, database_wave, application_wave])))

    assert "Wave 1 Web: moved before wave 2 Database" in found
    assert "Wave 1 Web: waits for wave 3 Application → no wave" in found
    assert "Wave 2 Database: waits for no wave → wave 1 Web" in found
    assert len(found) == 3


def test_a_wave_that_goes_last_is_told_so() -> None:
    first, second, third = (
        {**wave, "depends_on": []} for wave in (database(name="A"), application(name="B"), web(name="C"))
    )

    found = between(plan(first, second, third), plan(second, third, first))

    assert lines(found) == ["Wave 3 A: moved to the end"]


def test_a_wave_more_and_a_wave_less_are_told() -> None:
    two, three = plan(database(), application()), plan(database(), application(), web())

    assert "Wave 3 Web: added, with web" in lines(between(two, three))
    assert "Wave 3 Web (earlier): removed, with web" in lines(between(three, two))


def test_a_group_by_tags_instead_of_by_list_is_told() -> None:
    found = lines(between(BASE, edited_group("web", tags={"dr:tier": "web"})))

    assert "Group web: tags added: dr:tier web" in found
    assert any(line.startswith("Group web: servers removed, before: s-") for line in found)


@pytest.mark.parametrize(
    "after",
    [
        edited(name="CRM of Europe"),
        edited(description="Something else"),
        edited(owner="crm-team"),
        edited(tags=["tier-1"]),
        edited_group("database", servers=[DB_2, DB_1]),
        edited_wave(1, depends_on=["Database"]),
    ],
)
def test_what_changes_nothing_of_a_recovery_is_told_apart(after: dict[str, Any]) -> None:
    found = between(BASE, after)

    assert found.state is ChangeState.ONLY_TEXTS
    assert not found.changes
    assert len(found.texts) == 1


def test_arguments_of_a_notifier_are_compared_but_not_shown() -> None:
    def notified(password: str) -> dict[str, Any]:
        arguments = {"password": password}
        return edited(notify={"notifiers": [{"class": "mail.Notifier", "arguments": arguments}]})

    (line,) = lines(between(notified("first-secret"), notified("second-secret")))

    assert line.startswith("Plan: notifiers changed")
    assert "secret" not in line


def test_seconds_that_words_would_leave_out_are_told() -> None:
    assert lines(between(edited_wave(0, timeout="PT1H"), edited_wave(0, timeout="PT1H5S"))) == [
        "Wave 1 Database: timeout 1 h → PT1H5S"
    ]


def test_texts_that_begin_alike_are_told_although_they_are_cut_off() -> None:
    long = "x" * 1000

    (line,) = lines(between(edited(description=f"{long}a"), edited(description=f"{long}b")))

    assert line.startswith("Plan: description changed: xxx")
    assert len(line) < 250


def test_markup_in_a_plan_stays_text() -> None:
    found = between(BASE, edited_wave(0, name=SCRIPT))

    assert f"Wave 1 {SCRIPT}: name Database → {SCRIPT}" in lines(found)


def test_the_same_plan_is_unchanged() -> None:
    assert between(BASE, BASE) == PlanChanges(ChangeState.UNCHANGED, "Unchanged since the last good drill")


def test_the_same_plan_with_a_digest_of_another_version_is_unchanged() -> None:
    drill = {**drill_of(BASE), "planHash": "of another version"}

    assert plan_changes(RecoveryPlan.model_validate(BASE), drill).state is ChangeState.UNCHANGED


def test_a_plan_of_the_drill_that_cannot_be_read_is_no_unchanged_plan() -> None:
    drill = {"planHash": "abc", "planSnapshot": {"id": "crm", "waves": []}}

    assert plan_changes(RecoveryPlan.model_validate(BASE), drill).state is ChangeState.UNKNOWN


def test_a_broken_plan_is_no_unchanged_plan() -> None:
    assert plan_changes(None, drill_of(BASE)).state is ChangeState.UNKNOWN


def test_without_a_good_drill_there_is_nothing_to_compare_with() -> None:
    assert plan_changes(RecoveryPlan.model_validate(BASE), None).state is ChangeState.NEVER_DRILLED


def places(value: Any) -> list[tuple[Any, ...]]:
    children: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        children = list(value.items())
    if isinstance(value, list):
        children = list(enumerate(value))
    return [(key, *rest) for key, child in children for rest in ((), *places(child))]


# One of them is valid in the place of every text, number and switch of a plan.
OTHER_VALUES: tuple[Any, ...] = (
    *(None, True, False, 1, 2, 404, [], {}, ["other"], {"other": "other"}, [{"tcp_probe": {"port": 1}}]),
    *(
        "other",
        "now",
        "latest",
        "all",
        "continue",
        "stop",
        "drill",
        "recovery",
        "ssm",
        "POST",
        "PT7M",
        "us-west-1",
        "@daily",
        "a.b.C",
        "high",
    ),
    *("Europe/Vienna", "s-9999999999999999z", "2024-01-31T03:00:00Z", "http://other", "cancel"),
    *("{{ server.hostname }}", "https://{{ server.private_ip }}/other"),
    "arn:aws:sns:us-east-1:123456789012:other",
)


def value_at(document: Any, place: tuple[Any, ...]) -> Any:
    for part in place:
        document = document[part]
    return document


def with_value(document: dict[str, Any], place: tuple[Any, ...], value: Any) -> dict[str, Any]:
    spoiled = copy.deepcopy(document)
    target: Any = spoiled
    for part in place[:-1]:
        target = target[part]
    target[place[-1]] = value
    return spoiled


def other_plans(document: dict[str, Any], place: tuple[Any, ...]) -> list[RecoveryPlan]:
    """Every good plan that differs in this one place."""
    found = []
    for value in OTHER_VALUES:
        try:
            other = RecoveryPlan.model_validate(with_value(document, place, value))
        except ValidationError:
            continue
        if other.model_dump(mode="json") != document:
            found.append(other)
    return found


# What cannot change alone: references and what they refer to, and the two keys that have one value only.
FIXED = {
    ("schema_version",),
    ("approval", "recovery", "on_timeout"),
    *(("waves", number, "groups", 0) for number in range(3)),
    *(("waves", number, "name") for number in range(2)),
    *(("waves", 2, "depends_on", number) for number in range(2)),
    ("waves", 2, "after", 0, "servers", 0),
}


def test_whatever_is_edited_there_is_a_line() -> None:
    full = RecoveryPlan.model_validate(changed(FULL))
    document = full.model_dump(mode="json")
    drill = {"planHash": full.digest(), "planSnapshot": document}
    untried = []

    for place in places(document):
        others = other_plans(document, place)
        for other in others:
            assert lines(plan_changes(other, drill)), (place, other)
        is_written = not isinstance(value_at(document, place), (dict, list, type(None)))
        if is_written and not others:
            untried.append(place)

    assert set(untried) == FIXED


@pytest.mark.parametrize("seed", range(30))
def test_after_any_number_of_edits_there_are_lines_both_ways(seed: int) -> None:
    chance = random.Random(seed)
    before = RecoveryPlan.model_validate(changed(FULL))
    after = before
    for _ in range(chance.randint(1, 6)):
        document = after.model_dump(mode="json")
        others = other_plans(document, chance.choice(places(document)))
        after = chance.choice(others) if others else after

    forth = plan_changes(after, drill_of(before.model_dump(mode="json")))
    back = plan_changes(before, drill_of(after.model_dump(mode="json")))

    assert bool(lines(forth)) is bool(lines(back)) is (before != after)
