"""Where the servers of a real recovery are reached."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from drs_recovery.web.executions.addresses import addresses_csv, addresses_of
from tests.unit.web.documents import document, server, wave

DONE = wave("COMPLETED", server("db-1"), server("db-2", privateIp="fd00::7"))


def test_after_a_real_recovery_every_ready_server_has_its_address() -> None:
    found = addresses_of(document("COMPLETED", DONE, wave("FAILED", server("c", "FAILED")), recovery=True))
    assert found
    assert (found.text, found.shown, found.total) == ("db-1\t10.0.0.7\ndb-2\tfd00::7", 2, 2)


@pytest.mark.parametrize(
    ("status", "fields"),
    [
        ("COMPLETED", {}),
        ("POLLING", {"recovery": True}),
        ("COMPLETED", {"recovery": True, "instancesTerminated": True}),
    ],
)
def test_a_drill_and_what_lives_or_is_gone_has_none(status: str, fields: dict[str, Any]) -> None:
    assert addresses_of(document(status, DONE, **fields)) is None


def test_of_very_many_the_first_are_shown_and_all_are_in_the_file() -> None:
    many = document("COMPLETED", wave("COMPLETED", *(server(f"s{n}") for n in range(300))), recovery=True)
    found = addresses_of(many)
    assert found
    assert (found.shown, found.total, len(found.text.splitlines())) == (200, 300, 200)
    assert len(addresses_csv(many).splitlines()) == 301


def test_the_file_has_every_server_and_no_formula() -> None:
    evil = document("COMPLETED", wave("COMPLETED", server('=HYPERLINK("x")')), recovery=True)
    rows = list(csv.DictReader(io.StringIO(addresses_csv(evil))))
    assert rows == [
        {
            "wave": "1",
            "server": '\'=HYPERLINK("x")',
            "source server": "s-01000",
            "private address": "10.0.0.7",
            "host name": "",
            "instance": 'i-=HYPERLINK("x")',
            "region": "us-east-1",
            "phase": "READY",
        }
    ]
