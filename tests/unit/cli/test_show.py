"""``show`` and ``list``: what people and programs read."""

from __future__ import annotations

import io
import json
import re

import pytest
from botocore.exceptions import ClientError
from rich.console import Console

from drs_recovery.cli import main, rendering
from drs_recovery.cli.text import plain
from drs_recovery.durations import words
from drs_recovery.exceptions import ExecutionNotFoundError, StoreError
from drs_recovery.store.records import Page

START = 1_800_000_000.0


@pytest.fixture
def document():
    """A drill whose first wave failed and whose second one waits for approval."""
    return {
        "executionId": "6f1c1c5e-8d3f-5d8e-b1a9-3f4d0d8f0f10",
        "planId": "three-tier-crm",
        "planName": "Three-tier CRM",
        "executionType": "DRILL",
        "status": "PAUSED",
        "initiatedBy": "admin",
        "ticket": "INC-7",
        "dagId": "recover_three-tier-crm",
        "dagRunId": "manual__1",
        "submittedTime": START,
        "startTime": START + 2,
        "expectedDuration": 1800,
        "totalWaves": 2,
        "completedWaves": 0,
        "progress": {"totalServers": 3, "pending": 1, "ready": 1, "failed": 1},
        "paused": {
            "wave": 2,
            "since": START + 60,
            "message": "Check the database",
            "approvers": ["dba-lead"],
        },
        "waves": [
            {
                "waveNumber": 1,
                "waveName": "Database",
                "status": "FAILED",
                "statusReason": "crm-db-02 failed",
                "duration": 533,
                "jobs": [{"jobId": "drsjob-1", "region": "us-east-1", "status": "COMPLETED"}],
                "serverStatuses": [
                    {
                        "serverName": "crm-db-01",
                        "phase": "READY",
                        "launchStatus": "LAUNCHED",
                        "instanceId": "i-0123456789abcdef0",
                        "instanceType": "m5.large",
                        "privateIp": "10.0.1.12",
                        "hostname": "ip-10-0-1-12.internal",
                        "replicationLag": 75.0,
                    },
                    {
                        "serverName": "crm-db-02",
                        "phase": "FAILED",
                        "launchStatus": "FAILED",
                        "error": "LAUNCH_FAILED: InsufficientInstanceCapacity",
                    },
                ],
            },
            {
                "waveNumber": 2,
                "waveName": "Application",
                "status": "NOT_STARTED",
                "jobs": [],
                "gate": {"decision": "WAITING"},
                "lastPollError": {"message": "ThrottlingException", "time": START},
                "serverStatuses": [
                    {"serverName": "crm-app-01", "phase": "PENDING", "launchStatus": "PENDING"}
                ],
            },
        ],
    }


@pytest.fixture
def events():
    detail = {"wave": 1, "jobId": "drsjob-1", "servers": ["s-1", "s-2", "s-3", "s-4"], "comment": ""}
    return [{"time": START, "event": "JOB_STARTED", "actor": "engine", "detail": detail}]


def rendered(*parts, width=160):
    console = Console(file=io.StringIO(), width=width)
    for part in parts:
        console.print(part)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def test_execution_is_shown_with_header_waves_and_events(document, events):
    assert rendered(*rendering.render_execution(document, events, START + 62)) == [
        "Execution    6f1c1c5e-8d3f-5d8e-b1a9-3f4d0d8f0f10",
        "Plan         Three-tier CRM (three-tier-crm)",
        "Type         DRILL",
        "Status       PAUSED",
        "Waiting for  approval of wave 2 by dba-lead since 2027-01-15 08:01:00 UTC: Check the database",
        "Waves        0 of 2 completed",
        "Servers      3 (1 pending, 1 ready, 1 failed)",
        "Ticket       INC-7",
        "Started by   admin",
        "Airflow run  recover_three-tier-crm manual__1",
        "Submitted    2027-01-15 08:00:00 UTC",
        "Started      2027-01-15 08:00:02 UTC",
        "Duration     1 min so far, 30 min expected",
        "",
        "Wave 1: Database  FAILED  8 min 53 s",
        "Server     Phase   Launch status  Instance             Type      Address    Host name              "
        "Data behind",
        "crm-db-01  READY   LAUNCHED       i-0123456789abcdef0  m5.large  10.0.1.12  ip-10-0-1-12.internal  "
        "1 min 15 s",
        "crm-db-02  FAILED  FAILED",
        "Reason: crm-db-02 failed",
        "Jobs: drsjob-1 (us-east-1, COMPLETED)",
        "Error of crm-db-02: LAUNCH_FAILED: InsufficientInstanceCapacity",
        "",
        "Wave 2: Application  NOT_STARTED",
        "Server      Phase    Launch status",
        "crm-app-01  PENDING  PENDING",
        "Gate: WAITING",
        "Last poll failed: ThrottlingException (2027-01-15 08:00:00 UTC)",
        "",
        "Time                     What happened                     By      Detail",
        "2027-01-15 08:00:00 UTC  Wave 1: DRS job drsjob-1 started  engine  servers (4)",
    ]


