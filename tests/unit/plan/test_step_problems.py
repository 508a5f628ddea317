"""Steps in a plan file: what is refused, in which words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from drs_recovery.plan.model import RecoveryPlan
from drs_recovery.plan.step_kinds import step_kinds
from tests.unit.plan.documents import changed, problems_of, write_plan

KINDS = ", ".join(step_kinds())
SECRET = (
    "looks like a literal credential; take it from an Airflow connection at run time: auth: {connection: id}"
)

BEFORE: dict[str, tuple[Any, list[str]]] = {
    "not a mapping": (
        ["wait"],
        ['[0]: expected a mapping with keys such as name, only, timeout, found "wait"'],
    ),
    "no kind": ([{"name": "Nothing"}], [f"[0]: has no kind; expected one of {KINDS}"]),
    "two kinds": (
        [{"wait": {"for": "PT1M"}, "manual": {"message": "Look"}}],
        ["[0]: is manual and wait; a step has one kind"],
    ),
    "a kind misspelt": (
        [{"tcp_prob": {"port": 80}}],
        ["[0].tcp_prob: unknown key \"tcp_prob\"; did you mean 'tcp_probe'?"],
    ),
    "a kind that is not built": (
        [{"operator": {"class": "a.B"}}],
        ["[0].operator: operator is not supported yet"],
    ),
    "a key of a kind misspelt": (
        [{"manual": {"mesage": "Look"}}],
        [
            "[0].manual.mesage: unknown key \"mesage\"; did you mean 'message'?",
            "[0].manual.message: is missing (What is to be done)",
        ],
    ),
    "a common key misspelt": (
        [{"wait": {"for": "PT1M"}, "on_failur": "ask"}],
        ["[0].on_failur: unknown key \"on_failur\"; did you mean 'on_failure'?"],
    ),
    "a failure that nobody knows": (
        [{"wait": {"for": "PT1M"}, "on_failure": "asc"}],
        [
            "[0].on_failure: \"asc\" is not allowed here; expected 'stop', 'continue' or 'ask'; "
            "did you mean 'ask'?"
        ],
    ),
    "too many": (
        [{"wait": {"for": "PT1M"}}] * 21,
        [": has 21 entries; at most 20 are allowed"],
    ),
    "too many retries": (
        [{"wait": {"for": "PT1M"}, "retries": 11}],
        ["[0].retries: 11 is too large; the most is 10"],
    ),
    "an interval of a callout": (
        [{"wait": {"for": "PT1M"}, "interval": "PT1S"}],
        ["[0].interval: has no meaning here: wait is no probe; it has retries and retry_delay"],
    ),
    "servers of a step that has none": (
        [{"wait": {"for": "PT1M"}, "servers": "one"}],
        ["[0].servers: has no meaning here: this wait does not act on servers"],
    ),
    "servers before there are any": (
        [{"tcp_probe": {"port": 22}}],
        ["[0].tcp_probe: acts on recovered servers, which are not there before the launch; use it in after"],
    ),
    "a server's value where there is none": (
        [{"manual": {"message": "Look at {{ server.name }}"}}],
        [
            '[0].manual.message: "server" is not a value of a message '
            "(there is plan, execution, wave, waves)",
        ],
    ),
}

AFTER: dict[str, tuple[Any, list[str]]] = {
    "retries of a probe": (
        [{"tcp_probe": {"port": 22}, "retries": 1, "retry_delay": "PT1S"}],
        [
            "[0].retries: has no meaning here: a probe is tried until its timeout, every interval",
            "[0].retry_delay: has no meaning here: a probe is tried until its timeout, every interval",
        ],
    ),
    "a group of another wave": (
        [{"tcp_probe": {"port": 22}, "servers": ["db"]}],
        ['[0].servers[0]: "db" is not a group of this wave (there is app)'],
    ),
    "a placeholder misspelt": (
        [{"tcp_probe": {"port": 22, "host": "{{ server.privat_ip }}"}}],
        ["[0].tcp_probe.host: \"privat_ip\" is not a value of server; did you mean 'private_ip'?"],
    ),
    "code in a placeholder": (
        [{"http_probe": {"url": "http://a/{{ plan.name.upper() }}"}}],
        [
            "[0].http_probe.url: uses call (line 1); a message may hold values, comparisons, and, or, not, "
            "and if"
        ],
    ),
    "a header with a token": (
        [{"http_probe": {"url": "http://a/", "headers": {"Authorization": "Bearer abc"}}}],
        [f"[0].http_probe.headers.Authorization: {SECRET}"],
    ),
    "headers of many names": (
        [
            {
                "http_probe": {
                    "url": "http://a/",
                    "headers": {"X-Api-Key": "1", "Cookie": "a=b", "Accept": "*/*"},
                }
            }
        ],
        [f"[0].http_probe.headers.X-Api-Key: {SECRET}", f"[0].http_probe.headers.Cookie: {SECRET}"],
    ),
    "a password in an address": (
        [{"http_probe": {"url": "http://ann:pass@host/"}}],
        [f"[0].http_probe.url: {SECRET}"],
    ),
    "words in an answer without a body": (
        [{"http_probe": {"url": "http://a/", "method": "HEAD", "body": "ok"}}],
        ["[0].http_probe.body: an answer to HEAD has no body; use GET"],
    ),
    "no port": (
        [{"tcp_probe": {"port": "443"}}],
        ['[0].tcp_probe.port: expected a whole number, found "443"'],
    ),
    "no address": (
        [{"http_probe": {"url": "ftp://host"}}],
        ['[0].http_probe.url: "ftp://host" is not an http:// or https:// address'],
    ),
}


@pytest.mark.parametrize(
    ("side", "steps", "lines"),
    [
        pytest.param(side, *case, id=name)
        for side, cases in (("before", BEFORE), ("after", AFTER))
        for name, case in cases.items()
    ],
)
def test_a_bad_step_is_told_with_its_place(tmp_path: Path, side: str, steps: Any, lines: list[str]) -> None:
    path = write_plan(tmp_path / "payroll.yaml", changed({f"waves/1/{side}": steps}))

    told = [line for line in problems_of(path) if "is not supported yet" not in line or "operator" in line]

    assert told == [f"payroll.yaml: waves[1].{side}{line}" for line in lines]


def test_a_step_knows_its_kind_and_what_holds_for_it() -> None:
    steps = [
        {"manual": {"message": "Fence it"}},
        {"wait": {"for": "PT30M"}, "name": "Settle", "only": "recovery"},
    ]
    wave = RecoveryPlan.model_validate(changed({"waves/0/before": steps})).wave(1)

    manual, wait = wave.before
    assert (manual.kind.key, manual.title, manual.arguments.message) == ("manual", "manual", "Fence it")
    assert (wait.title, wait.time_limit.total_seconds() > 1800) == ("Settle", True)
    assert manual.is_for("DRILL")
    assert not manual.is_for("FAILBACK")
    assert not wait.is_for("DRILL")
