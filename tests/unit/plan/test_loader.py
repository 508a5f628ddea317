"""Directories of plan files: what is found, and how a broken plan leaves the others alone."""

import socket
import time
from pathlib import Path

import pytest

from drs_recovery.exceptions import PlanError
from drs_recovery.plan.cache import load_plans
from drs_recovery.plan.loader import load_files, load_plan, plan_files
from tests.unit.plan.documents import GONE, changed, write_plan

PROJECT = Path(__file__).resolve().parents[3]
NO_YAML = "name: [\n"


def write(directory: Path, name: str, **changes: object) -> Path:
    return write_plan(directory / name, changed(changes))


def test_the_id_is_the_files_stem_unless_it_is_written(tmp_path: Path) -> None:
    write(tmp_path, "first.yaml", id=GONE)
    write(tmp_path, "second.yml", id="other")

    loaded = load_plans([tmp_path])

    assert list(loaded.plans) == ["first", "other"]
    assert loaded.sources == {"first": tmp_path / "first.yaml", "other": tmp_path / "second.yml"}
    assert loaded.broken == {}


def test_only_visible_yaml_files_of_the_directory_itself_are_plans(tmp_path: Path) -> None:
    for name in ("b.yml", "a.yaml", ".hidden.yaml", "notes.md", "c.yaml~", "d.yaml.bak"):
        (tmp_path / name).touch()
    (tmp_path / "archive.yaml").mkdir()
    (tmp_path / "archive.yaml" / "old.yaml").touch()

    assert [path.name for path in plan_files(tmp_path)] == ["a.yaml", "b.yml"]


def test_a_directory_that_is_not_there_is_one_problem(tmp_path: Path) -> None:
    with pytest.raises(PlanError) as caught:
        load_plans([tmp_path / "plans"])

    assert str(caught.value) == f"{tmp_path}/plans: cannot list plans: No such file or directory"


def test_an_empty_directory_holds_no_plans(tmp_path: Path) -> None:
    assert load_plans([tmp_path]).sources == {}


def test_a_broken_plan_leaves_the_others_alone(tmp_path: Path) -> None:
    write(tmp_path, "bad.yaml", id="bad", region="nowhere")
    write(tmp_path, "good.yaml", id="good")

    loaded = load_plans([tmp_path])

    assert list(loaded.plans) == ["good"]
    assert list(loaded.broken) == ["bad"]
    assert str(loaded.broken["bad"]).startswith("bad.yaml: region: ")
    assert loaded.sources["bad"] == tmp_path / "bad.yaml"


def test_a_broken_link_is_a_broken_plan(tmp_path: Path) -> None:
    (tmp_path / "payroll.yaml").symlink_to(tmp_path / "nowhere.yaml")

    loaded = load_plans([tmp_path])

    assert str(loaded.broken["payroll"]) == "payroll.yaml: cannot be read: No such file or directory"


def test_an_id_claimed_by_two_files_is_told_for_each_and_neither_plan_is_used(tmp_path: Path) -> None:
    write(tmp_path, "a.yaml", id="crm")
    write(tmp_path, "b.yaml", id="crm", region="nowhere")
    write(tmp_path, "c.yaml", id="other")

    loaded = load_plans([tmp_path])

    assert list(loaded.plans) == ["other"]
    assert str(loaded.broken["crm"]).splitlines() == [
        'a.yaml: id: "crm" is also the id of the plan in b.yaml',
        'b.yaml: id: "crm" is also the id of the plan in a.yaml',
        'b.yaml: region: "nowhere" is not an AWS Region name such as us-east-1',
    ]


def test_a_plan_that_is_no_yaml_is_kept_under_the_id_that_can_be_read_in_it(tmp_path: Path) -> None:
    (tmp_path / "draft.yaml").write_text(f"id: crm  # ours\n{NO_YAML}", encoding="utf-8")

    assert list(load_plans([tmp_path]).broken) == ["crm"]


def test_a_plan_that_is_no_yaml_never_takes_the_place_of_another(tmp_path: Path) -> None:
    write(tmp_path, "a.yaml", id="crm")
    (tmp_path / "crm.yaml").write_text(NO_YAML, encoding="utf-8")
    (tmp_path / "CRM copy.yaml").write_text(f"id: crm\n{NO_YAML}", encoding="utf-8")
    (tmp_path / "crm copy!.yaml").write_text(NO_YAML, encoding="utf-8")
    (tmp_path / "データ.yaml").write_text(NO_YAML, encoding="utf-8")

    loaded = load_plans([tmp_path])

    assert list(loaded.plans) == ["crm"]
    assert {key: loaded.sources[key].name for key in loaded.broken} == {
        "crm-copy": "CRM copy.yaml",
        "crm-copy-2": "crm copy!.yaml",
        "crm-2": "crm.yaml",
        "plan": "データ.yaml",
    }


def test_files_of_several_directories_can_be_read_as_one_set(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        write(tmp_path / name, "crm.yaml", id="crm")

    loaded = load_files([tmp_path / "one" / "crm.yaml", tmp_path / "two" / "crm.yaml"])

    assert len(loaded.broken["crm"].problems) == 2


@pytest.mark.parametrize("path", plan_files(PROJECT / "include" / "plans"), ids=lambda path: path.stem)
def test_each_sample_plan_is_good_and_names_the_schema(path: Path) -> None:
    assert load_plan(path).id == path.stem
    assert path.read_text(encoding="utf-8").startswith(
        "# yaml-language-server: $schema=../plan.schema.json\n"
    )


def test_fifty_plans_are_read_in_under_five_seconds_without_a_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sample = (PROJECT / "include" / "plans" / "two-region-web.yaml").read_text(encoding="utf-8")
    for number in range(50):
        (tmp_path / f"plan-{number}.yaml").write_text(sample, encoding="utf-8")

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a plan must be read without a network")

    monkeypatch.setattr(socket, "socket", refuse)
    started = time.perf_counter()
    loaded = load_plans([tmp_path])

    assert time.perf_counter() - started < 5
    assert len(loaded.plans) == 50


def test_a_problem_stays_one_line_whatever_the_file_is_called(tmp_path: Path) -> None:
    (tmp_path / "pay\nroll\x1b[31m\udcff.yaml").touch()

    (error,) = load_plans([tmp_path]).broken.values()

    assert str(error) == "pay\\u000aroll\\u001b[31m\\udcff.yaml: is empty; expected a plan"