def test_ended_execution_shows_how_it_ended(document):
    ended = {
        **document,
        "status": "COMPLETED",
        "endTime": START + 3602,
        "duration": 3600,
        "measured": {"rto": 3600, "rpo": 90},
        "error": "nothing to worry about",
        "dryRun": True,
        "waves": [],
    }
    del ended["paused"]
    lines = rendered(*rendering.render_execution(ended, [], START))
    assert "Ended        2027-01-15 09:00:02 UTC" in lines
    assert "Duration     1 h" in lines
    assert "Measured     rto 1 h, rpo 1 min 30 s" in lines
    assert "Error        nothing to worry about" in lines
    assert "Dry run      yes" in lines


@pytest.mark.parametrize(
    ("gate", "shown"),
    [
        (
            {"decision": "REJECTED", "actor": "ann", "comment": "not today", "decidedTime": START},
            "REJECTED by ann, 2027-01-15 08:00:00 UTC: not today",
        ),
        ({"decision": "APPROVED", "actor": "ann"}, "APPROVED by ann"),
        (
            {"decision": "WAITING", "approvers": ["ann", "bob"], "deadline": START},
            "WAITING for ann, bob until 2027-01-15 08:00:00 UTC",
        ),
    ],
)
def test_gate_shows_who_decided_or_who_may(document, gate, shown):
    document["waves"][1]["gate"] = gate
    document["waves"][0]["failureGate"] = gate
    lines = rendered(*rendering.render_execution(document, [], START))
    assert f"Gate: {shown}" in lines
    assert f"After the failure: {shown}" in lines


def test_wave_that_waits_for_room_shows_where_it_stands(document):
    queue = {"phase": "QUEUED", "position": 3, "reason": "2 jobs are ahead", "since": START}
    document["waves"][1]["queue"] = queue

    lines = rendered(*rendering.render_execution(document, [], START))

    assert "Queued: position 3 since 2027-01-15 08:00:00 UTC: 2 jobs are ahead" in lines


def test_pause_after_a_failure_asks_for_a_decision(document):
    document["paused"] = {**document["paused"], "wave": 1, "approvers": [], "message": "And now?"}
    (line,) = (
        one
        for one in rendered(*rendering.render_execution(document, [], START))
        if one.startswith("Waiting for")
    )
    assert "a decision about the failure of wave 1 by anyone who may trigger the plan" in line


def test_findings_are_shown_with_what_to_do(document):
    document["findings"] = [
        {
            "severity": "ERROR",
            "what": "it is STALLED",
            "remedy": "fix it",
            "sourceServerId": "s-1",
            "serverName": "crm-db-01",
            "waveNumber": 1,
        },
        {"severity": "WARNING", "what": "no room", "remedy": "wait"},
    ]
    lines = rendered(*rendering.render_execution(document, [], START))
    assert "Preflight    1 ERROR, 1 WARNING" in lines
    assert "ERROR     1     crm-db-01 (s-1)  it is STALLED   fix it" in lines
    assert "WARNING                          no room         wait" in lines


def test_preflight_without_findings_says_so(document):
    document["findings"] = []
    assert "Preflight    no findings" in rendered(*rendering.render_execution(document, [], START))


def test_skipped_execution_shows_why_it_was_not_run(document):
    document |= {"status": "SKIPPED", "error": "a recovery uses its servers"}
    lines = rendered(*rendering.render_execution(document, [], START))
    assert "Not run      a recovery uses its servers" in lines


def test_it_is_shown_whose_instances_a_recovery_may_end(document):
    document["replaceExecution"] = "e-7"
    assert "Replaces     e-7" in rendered(*rendering.render_execution(document, [], START))


