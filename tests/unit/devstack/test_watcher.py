"""What ends by itself is started again, but not for ever."""

from __future__ import annotations

import sys

import pytest

from devstack.errors import NoStackError
from devstack.watcher import Restraint, main, watch


class _Stack:
    """Is stopped after some looks; its scheduler has ended at each of them."""

    def __init__(self, looks):
        self.looks, self.restarted = looks, []

    def restart_ended(self, wanted):
        if len(self.restarted) == self.looks:
            raise NoStackError("home")
        self.restarted.append(wanted("scheduler"))


def test_a_process_that_ends_again_and_again_is_left_alone_after_five_restarts():
    stack = _Stack(looks=7)
    watch(stack, pause=lambda seconds: None)
    assert stack.restarted == [True] * 5 + [False] * 2


def test_restarts_of_long_ago_and_of_others_do_not_count():
    now = 0.0
    restraint = Restraint(lambda: now)
    assert all(restraint.allows("scheduler") for _ in range(5))
    assert not restraint.allows("scheduler")
    assert restraint.allows("triggerer")
    now = 601.0
    assert restraint.allows("scheduler")


def test_without_a_stack_there_is_nothing_to_watch(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["watcher", "--home", str(tmp_path)])
    assert main() == 0


@pytest.mark.parametrize("arguments", [[], ["--home"]])
def test_the_home_must_be_named(monkeypatch, arguments, capsys):
    monkeypatch.setattr(sys, "argv", ["watcher", *arguments])
    with pytest.raises(SystemExit):
        main()
    assert "--home" in capsys.readouterr().err
