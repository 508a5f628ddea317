"""A measurement has a database server for itself, which is gone afterwards."""

from __future__ import annotations

import pytest
import sqlalchemy

from devstack.errors import NoPostgresError
from devstack.postgres import temporary_postgres


def test_a_server_answers_while_it_is_needed_and_not_afterwards():
    try:
        with temporary_postgres() as url, sqlalchemy.create_engine(url).connect() as connection:
            assert connection.execute(sqlalchemy.text("SELECT 6 * 7")).scalar() == 42
    except NoPostgresError as error:
        pytest.skip(str(error))
    with pytest.raises(sqlalchemy.exc.OperationalError):
        sqlalchemy.create_engine(url).connect()


def test_a_machine_without_postgres_is_told_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("devstack.postgres._DEBIAN_FOLDERS", tmp_path)

    with pytest.raises(NoPostgresError, match="install PostgreSQL"), temporary_postgres():
        pass