def test_cancelled_execution_shows_who_cancelled_it(document):
    document["cancel"] = {"actor": "ann", "reason": "wrong plan", "time": START}
    lines = rendered(*rendering.render_execution(document, [], START))
    assert "Cancelled    by ann, 2027-01-15 08:00:00 UTC: wrong plan" in lines


@pytest.mark.parametrize(
    ("fields", "shown"),
    [
        ({"terminateAfter": START}, "terminated from 2027-01-15 08:00:00 UTC on"),
        ({"instancesTerminated": True, "terminatedTime": START}, "terminated 2027-01-15 08:00:00 UTC"),
        ({"keepInstances": True}, "kept, as requested"),
    ],
)
def test_it_is_shown_what_becomes_of_the_instances(document, fields, shown):
    job = {"jobId": "drsjob-9", "region": "us-east-1", "status": "STARTED"}
    more = {"terminateJobs": [job], "terminationError": "i-1 is in failback"}
    lines = [
        " ".join(line.split())
        for line in rendered(*rendering.render_execution({**document, **fields, **more}, [], START))
    ]
    assert f"Instances {shown}" in lines
    assert "Terminated by drsjob-9 (us-east-1, STARTED)" in lines
    assert "Not terminated i-1 is in failback" in lines


def test_later_attempt_shows_what_earlier_ones_left(document):
    wave = document["waves"][0]
    wave["attempt"] = 2
    wave["jobs"].append({"jobId": "drsjob-2", "region": "us-east-1", "status": "STARTED", "attempt": 2})
    first, second = wave["serverStatuses"]
    second["previousInstances"] = [{"jobId": "drsjob-1", "instanceId": "i-9"}, {"jobId": "drsjob-0"}]
    first["warning"] = "an optional action failed"
    first["terminatedTime"] = START
    lines = rendered(*rendering.render_execution(document, [], START))
    assert "Wave 1: Database  FAILED  8 min 53 s  attempt 2" in lines
    assert "Jobs: drsjob-1 (us-east-1, COMPLETED), drsjob-2 (us-east-1, STARTED, attempt 2)" in lines
    assert "Earlier instances of crm-db-02: i-9 (drsjob-1), none (drsjob-0)" in lines
    assert "Warning of crm-db-01: an optional action failed" in lines
    assert "crm-db-01 terminated: 2027-01-15 08:00:00 UTC" in lines


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("[bold]x[/bold]", "[bold]x[/bold]"),
        ("[/nonsense]", "[/nonsense]"),
        ("\x1b[2Jgone\x07", r"\x1b[2Jgone\x07"),
        ("right\u202eleft", r"right\u202eleft"),
        ("a\rb\tc", r"a\rb\tc"),
        ("Grüße 東京", "Grüße 東京"),
        (None, ""),
    ],
)
def test_foreign_text_is_neither_markup_nor_control(document, text, shown):
    assert plain(text).plain == shown
    document["planName"] = document["waves"][0]["waveName"] = text or ""
    document["waves"][0]["serverStatuses"][0]["serverName"] = text or "x"
    lines = rendered(*rendering.render_execution(document, [], START))
    assert f"Wave 1: {shown}  FAILED  8 min 53 s" in lines


def test_narrow_terminal_cuts_nothing_off(document, events):
    lines = rendered(*rendering.render_execution(document, events, START), width=70)
    assert "…" not in "".join(lines)


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (None, ""),
        (0, "0 s"),
        (0.4, "0 s"),
        (59.6, "1 min"),
        (90, "1 min 30 s"),
        (3600, "1 h"),
        (7384, "2 h 3 min"),
    ],
)
def test_durations_are_in_words(seconds, expected):
    assert words(seconds) == expected


class Store:
    """A store of one execution."""

    def __init__(self, document, events=()):
        self.document, self.events, self.asked = document, events, None
        self.listings = self

    def get_document(self, execution_id):
        if execution_id != self.document["executionId"]:
            raise ExecutionNotFoundError(execution_id)
        return self.document

    def get_events(self, execution_id):
        return self.events

    def page(self, wanted, limit, cursor):
        if cursor == "bad":
            raise StoreError("'bad' is not a cursor of a list of executions")
        self.cancelled = wanted.cancelled
        self.asked = (wanted.plan_id, wanted.status, limit, cursor)
        return Page([] if wanted.plan_id == "nothing" else [self.document], "next" if limit == 1 else None)


