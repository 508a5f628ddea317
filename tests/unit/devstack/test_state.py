from __future__ import annotations

import base64

import pytest

from devstack.errors import StateUnreadableError
from devstack.layout import StackSettings
from devstack.state import ProcessRecord, Secrets, StackState, load_state


def _state(tmp_path):
    record = ProcessRecord("scheduler", 123, 1700000000.25, tmp_path / "scheduler.log")
    return StackState(StackSettings(home=tmp_path), 4711, sandbox_url="http://127.0.0.1:1").with_process(
        record
    )


def test_a_state_survives_the_way_through_its_file(tmp_path):
    state = _state(tmp_path)
    state.save(tmp_path / "stack.json")
    assert load_state(tmp_path / "stack.json") == state


def test_no_file_is_no_state(tmp_path):
    assert load_state(tmp_path / "stack.json") is None


def test_only_the_owner_can_read_the_secrets_in_the_file(tmp_path):
    path = tmp_path / "stack.json"
    _state(tmp_path).save(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == ["stack.json"]


def test_a_finished_process_is_taken_out(tmp_path):
    state = _state(tmp_path)
    assert state.without_process(state.processes[0]).processes == ()


def test_every_stack_has_secrets_of_its_own_and_a_valid_fernet_key():
    one, other = Secrets(), Secrets()
    assert one.jwt != other.jwt
    assert one.session != other.session
    assert len(base64.urlsafe_b64decode(one.fernet)) == 32


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"settings": {"unknown": 1}, "processes": []}'])
def test_the_state_of_another_version_is_refused_rather_than_forgotten(tmp_path, content):
    path = tmp_path / "stack.json"
    path.write_text(content)
    with pytest.raises(StateUnreadableError, match="end the processes that it names, then remove it"):
        load_state(path)
