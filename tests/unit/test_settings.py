"""The section [drs_recovery]: a bad value launches nothing, and never stops what records launched servers."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

from drs_recovery import settings
from drs_recovery.cli import main
from drs_recovery.exceptions import SettingError
from drs_recovery.settings import SETTINGS, setting_problems
from sandbox.testing import Sandbox
from tests.plan_documents import database, plan
from tests.unit.steps import Steps, deferred

StepsOf = Callable[..., Steps]
Set = Callable[..., None]

NUMBERS = [
    "10m", "nan", "NaN", "inf", "-inf", "Infinity", "-1", "1e999", "1e12", "999999999999", "1_000", "٣", "²",
    "0x10", "10 20", "true", "[1]", "None", "PT30S", "1,5",
]  # fmt: skip
TRUTHS = ["maybe", "2", "-1", "yes", "truee", "nan", "[]", "#true"]

BAD: dict[str, list[str]] = {
    "poll_interval": [*NUMBERS, "0", "0.0", "1e-9", "3601"],
    "details_timeout": [*NUMBERS, "86401"],
    "snapshot_reads_per_second": [*NUMBERS, "0", "0.09", "101"],
    "probe_hosts": ["http://host", "a b", "host/path", "10.0.0.0/8"],
    "termination_timeout": [*NUMBERS, "0", "604801"],
    "hold_drills_during_recovery": TRUTHS,
    "cloudwatch_metrics": TRUTHS,
    "executions_table": ["ab", "dr executions", "dr/executions", "a" * 256, "tablé", "dr\nexecutions"],
    "aws_conn_id": ["two words", "a" * 251, "naïve", "a\nb"],
    "region": ["us-esat", "useast1", "us_east_1", "US-EAST-1", "Ireland", "us-east-1 "[:-1] + "x y", "nan"],
    "installation": ["two words", "-a", "a" * 65, "a/b", "graz\nx", "ä"],
    "schedules": ["maybe", "paused", "2", "onn", "yes"],
    "plans_dir": ["a\x01b"],
    "console_base_url": [
        "airflow.example.com", "ftp://airflow", "https://", "https:// airflow", "http://a:b:c", "http://a:99999",
        "https://a/?x=1", "https://a/#x", "https://me:secret@a", "javascript:alert(1)", "//airflow", "true",
    ],
    "notifiers": [
        "nobody", '{"class": "a.B"}', '[{"class": "Listener"}]', "[1]", "[", "true",
        '[{"class": "a.B", "x": 1}]',
    ],
    "task_defaults": [
        "dr", "[]", "[", '{"queue": 1}', '{"queue": ""}', '{"retries": 0}', '{"pool_slots": 0}',
        '{"executor": "CeleryExecutor"}', '{"executor": ""}', '{"executor_config": "x"}',
    ],
}  # fmt: skip

GOOD: dict[str, list[tuple[str, Any]]] = {
    "poll_interval": [("30", 30.0), (" 0.1 ", 0.1), ("1e1", 10.0), (".5", 0.5), ("3600", 3600.0)],
    "details_timeout": [("0", 0.0), ("600", 600.0)],
    "snapshot_reads_per_second": [("0.5", 0.5), ("100", 100.0)],
    "probe_hosts": [("a.example.com, 10.0.0.53,", ("a.example.com", "10.0.0.53")), ("::1", ("::1",))],
    "termination_timeout": [("60", 60.0)],
    "hold_drills_during_recovery": [("True", True), ("t", True), ("1", True), ("false # not yet", False)],
    "cloudwatch_metrics": [("F", False), ("0", False)],
    "executions_table": [("dr.executions_2-b", "dr.executions_2-b")],
    "aws_conn_id": [("aws-default_2", "aws-default_2")],
    "region": [("us-gov-west-1", "us-gov-west-1"), ("eusc-de-east-1", "eusc-de-east-1")],
    "installation": [("vienna-1", "vienna-1")],
    "schedules": [("on", True), ("OFF", False), ("false", False), ("1", True)],
    "plans_dir": [("/opt/airflow/include/plans", "/opt/airflow/include/plans")],
    "console_base_url": [("https://a.example:8443/airflow", "https://a.example:8443/airflow")],
    "notifiers": [("[]", ())],
    "task_defaults": [
        ("{}", {}),
        ('{"queue": "dr", "pool": "dr", "pool_slots": 2}', {"queue": "dr", "pool": "dr", "pool_slots": 2}),
        ('{"executor": "LocalExecutor"}', {"executor": "LocalExecutor"}),
        ('{"executor_config": {"KubernetesExecutor": {}}}', {"executor_config": {"KubernetesExecutor": {}}}),
    ],
}

BAD_VALUES = [
    pytest.param(key, text, id=f"{key}={text[:20]!r}") for key, texts in BAD.items() for text in texts
]
ONE_BAD_VALUE_EACH = [pytest.param(key, texts[0], id=key) for key, texts in BAD.items()]
# Without its table nothing can be read or written.
OF_THE_STORE = {"executions_table", "aws_conn_id", "region", "installation"}
LATER = [pytest.param(key, texts[0], id=key) for key, texts in BAD.items() if key not in OF_THE_STORE]


@pytest.fixture
def setting(monkeypatch: pytest.MonkeyPatch) -> Set:
    def set_one(key: str, text: str) -> None:
        monkeypatch.setenv(f"AIRFLOW__DRS_RECOVERY__{key.upper()}", text)

    return set_one


def test_every_setting_is_tried_here() -> None:
    assert {one.key for one in SETTINGS} == set(BAD) == set(GOOD)


@pytest.mark.parametrize(("key", "text"), BAD_VALUES)
def test_a_value_that_makes_no_sense_is_told_with_its_key_variable_and_what_was_expected(
    setting: Set, key: str, text: str
) -> None:
    setting(key, text)

    (problem,) = setting_problems()

    assert problem.startswith(f"[drs_recovery] {key} (AIRFLOW__DRS_RECOVERY__{key.upper()}) is ")
    assert "expected" in problem
    assert ("not shown" if key == "notifiers" else repr(text.strip()[:50])[1:-1]) in problem


@pytest.mark.parametrize(("key", "text", "value"), [(k, t, v) for k, pairs in GOOD.items() for t, v in pairs])
def test_a_value_that_makes_sense_is_taken(setting: Set, key: str, text: str, value: Any) -> None:
    setting(key, text)

    assert next(one for one in SETTINGS if one.key == key).value() == value


@pytest.mark.parametrize("key", BAD)
@pytest.mark.parametrize("blank", ["", "  "])
def test_a_blank_value_is_none(setting: Set, key: str, blank: str) -> None:
    one = next(one for one in SETTINGS if one.key == key)
    setting(key, blank)

    assert one.value() == one.default


def test_keys_of_notifiers_are_not_shown(setting: Set) -> None:
    setting("notifiers", '[{"class": "a.B", "arguments": "hook-key"}]')

    with pytest.raises(SettingError) as caught:
        settings.notifiers()

    assert "hook-key" not in f"{caught.value} {caught.value.__cause__}"


@pytest.mark.parametrize(("key", "text"), ONE_BAD_VALUE_EACH)
def test_nothing_is_launched_with_a_setting_that_makes_no_sense(
    aws: Sandbox, steps_of: StepsOf, setting: Set, key: str, text: str
) -> None:
    steps = steps_of(plan(database()))
    setting(key, text)

    with pytest.raises(AirflowFailException, match=rf"\[drs_recovery\] {key}"):
        steps.open()

    if key not in OF_THE_STORE:
        assert f"[drs_recovery] {key}" in steps.document["error"]
    assert aws.calls("drs") == []


@pytest.mark.parametrize("conf", [{"dry_run": True}, {"execution_type": "RECOVERY"}], ids=str)
def test_no_kind_of_execution_is_opened_then(
    aws: Sandbox, steps_of: StepsOf, setting: Set, conf: dict[str, Any]
) -> None:
    steps = steps_of(plan(database()))
    setting("details_timeout", "10m")
    setting("hold_drills_during_recovery", "maybe")

    with pytest.raises(AirflowFailException, match=r"(?s)hold_drills_during_recovery.*details_timeout"):
        steps.open(**conf)


@pytest.mark.parametrize(("key", "text"), LATER)
def test_a_setting_that_is_broken_later_starts_nothing_and_the_record_says_why(
    aws: Sandbox, steps_of: StepsOf, key: str, text: str
) -> None:
    steps = steps_of(plan(database()))
    steps.open()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(f"AIRFLOW__DRS_RECOVERY__{key.upper()}", text)
        deferred(steps.start)
    assert aws.calls("drs", "StartRecovery") == []
    assert f"[drs_recovery] {key}" in str(steps.document["waves"][0])

    assert len(steps.start()) == 1


@pytest.mark.parametrize(("key", "text"), LATER)
def test_what_was_launched_is_recorded_whatever_is_set_meanwhile(
    aws: Sandbox, steps_of: StepsOf, setting: Set, key: str, text: str
) -> None:
    steps = steps_of(plan(database()))
    steps.open()
    steps.start()
    setting(key, text)
    aws.advance(600)

    steps.start()
    steps.wait()
    steps.enrich()
    steps.finalize()

    document = steps.document
    assert (document["status"], document["progress"]["ready"]) == ("COMPLETED", 2)
    assert all("instanceId" in server for server in document["waves"][0]["serverStatuses"])


@pytest.mark.parametrize("connection", ["aws_default", "far"])
def test_nothing_is_launched_over_a_connection_that_makes_no_sense(
    aws: Sandbox, steps_of: StepsOf, monkeypatch: pytest.MonkeyPatch, connection: str
) -> None:
    """Neither where the table is nor where the servers are."""
    steps = steps_of(plan(database(), connection=connection))
    extra = {"config_kwargs": {"read_timeout": "soon"}}
    monkeypatch.setenv(f"AIRFLOW_CONN_{connection.upper()}", json.dumps({"conn_type": "aws", "extra": extra}))

    with pytest.raises(AirflowFailException, match=f"connection {connection} cannot be used: read_timeout"):
        steps.open()

    assert aws.calls("drs") == []


def test_the_command_finds_nothing_wrong(
    capsys: pytest.CaptureFixture[str], tmp_path: Any, setting: Set
) -> None:
    setting("plans_dir", str(tmp_path))
    setting("poll_interval", "10")

    assert main(["check-config"]) == 0

    assert capsys.readouterr().out == f"2 of {len(SETTINGS)} settings set, no problems\n"


def test_the_command_tells_every_problem_at_once(
    capsys: pytest.CaptureFixture[str], tmp_path: Any, setting: Set
) -> None:
    setting("plans_dir", str(tmp_path / "nowhere"))
    setting("details_timeout", "10m")
    setting("cloudwatch_metrics", "maybe")
    setting("pol_interval", "5")

    assert main(["check-config"]) == 1

    assert capsys.readouterr().out.splitlines() == [
        "[drs_recovery] cloudwatch_metrics (AIRFLOW__DRS_RECOVERY__CLOUDWATCH_METRICS) is 'maybe': expected "
        "true or false",
        "[drs_recovery] details_timeout (AIRFLOW__DRS_RECOVERY__DETAILS_TIMEOUT) is '10m': expected seconds "
        "as a number from 0 to 86400, such as 600",
        "[drs_recovery] pol_interval is not a setting, did you mean poll_interval?",
        f"[drs_recovery] plans_dir leads to {tmp_path / 'nowhere'}: expected a folder that exists",
        f"3 of {len(SETTINGS)} settings set, 4 problems",
    ]


def test_a_host_without_dag_files_needs_no_plans_either(
    capsys: pytest.CaptureFixture[str], tmp_path: Any, setting: Set, monkeypatch: pytest.MonkeyPatch
) -> None:
    setting("plans_dir", str(tmp_path / "nowhere"))
    monkeypatch.setenv("AIRFLOW__CORE__DAGS_FOLDER", str(tmp_path))
    note = f"[drs_recovery] plans_dir leads to {tmp_path / 'nowhere'}: expected a folder that exists where "

    assert main(["check-config"]) == 0
    told = capsys.readouterr().out.splitlines()
    assert main(["check-config", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)

    assert told == [
        f"note: {note}DAG files are; here are none",
        f"1 of {len(SETTINGS)} settings set, no problems",
    ]
    assert (found["problems"], len(found["notes"])) == ([], 1)


def test_the_command_answers_programs(
    capsys: pytest.CaptureFixture[str], tmp_path: Any, setting: Set
) -> None:
    setting("plans_dir", str(tmp_path))
    setting("region", "nowhere")

    assert main(["check-config", "--json"]) == 1

    found = json.loads(capsys.readouterr().out)
    assert found["set"] == ["region", "plans_dir"]
    assert "such as us-east-1" in found["problems"][0]


@pytest.mark.parametrize("command", [["create-table"], ["list"]])
def test_other_commands_say_which_setting_leads_to_no_table(
    capsys: pytest.CaptureFixture[str], setting: Set, command: list[str]
) -> None:
    setting("executions_table", "no table")

    assert main(command) == 1

    assert "[drs_recovery] executions_table" in capsys.readouterr().err