@pytest.fixture
def store(document, events, monkeypatch):
    fake = Store(document, events)
    monkeypatch.setattr("drs_recovery.cli.executions.open_store", lambda: fake)
    return fake


def test_show_prints_tables(store, document, capsys):
    assert main(["show", document["executionId"]]) == 0
    output = capsys.readouterr().out
    assert "Wave 1: Database  FAILED" in output
    assert "DRS job drsjob-1 started" in output


def test_show_prints_the_document_for_programs(store, document, capsys):
    assert main(["show", document["executionId"], "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == document


def test_show_of_an_unknown_id_fails_with_a_message(store, capsys):
    assert main(["show", "e9"]) == 1
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "there is no execution e9 in the store\n")


def test_list_prints_a_line_an_execution(store, capsys):
    assert main(["list"]) == 0
    header, line = capsys.readouterr().out.splitlines()
    assert re.split(" +", header.strip())[:4] == ["Execution", "Plan", "Type", "Status"]
    for part in ("three-tier-crm", "PAUSED", "2027-01-15 08:00:00 UTC", "0/2", "1/3", "INC-7"):
        assert part in line
    assert store.asked == (None, None, 50, None)


def test_list_marks_a_dry_run(document):
    output = Console(file=io.StringIO(), width=200)
    output.print(rendering.render_list([{**document, "status": "COMPLETED", "dryRun": True}]))
    assert "DRILL (dry run)" in output.file.getvalue()


def test_list_says_who_cancelled_and_why(document):
    cancel = {"actor": "ann", "reason": "the DAG run was marked as failed: wrong plan\nsorry", "time": START}
    cancelled = {**document, "status": "PARTIAL_SUCCESS", "cancel": cancel}
    too_late = {**cancelled, "status": "COMPLETED"}
    header, *rows = rendered(rendering.render_list([cancelled, too_late]), width=300)
    assert header.endswith("Ticket  Note")
    assert rows[0].endswith("INC-7   Cancelled by ann: wrong plan")
    assert rows[1].endswith("INC-7")


def test_list_passes_its_filters_on(store, capsys):
    assert main(["list", "--plan", "crm", "--status", "failed", "--limit", "1", "--cursor", "abc"]) == 0
    assert store.asked == ("crm", "FAILED", 1, "abc")
    assert capsys.readouterr().out.endswith("there are more: --cursor next\n")


def test_list_finds_what_was_cancelled_whatever_it_ended_with(store, capsys):
    assert main(["list", "--cancelled"]) == 0
    assert store.cancelled is True
    assert main(["list"]) == 0
    assert store.cancelled is None


def test_a_cancelled_execution_is_red_and_a_cancelled_wave_is_not(document):
    waves = [{**document["waves"][0], "status": "CANCELLED"}]
    shown = io.StringIO()
    console = Console(file=shown, width=200, force_terminal=True, color_system="standard")
    for part in rendering.render_execution({**document, "status": "CANCELLED", "waves": waves}, [], 0):
        console.print(part)
    assert "\x1b[31mCANCELLED" in shown.getvalue()
    assert "\x1b[2mCANCELLED" in shown.getvalue()


def test_list_for_programs_has_the_cursor(store, document, capsys):
    assert main(["list", "--json", "--limit", "1"]) == 0
    assert json.loads(capsys.readouterr().out) == {"items": [document], "cursor": "next"}


def test_empty_list_says_so(store, capsys):
    assert main(["list", "--plan", "nothing"]) == 0
    assert capsys.readouterr().out == "no executions\n"


def test_list_with_a_foreign_cursor_fails_with_a_message(store, capsys):
    assert main(["list", "--cursor", "bad"]) == 1
    assert capsys.readouterr().err == "'bad' is not a cursor of a list of executions\n"


@pytest.mark.parametrize("arguments", [["--status", "DONE"], ["--limit", "0"], ["--limit", "many"]])
def test_senseless_list_is_refused(store, arguments, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["list", *arguments])
    assert arguments[0] in capsys.readouterr().err


def test_error_of_aws_is_a_message(store, document, monkeypatch, capsys):
    def refuse(execution_id):
        raise ClientError({"Error": {"Code": "ResourceNotFoundException", "Message": "no table"}}, "GetItem")

    monkeypatch.setattr(store, "get_document", refuse)
    assert main(["show", document["executionId"]]) == 1
    assert "the table of executions cannot be read" in capsys.readouterr().err
