"""What is no plan file whatever it holds, and files that would take all other plans with them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from drs_recovery.cli import main
from drs_recovery.exceptions import PlanError
from drs_recovery.plan.cache import PlanCache, may_hold
from drs_recovery.plan.loader import load_files, load_plan, plan_files
from drs_recovery.plan.yaml_reader import MOST_BYTES
from tests.unit.plan.documents import changed, write_plan

GOOD = """\
schema_version: 1
region: us-east-1
protection_groups: {db: {servers: [s-1111111111111111a]}}
waves: [{name: Database, groups: [db]}]
"""
# A second group, behind the one of GOOD.
WEB = "111a]}, web: {servers: [s-1111111111111111b]}}"


def _fifo(path: Path) -> None:
    os.mkfifo(path)


def _large(path: Path) -> None:
    path.write_text(GOOD + "# " + "x" * MOST_BYTES)


def _link_out(path: Path) -> None:
    secret = path.parent.parent / "secret.txt"
    secret.write_text("aws_secret_access_key = wJalr: [\n")
    path.symlink_to(secret)


def _link_to_a_plan_outside(path: Path) -> None:
    (path.parent.parent / "other.yaml").write_text(GOOD)
    path.symlink_to(path.parent.parent / "other.yaml")


def _circle(path: Path) -> None:
    path.symlink_to(path)


REFUSED: dict[str, tuple[Callable[[Path], None], str]] = {
    "a FIFO": (_fifo, "odd.yaml: is not a regular file"),
    "a device": (lambda path: path.symlink_to("/dev/zero"), "odd.yaml: is a link out of its folder; "),
    "too large": (_large, "odd.yaml: is larger than 1024 KiB"),
    "a link to something else": (
        _link_out,
        "odd.yaml: is a link out of its folder; put the file itself there",
    ),
    "a link to a plan elsewhere": (_link_to_a_plan_outside, "odd.yaml: is a link out of its folder; "),
    "a link to itself": (_circle, "odd.yaml: cannot be read: "),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "plans"
    folder.mkdir()
    write_plan(folder / "good.yaml", changed({"id": "good"}))
    return folder


@pytest.mark.parametrize(("make", "problem"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_plan_file_is_refused_unread_and_no_other_plan_suffers(
    folder: Path, capsys: pytest.CaptureFixture[str], make: Callable[[Path], None], problem: str
) -> None:
    make(folder / "odd.yaml")

    for loaded in (
        load_files(plan_files(folder)),
        PlanCache().load([folder]),
        PlanCache().load([folder], "odd"),
    ):
        assert str(loaded.broken["odd"]).startswith(problem)
        assert "good" in loaded.plans or "odd" in loaded.sources
    assert may_hold(folder / "odd.yaml", "odd")
    assert main(["lint", str(folder)]) == 1
    told = capsys.readouterr().out
    assert problem in told
    assert "secret" not in told.replace("secret.txt", "")
    assert "1 problem in 1 of them" in told


def test_links_inside_the_folder_are_followed_as_kubernetes_mounts_files(folder: Path) -> None:
    version = folder / "..2026_11_30"
    version.mkdir()
    (version / "crm.yaml").write_text(GOOD)
    (folder / "..data").symlink_to(version.name)
    (folder / "crm.yaml").symlink_to("..data/crm.yaml")

    assert sorted(PlanCache().load([folder]).plans) == ["crm", "good"]


def test_a_folder_may_be_a_link_itself(folder: Path) -> None:
    (folder.parent / "current").symlink_to(folder.name)

    assert list(PlanCache().load([folder.parent / "current"]).plans) == ["good"]


@pytest.mark.parametrize("name", ["CRM.YAML", "crm.Yml"])
def test_a_file_is_a_plan_however_its_ending_is_written(folder: Path, name: str) -> None:
    (folder / name).write_text("id: crm\n" + GOOD)

    assert sorted(load_files(plan_files(folder)).plans) == ["crm", "good"]


RAW_ERRORS = {
    "an int of nothing": ("!!int ''", 'line 1: holds "", which is no whole number'),
    "an int of words": ("!!int many", 'line 1: holds "many", which is no whole number: invalid literal'),
    "a float of nothing": ("!!float ''", 'line 1: holds "", which is no number'),
    "a bool of words": ("!!bool maybe", 'line 1: holds "maybe", which is no true or false'),
    "a date of words": ("!!timestamp soon", 'line 1: holds "soon", which is no date'),
    "a day of another calendar": (
        "2026-02-30",
        'line 1: holds "2026-02-30", which is no date: day is out of range',
    ),
    "binary data": ("!!binary 'YQ=='", "owner: expected text, found "),
    "a number of thousands of digits": ("0x" + "f" * 3572, "owner: 0xffff"),
    "a decimal of thousands of digits": ("9" * 5000, 'line 1: holds "999'),
    "half a character": ('"\\ud800"', "line 1: "),
    "not a number": (".nan", "owner: .nan is a number"),
    "a set": ("!!set {a, b}", "owner: expected text, found a list"),
    "an ordered map": ("!!omap [a: 1]", "owner: expected text, found a list"),
    "a Python object": ("!!python/object:os.system {}", "line 1: is not valid YAML"),
}


@pytest.mark.parametrize(("value", "problem"), RAW_ERRORS.values(), ids=RAW_ERRORS)
def test_a_value_that_yaml_cannot_make_is_that_plans_problem_only(
    folder: Path, value: str, problem: str
) -> None:
    (folder / "odd.yaml").write_text(f"owner: {value}\n{GOOD}")

    loaded = load_files(plan_files(folder))

    assert list(loaded.plans) == ["good"]
    assert str(loaded.broken["odd"]).startswith(f"odd.yaml: {problem}"), str(loaded.broken["odd"])


@pytest.mark.parametrize("field", ["schema_version", "waves", "id", "name", "region", "schedule", "tags"])
def test_a_huge_number_anywhere_is_that_plans_problem_only(folder: Path, field: str) -> None:
    lines = [line for line in GOOD.splitlines() if not line.startswith(f"{field}:")]
    (folder / "odd.yaml").write_text("\n".join([*lines, f"{field}: 0x{'f' * 3572}"]))

    loaded = load_files(plan_files(folder))

    assert list(loaded.plans) == ["good"]
    assert str(loaded.broken["odd"]).startswith(f"odd.yaml: {field}: ")


def test_what_nobody_foresaw_is_that_plans_problem_only(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "odd.yaml").write_text(GOOD)
    with monkeypatch.context() as patch:
        patch.setattr("drs_recovery.plan.loader.read_yaml", _failing_for_odd)
        loaded = load_files(plan_files(folder))

    assert list(loaded.plans) == ["good"]
    assert str(loaded.broken["odd"]) == "odd.yaml: cannot be read as a plan (MemoryError: no room)"


def _failing_for_odd(path: Path) -> object:
    from drs_recovery.plan.yaml_reader import read_yaml

    if path.name == "odd.yaml":
        raise MemoryError("no room")
    return read_yaml(path)


@pytest.mark.parametrize(
    ("written", "advice"),
    [
        ("012345670123", 'is a number; put it in quotes: "012345670123"'),
        ("1:30", 'is a number; put it in quotes: "1:30"'),
        ("1_000", 'is a number; put it in quotes: "1_000"'),
        ("0x1F", 'is a number; put it in quotes: "0x1F"'),
        ("1.10", 'is a number; put it in quotes: "1.10"'),
        ("1e3_0.0", None),
        ("2026-11-30", 'as a date; put it in quotes: "2026-11-30"'),
        ("2026-11-30T03:00:00Z", 'as a date; put it in quotes: "2026-11-30T03:00:00Z"'),
    ],
)
def test_advice_quotes_the_words_of_the_file(tmp_path: Path, written: str, advice: str | None) -> None:
    path = tmp_path / "crm.yaml"
    path.write_text(GOOD.replace("{servers: [s-1111111111111111a]}", f"{{tags: {{a: {written}}}}}"))

    if advice is None:
        assert load_plan(path).protection_groups["db"].tags == {"a": written}
        return
    with pytest.raises(PlanError) as caught:
        load_plan(path)
    assert str(caught.value).endswith(advice)
    assert str(caught.value).startswith("crm.yaml: protection_groups.db.tags.a: ")


def test_an_empty_tag_value_is_one_that_aws_allows(tmp_path: Path) -> None:
    path = tmp_path / "crm.yaml"
    path.write_text(GOOD.replace("{servers: [s-1111111111111111a]}", '{tags: {dr: ""}}'))

    assert load_plan(path).protection_groups["db"].tags == {"dr": ""}


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Data\u200bbase", "Data\\u200bbase"),
        ("Data\u00a0base", "Data\\u00a0base"),
        ("Cafe\u0301", "Cafe\\u0301"),
        ("D\u0430tabase", "D\\u0430tabase"),
        ("Data\u202ebase", "Data\\u202ebase"),
    ],
)
def test_what_hides_or_looks_alike_is_shown_as_such(tmp_path: Path, name: str, shown: str) -> None:
    path = tmp_path / "crm.yaml"
    wanted = {"Cafe\u0301": "Caf\u00e9"}.get(name, "Database")
    waves = f"waves: [{{name: '{name}', groups: [db]}}, {{name: Web, groups: [web], depends_on: [{wanted}]}}]"
    text = GOOD.replace("waves: [{name: Database, groups: [db]}]", waves)
    path.write_text(
        text.replace("111a]}}", "111a]}, web: {servers: [s-1111111111111111b]}}"), encoding="utf-8"
    )

    with pytest.raises(PlanError) as caught:
        load_plan(path)

    assert shown in str(caught.value)
    assert str(caught.value).startswith("crm.yaml: waves[1].depends_on[0]: ")


@pytest.mark.parametrize(
    ("cron", "problem"),
    [
        ("*/90 * * * *", "has a step of 90 in 60 minutes: it would not run every 90 minutes"),
        ("0 */25 * * *", "has a step of 25 in 24 hours"),
        ("0 0 */40 * *", "has a step of 40 in 31 days of the month"),
        ("0 0 1 */13 *", "has a step of 13 in 12 months"),
        ("0 0 * * */8", "has a step of 8 in 7 weekdays"),
        ("10-20/30 * * * *", "has a step of 30 in 11 minutes"),
        ("5,*/90 * * * *", "has a step of 90 in 60 minutes"),
    ],
)
def test_a_step_larger_than_its_field_is_refused(tmp_path: Path, cron: str, problem: str) -> None:
    (tmp_path / "crm.yaml").write_text(GOOD + f"schedule: {{cron: '{cron}'}}\n")

    with pytest.raises(PlanError) as caught:
        load_plan(tmp_path / "crm.yaml")

    assert f'schedule.cron: "{cron}" {problem}' in str(caught.value)


@pytest.mark.parametrize(
    "cron", ["*/60 * * * *", "0 */24 * * *", "*/45 * * * *", "10-20/5 * * * *", "0 3 */2 * *"]
)
def test_a_step_that_fits_is_none_of_our_business(tmp_path: Path, cron: str) -> None:
    (tmp_path / "crm.yaml").write_text(GOOD + f"schedule: {{cron: '{cron}'}}\n")

    schedule = load_plan(tmp_path / "crm.yaml").schedule

    assert schedule is not None
    assert schedule.cron == cron


def test_a_wave_must_not_be_named_as_the_number_of_another_one(tmp_path: Path) -> None:
    two = GOOD.replace("111a]}}", WEB)
    (tmp_path / "bad.yaml").write_text(
        two.replace(
            "[{name: Database, groups: [db]}]", "[{name: '2', groups: [db]}, {name: '0', groups: [web]}]"
        )
    )
    (tmp_path / "good.yaml").write_text(
        two.replace(
            "[{name: Database, groups: [db]}]", "[{name: '1', groups: [db]}, {name: '3', groups: [web]}]"
        )
    )

    with pytest.raises(PlanError) as caught:
        load_plan(tmp_path / "bad.yaml")

    assert str(caught.value) == 'bad.yaml: waves[0].name: "2" is the number of another wave; name it in words'
    assert [wave.name for wave in load_plan(tmp_path / "good.yaml").waves] == ["1", "3"]


def test_a_plan_that_no_record_has_room_for_is_refused(tmp_path: Path) -> None:
    servers = ", ".join(f"s-{number:017d}" for number in range(6000))
    (tmp_path / "crm.yaml").write_text(GOOD.replace("s-1111111111111111a", servers))

    with pytest.raises(PlanError) as caught:
        load_plan(tmp_path / "crm.yaml")

    assert str(caught.value).startswith(
        "crm.yaml: is too large: an execution keeps its plan in its record, which "
    )


def test_unknown_regions_are_a_warning_that_says_what_was_meant(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "crm.yaml").write_text(GOOD.replace("us-east-1", "us-esat-1"))

    assert main(["lint", str(tmp_path)]) == 0

    assert capsys.readouterr().out.splitlines() == [
        'warning: crm.yaml: protection_groups.db.region: "us-esat-1" is not a Region that botocore knows; '
        "did you mean 'us-east-1'?",
        "1 plan, no problems, 1 warning",
    ]
