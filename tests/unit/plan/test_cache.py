"""Plans that are kept between two looks are those of the files, whatever happens to the files."""

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from drs_recovery.exceptions import PlanError
from drs_recovery.plan import cache as cache_module
from drs_recovery.plan.cache import PlanCache, load_plans
from drs_recovery.plan.loader import PlanFile, load_files, plan_files, read_plan_file
from tests.unit.plan.documents import GONE, changed, write_plan


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Names of the files that are parsed."""
    names: list[str] = []

    def counting(path: Path) -> PlanFile:
        names.append(path.name)
        return read_plan_file(path)

    monkeypatch.setattr(cache_module, "read_plan_file", counting)
    return names


def plan_at(directory: Path, stem: str, /, **changes: object) -> Path:
    return write_plan(directory / f"{stem}.yaml", changed({"id": stem, **changes}))


@pytest.fixture(autouse=True)
def files_are_not_new(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of a test have just been written; the caution with those has a test of its own."""
    monkeypatch.setattr(cache_module, "_TICK_NS", 0)


def test_a_second_look_parses_nothing(tmp_path: Path, parsed: list[str]) -> None:
    plan_at(tmp_path, "a")
    plan_at(tmp_path, "b", waves=[])
    cache = PlanCache()

    first, second = cache.load([tmp_path]), cache.load([tmp_path])

    assert parsed == ["a.yaml", "b.yaml"]
    assert (list(first.plans), list(first.broken)) == (["a"], ["b"])
    assert first.plans["a"] is second.plans["a"]
    assert second.broken["b"].problems == first.broken["b"].problems


def test_only_a_changed_file_is_parsed_again(tmp_path: Path, parsed: list[str]) -> None:
    plan_at(tmp_path, "a")
    plan_at(tmp_path, "b")
    cache = PlanCache()
    cache.load([tmp_path])
    plan_at(tmp_path, "b", name="New name")

    found = cache.load([tmp_path])

    assert parsed == ["a.yaml", "b.yaml", "b.yaml"]
    assert found.plans["b"].name == "New name"


def test_a_file_that_is_only_written_again_is_not_parsed_again(tmp_path: Path, parsed: list[str]) -> None:
    path = plan_at(tmp_path, "a")
    cache = PlanCache()
    cache.load([tmp_path])
    other = tmp_path / "other"
    other.write_bytes(path.read_bytes())
    other.replace(path)

    cache.load([tmp_path])

    assert parsed == ["a.yaml"]


