from __future__ import annotations

import pytest

from devstack.errors import HomeRefusedError
from devstack.layout import Layout, StackSettings


def test_settings_survive_the_way_through_json(tmp_path):
    settings = StackSettings(home=tmp_path, dags_folder=tmp_path / "dags", speed=7, database="postgresql://x")
    assert StackSettings.from_json(settings.to_json()) == settings


def test_settings_with_the_same_place_written_differently_are_equal(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert StackSettings(home=tmp_path / "link") == StackSettings(home=tmp_path / "real")


def test_a_new_directory_is_claimed_and_closed_to_others(tmp_path):
    layout = Layout(tmp_path / "a" / "home")
    layout.claim()
    assert layout.lock.exists()
    assert layout.home.stat().st_mode & 0o077 == 0


def test_a_claimed_directory_may_be_claimed_again_whatever_it_holds(tmp_path):
    layout = Layout(tmp_path)
    layout.claim()
    layout.state.write_text("{}")
    layout.claim()
    assert layout.state.exists()


def test_a_directory_of_somebody_else_is_refused_and_left_alone(tmp_path):
    own_database = tmp_path / "airflow.db"
    own_database.write_text("precious")
    with pytest.raises(HomeRefusedError, match=f"{tmp_path} is not empty and was not made by devstack"):
        Layout(tmp_path).claim()
    assert list(tmp_path.iterdir()) == [own_database]


def test_clearing_keeps_only_the_lock(tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "file").write_text("")
    layout = Layout(tmp_path / "home")
    layout.claim()
    layout.database.write_text("old")
    layout.task_logs.mkdir()
    (layout.task_logs / "old.log").write_text("")
    (layout.home / "link").symlink_to(elsewhere)

    layout.clear()

    assert sorted(layout.home.iterdir()) == [layout.process_logs, layout.lock]
    assert (elsewhere / "file").exists()
