"""Looking for one plan among many: what is left unparsed, and that the answer is that of all files."""

from pathlib import Path

import pytest

from drs_recovery.plan.cache import load_plans, may_hold
from tests.unit.plan.documents import GONE, changed, write_plan

NO_YAML = "name: [\n"


def write(directory: Path, name: str, **changes: object) -> Path:
    return write_plan(directory / name, changed(changes))


def rewrite_id(path: Path, written: str) -> None:
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("id: crm\n", f"{written}\n"), encoding="utf-8")


def test_one_plan_is_found_without_the_others(tmp_path: Path) -> None:
    write(tmp_path, "a.yaml", id="crm")
    write(tmp_path, "billing.yaml", id=GONE)
    write(tmp_path, "c.yaml", id="other")

    assert list(load_plans([tmp_path], only_id="crm").sources) == ["crm"]
    assert list(load_plans([tmp_path], only_id="billing").sources) == ["billing"]


def test_a_file_that_only_speaks_of_the_plan_is_left_alone(tmp_path: Path) -> None:
    write(tmp_path, "a.yaml", id="crm")
    write(tmp_path, "b.yaml", id="crm-2", description="id of crm", owner="crm")
    write(tmp_path, "web.yaml", id=GONE, tags=["crm"])

    assert list(load_plans([tmp_path], only_id="crm").sources) == ["crm"]


@pytest.mark.parametrize(
    "written",
    [
        "'id': \"crm\"",
        "id:\n  crm",
        "id: !!str crm",
        "id: &name crm",
        "id: >-\n  crm",
        'id: "\\x63rm"',
        "id: crm# not a comment\nid: crm",
        "? id\n: crm",
    ],
)
def test_a_plan_is_seen_however_yaml_lets_its_id_be_written(tmp_path: Path, written: str) -> None:
    path = write(tmp_path, "a.yaml", id="crm")
    rewrite_id(path, written)
    write(tmp_path, "b.yaml", id="other")

    assert may_hold(path, "crm")
    assert list(load_plans([tmp_path], only_id="crm").sources) == ["crm"]


def test_a_plan_in_braces_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("{schema_version: 1, id: crm}", encoding="utf-8")

    assert may_hold(path, "crm")


def test_a_file_that_cannot_be_read_may_hold_any_plan(tmp_path: Path) -> None:
    assert may_hold(tmp_path / "gone.yaml", "crm")


def test_looking_for_one_plan_still_sees_that_two_files_claim_its_id(tmp_path: Path) -> None:
    write(tmp_path, "crm.yaml", id=GONE)
    write(tmp_path, "b.yaml", id="crm")

    loaded = load_plans([tmp_path], only_id="crm")

    assert loaded.plans == {}
    assert len(loaded.broken["crm"].problems) == 2


def test_looking_for_one_plan_falls_back_to_all_files(tmp_path: Path) -> None:
    rewrite_id(write(tmp_path, "a.yaml", id="crm"), '"\\x69d": crm')
    write(tmp_path, "b.yaml", id="other")

    assert sorted(load_plans([tmp_path], only_id="crm").plans) == ["crm", "other"]


@pytest.mark.parametrize("key", ["crm", "crm-2", "crm-copy", "crm-copy-2"])
def test_looking_for_a_broken_plan_gives_it_the_same_key_as_before(tmp_path: Path, key: str) -> None:
    write(tmp_path, "a.yaml", id="crm")
    for name in ("crm.yaml", "CRM copy.yaml", "crm copy!.yaml"):
        (tmp_path / name).write_text(NO_YAML, encoding="utf-8")

    assert load_plans([tmp_path], only_id=key).sources[key] == load_plans([tmp_path]).sources[key]