def test_another_file_of_the_same_time_and_size_is_noticed(tmp_path: Path) -> None:
    path = plan_at(tmp_path, "a", name="Name 1")
    before = path.stat()
    cache = PlanCache()
    cache.load([tmp_path])
    other = write_plan(tmp_path / "other", changed({"id": "a", "name": "Name 2"}))
    other.replace(path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

    assert path.stat().st_size == before.st_size
    assert cache.load([tmp_path]).plans["a"].name == "Name 2"


def test_the_times_of_a_file_that_has_just_changed_prove_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.time_ns()
    monkeypatch.setattr(cache_module, "_TICK_NS", 3600 * 10**9)
    monkeypatch.setattr(cache_module, "_signature", lambda _: (now, now, 0, 0))
    plan_at(tmp_path, "a", name="Name 1")
    cache = PlanCache()
    cache.load([tmp_path])
    plan_at(tmp_path, "a", name="Name 2")

    assert cache.load([tmp_path]).plans["a"].name == "Name 2"


def test_a_file_that_went_is_no_plan_any_more(tmp_path: Path) -> None:
    path = plan_at(tmp_path, "a")
    plan_at(tmp_path, "b")
    cache = PlanCache()
    cache.load([tmp_path])
    path.unlink()

    assert list(cache.load([tmp_path]).plans) == ["b"]


def test_a_file_that_is_mended_is_a_plan(tmp_path: Path) -> None:
    plan_at(tmp_path, "a", waves=GONE)
    cache = PlanCache()
    broken = cache.load([tmp_path])
    plan_at(tmp_path, "a")

    mended = cache.load([tmp_path])

    assert (list(broken.plans), list(broken.broken)) == ([], ["a"])
    assert (list(mended.plans), list(mended.broken)) == (["a"], [])


def test_the_result_is_that_of_the_loader_also_for_ids_that_are_there_twice(tmp_path: Path) -> None:
    plan_at(tmp_path, "a")
    write_plan(tmp_path / "again.yaml", changed({"id": "a"}))
    write_plan(tmp_path / "no-list.yaml", ["a", "b"])
    (tmp_path / "odd.yaml").write_text("id: odd-plan\nwaves: [\n", encoding="utf-8")
    (tmp_path / "odd2.yaml").write_text("id: odd-plan\nwaves: [\n", encoding="utf-8")
    cache = PlanCache()

    for _ in range(2):
        found, expected = cache.load([tmp_path]), load_files(plan_files(tmp_path))
        assert found.plans == expected.plans
        assert found.sources == expected.sources
        assert {key: error.problems for key, error in found.broken.items()} == {
            key: error.problems for key, error in expected.broken.items()
        }
        assert set(found.broken) == {"a", "no-list", "odd-plan", "odd2"}


def test_a_second_file_with_an_id_breaks_both_and_mends_when_it_goes(tmp_path: Path) -> None:
    plan_at(tmp_path, "a")
    cache = PlanCache()
    cache.load([tmp_path])
    second = write_plan(tmp_path / "second.yaml", changed({"id": "a"}))
    both = cache.load([tmp_path])
    second.unlink()

    assert list(both.broken) == ["a"]
    assert list(cache.load([tmp_path]).plans) == ["a"]


def test_a_folder_that_is_not_there_is_told_as_by_the_loader(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="cannot list plans: No such file or directory"):
        PlanCache().load([tmp_path / "nowhere"])


def test_a_file_that_goes_while_it_is_read_is_a_problem_and_is_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = plan_at(tmp_path, "a")
    content = path.read_bytes()

    def going(path: Path) -> PlanFile:
        path.unlink()
        return read_plan_file(path)

    cache = PlanCache()
    with monkeypatch.context() as patch:
        patch.setattr(cache_module, "read_plan_file", going)
        gone = cache.load([tmp_path])
    path.write_bytes(content)

    assert [problem.message for problem in gone.broken["a"].problems] == [
        "cannot be read: No such file or directory"
    ]
    assert list(cache.load([tmp_path]).plans) == ["a"]


def test_a_file_that_changes_while_it_is_read_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = plan_at(tmp_path, "a", name="Before")
    before = path.read_bytes()

    def changing(path: Path) -> PlanFile:
        plan_at(tmp_path, "a", name="Meanwhile")
        return read_plan_file(path)

    cache = PlanCache()
    with monkeypatch.context() as patch:
        patch.setattr(cache_module, "read_plan_file", changing)
        cache.load([tmp_path])
    path.write_bytes(before)

    assert cache.load([tmp_path]).plans["a"].name == "Before"


def test_many_threads_parse_each_file_once(tmp_path: Path, parsed: list[str]) -> None:
    for number in range(5):
        plan_at(tmp_path, f"p{number}")
    cache, found = PlanCache(), []
    threads = [threading.Thread(target=lambda: found.append(cache.load([tmp_path]))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(parsed) == 5
    assert [list(one.plans) for one in found] == [[f"p{number}" for number in range(5)]] * 8


def test_one_plan_is_parsed_alone_and_kept_for_those_who_need_all(tmp_path: Path, parsed: list[str]) -> None:
    for name in ("crm", "crm2", "web"):
        plan_at(tmp_path, name, description="Behind crm, before web")
    cache = PlanCache()

    assert list(cache.load([tmp_path], only_id="crm").plans) == ["crm"]
    assert parsed == ["crm.yaml"]

    assert list(cache.load([tmp_path]).plans) == ["crm", "crm2", "web"]
    assert parsed == ["crm.yaml", "crm2.yaml", "web.yaml"]

    assert list(cache.load([tmp_path], only_id="web").plans) == ["web"]
    assert len(parsed) == 3


def test_a_process_has_one_cache(tmp_path: Path, parsed: list[str]) -> None:
    plan_at(tmp_path, "a")

    assert load_plans([tmp_path]).plans["a"] is load_plans([tmp_path]).plans["a"]
    assert parsed == ["a.yaml"]


def test_plans_of_two_folders_do_not_push_each_other_out(tmp_path: Path, parsed: list[str]) -> None:
    cache = PlanCache()
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        plan_at(tmp_path / name, "a", name=name)

    for _ in range(2):
        assert cache.load([tmp_path / "one"]).plans["a"].name == "one"
        assert cache.load([tmp_path / "two"]).plans["a"].name == "two"

    assert parsed == ["a.yaml", "a.yaml"]
