"""What a good plan holds, and what it answers."""

import hashlib
import json
from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from drs_recovery.plan.loader import plan_from_snapshot
from drs_recovery.plan.model import Pause, ProtectionGroup, RecoveryApproval, RecoveryPlan, Server, Wave
from drs_recovery.statuses import ExecutionType
from tests.unit.plan.documents import APP_1, DB_1, DB_2, GONE, changed

# Every key that a plan may have, those that are not executed yet included.
FULL: dict[str, Any] = {
    "description": "Database first.\nThen the rest.",
    "owner": "hr-team",
    "tags": ["hr", "tier-1"],
    "objectives": {"rto": "PT1H", "rpo": "PT15M"},
    "priority": "critical",
    "connection": "dr_account",
    "schedule": {"cron": "0 3 1 * *", "timezone": "America/New_York"},
    "notify": {
        "sns_topic_arn": "arn:aws:sns:us-east-1:123456789012:dr",
        "notifiers": [
            {
                "class": "airflow.providers.smtp.notifications.smtp.SmtpNotifier",
                "arguments": {"to": ["ann@example.com"], "subject": "{{ notice.subject }}", "retries": 1},
            }
        ],
    },
    "approval": {"recovery": {"approvers": ["dr-lead"], "timeout": "PT30M"}},
    "drill": {"terminate_after": "never"},
    "point_in_time": "2025-01-31T03:00:00Z",
    "protection_groups/web/connection": "other_account",
    "protection_groups/web/servers/0/point_in_time": "latest",
    "waves/0/timeout": "PT90M",
    "waves/0/success_when": "80%",
    "waves/0/on_failure": "ask",
    "waves/1/depends_on": [],
    "waves/1/pause_before": {
        "message": "Go?",
        "approvers": ["ann"],
        "timeout": "PT4H",
        "on_timeout": "continue",
    },
    "waves/2/depends_on": ["Application", "Database"],
    "waves/2/wait_before": "PT5M",
    "waves/2/only": "recovery",
    "waves/2/before": [
        {
            "manual": {"message": "Fence {{ plan.name }}", "approvers": ["ann"]},
            "name": "Fence",
            "only": ["recovery", "failback"],
            "timeout": "PT1H",
            "retries": 2,
            "retry_delay": "PT1M",
            "on_failure": "ask",
        },
        {"wait": {"for": "PT5M"}},
    ],
    "waves/2/after": [
        {"tcp_probe": {"port": 443}, "servers": ["web"], "interval": "PT5S"},
        {"http_probe": {"url": "https://{{ server.private_ip }}/health", "body": "ok"}, "servers": "one"},
        {"instance_status_probe": {}, "only": "drill"},
    ],
}


def plan_of(**changes: Any) -> RecoveryPlan:
    return RecoveryPlan.model_validate(changed(changes))


def with_changes(changes: dict[str, Any]) -> RecoveryPlan:
    return RecoveryPlan.model_validate(changed(changes))


def test_what_is_not_written_has_its_default() -> None:
    plan = with_changes({"name": GONE})

    assert plan.name == "payroll"
    assert plan.connection == "aws_default"
    assert plan.schedule is None
    assert plan.objectives.rto is None
    assert plan.drill.terminate_after == timedelta(hours=2)
    assert plan.approval.recovery == RecoveryApproval()
    assert plan.waves[0] == Wave(name="Database", groups=("db",))
    assert plan.waves[0].timeout == timedelta(hours=2)
    assert plan.waves[0].success_when.kind == "critical"


def test_groups_hold_their_servers_and_where_they_are() -> None:
    plan = plan_of(connection="dr_account")

    assert plan.groups_of(1) == (
        (
            "db",
            ProtectionGroup(
                servers=(Server(id=DB_1), Server(id=DB_2)), region="us-east-1", connection="dr_account"
            ),
        ),
    )
    web = plan.protection_groups["web"]
    assert web.servers == (Server(id=APP_1, critical=False),)
    assert web.region == "us-west-2"
    assert plan.protection_groups["app"].tags == {"dr:application": "payroll", "dr:tier": "application"}


def test_a_group_may_have_its_own_connection() -> None:
    plan = with_changes({"protection_groups/web/connection": "other", "connection": "first"})

    assert [group.connection for group in plan.protection_groups.values()] == ["first", "first", "other"]


def test_groups_need_no_region_of_the_plan_when_each_has_its_own() -> None:
    own = {f"protection_groups/{group}/region": "eu-central-1" for group in ("db", "app", "web")}

    plan = with_changes({"region": GONE, **own})

    assert plan.region is None
    assert {group.region for group in plan.protection_groups.values()} == {"eu-central-1"}


@pytest.mark.parametrize(("written", "read"), [(True, Pause()), (False, None)])
def test_a_pause_can_be_just_true_or_false(written: bool, read: Pause | None) -> None:
    assert with_changes({"waves/1/pause_before": written}).wave(2).pause_before == read


@pytest.mark.parametrize(("written", "read"), [(True, RecoveryApproval()), (False, None)])
def test_the_approval_of_recoveries_can_be_switched(written: bool, read: RecoveryApproval | None) -> None:
    assert plan_of(approval={"recovery": written}).approval.recovery == read


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("PT90M", timedelta(minutes=90)),
        ("PT1H30M10S", timedelta(hours=1, minutes=30, seconds=10)),
        ("P1DT12H", timedelta(hours=36)),
        ("P2W", timedelta(weeks=2)),
        ("P1W2D", timedelta(days=9)),
    ],
)
def test_durations_are_iso_8601(text: str, duration: timedelta) -> None:
    assert with_changes({"waves/0/timeout": text}).wave(1).timeout == duration


@pytest.mark.parametrize(
    "cron", ["0 3 1 * *", "*/15 * * * mon-fri", "0 0 29 2 *", "0 3 * * sun#1", "@monthly"]
)
def test_cron_expressions_may_be_names_and_steps(cron: str) -> None:
    plan = plan_of(schedule={"cron": cron})

    assert plan.schedule is not None
    assert plan.schedule.cron == cron


def test_a_snapshot_gives_the_same_plan_again() -> None:
    plan = with_changes(FULL)
    snapshot = json.loads(json.dumps(plan.model_dump(mode="json")))

    assert plan_from_snapshot(snapshot) == plan
    assert plan_from_snapshot(snapshot).digest() == plan.digest()


def test_a_snapshot_keeps_an_approval_switched_off() -> None:
    plan = plan_of(approval={"recovery": False})

    assert plan_from_snapshot(plan.model_dump(mode="json")).approval.recovery is None


def test_a_snapshot_is_written_like_a_plan_file() -> None:
    snapshot = with_changes(FULL).model_dump(mode="json")

    assert snapshot["objectives"] == {"rto": "PT1H", "rpo": "PT15M"}
    assert snapshot["drill"] == {"terminate_after": "never", "await_actions": True}
    assert snapshot["waves"][0]["timeout"] == "PT1H30M"
    assert snapshot["waves"][0]["success_when"] == "80%"
    assert snapshot["waves"][2]["before"][1] == {"wait": {"for": "PT5M"}}


def test_a_damaged_snapshot_is_refused() -> None:
    snapshot = plan_of().model_dump(mode="json")
    snapshot["waves"][0]["groups"] = ["gone"]

    with pytest.raises(ValidationError, match='"gone" is not a protection group'):
        plan_from_snapshot(snapshot)


def test_rules_hold_for_plans_made_of_objects_too() -> None:
    group = ProtectionGroup(servers=(Server(id=DB_1),), region="us-east-1")

    with pytest.raises(ValidationError, match="is in no wave"):
        RecoveryPlan(
            schema_version=1,
            id="payroll",
            name="Payroll",
            protection_groups={"db": group, "spare": ProtectionGroup(tags={"a": "b"}, region="us-east-1")},
            waves=(Wave(name="Database", groups=("db",)),),
        )


def test_a_plan_never_changes() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        plan_of().name = "Other"  # type: ignore[misc]


def test_the_digest_is_of_the_content_and_not_of_the_writing() -> None:
    plan = plan_of()
    reordered = RecoveryPlan.model_validate(dict(reversed(changed({}).items())))

    assert len(bytes.fromhex(plan.digest())) == hashlib.sha256().digest_size
    assert reordered.digest() == plan.digest()
    assert with_changes({"waves/0/timeout": "PT120M"}).digest() == plan.digest()
    assert with_changes({"waves/0/timeout": "PT121M"}).digest() != plan.digest()


def test_the_dag_is_named_after_the_plan() -> None:
    assert plan_of().dag_id == "recover_payroll"


def test_waves_are_counted_from_one() -> None:
    assert plan_of().wave(1).name == "Database"


@pytest.mark.parametrize("number", [0, 4, -1])
def test_there_is_no_other_wave(number: int) -> None:
    with pytest.raises(LookupError, match=rf"plan payroll has no wave {number} \(it has 3\)"):
        plan_of().wave(number)


def test_a_wave_depends_on_the_one_before_it_unless_it_says_otherwise() -> None:
    by_default = plan_of()
    diamond = with_changes(
        {
            "waves/1/depends_on": [],
            "waves/2/depends_on": ["Application", "Database"],
        }
    )

    assert [by_default.dependencies(n) for n in (1, 2, 3)] == [(), (1,), (2,)]
    assert [diamond.dependencies(n) for n in (1, 2, 3)] == [(), (), (1, 2)]


def test_a_wave_may_depend_on_a_later_one() -> None:
    plan = with_changes({"waves/0/depends_on": ["Web"], "waves/1/depends_on": [], "waves/2/depends_on": []})

    assert plan.dependencies(1) == (3,)
    assert plan.root_waves() == (2, 3)


def test_root_ancestors_are_found_through_every_way() -> None:
    plan = with_changes(
        {
            "protection_groups/last": {"tags": {"dr:tier": "last"}},
            "waves": [
                {"name": "A", "groups": ["db"]},
                {"name": "B", "groups": ["app"], "depends_on": []},
                {"name": "C", "groups": ["web"], "depends_on": ["A", "B"]},
                {"name": "D", "groups": ["last"]},
            ],
        }
    )

    assert plan.root_waves() == (1, 2)
    assert [plan.root_ancestors(n) for n in (1, 2, 3, 4)] == [(1,), (2,), (1, 2), (1, 2)]


@pytest.mark.parametrize(
    ("name", "task_id"),
    [
        ("Database", "wave_01_database"),
        ("Web & API (EU)", "wave_01_web_api_eu"),
        ("Lösch-Küche", "wave_01_losch_kuche"),
        ("データベース", "wave_01_wave"),
        ("x" * 100, "wave_01_" + "x" * 60),
        ("y" * 59 + " z", "wave_01_" + "y" * 59),
    ],
)
def test_task_ids_are_made_of_number_and_name(name: str, task_id: str) -> None:
    assert with_changes({"waves/0/name": name}).group_task_id(1) == task_id


def test_a_pause_is_a_gate_in_every_execution_and_an_approval_only_in_recoveries() -> None:
    plan = with_changes({"waves/1/pause_before": True})

    gates = {kind: [plan.needs_gate(number, kind) for number in (1, 2, 3)] for kind in ExecutionType}

    assert gates == {
        ExecutionType.DRILL: [False, True, False],
        ExecutionType.RECOVERY: [True, True, False],
    }
    assert [plan.may_gate(number) for number in (1, 2, 3)] == [True, True, False]


def test_a_pause_can_be_for_one_kind_of_execution() -> None:
    plan = with_changes({"waves/1/pause_before": {"only": "recovery"}})

    assert [plan.needs_gate(2, execution_type) for execution_type in ("DRILL", "RECOVERY")] == [False, True]
    assert plan.may_gate(2)


def test_without_approval_only_a_pause_is_a_gate() -> None:
    plan = with_changes({"approval": {"recovery": False}, "waves/1/pause_before": True})

    assert [plan.may_gate(number) for number in (1, 2, 3)] == [False, True, False]


def test_every_root_wave_of_a_recovery_has_a_gate() -> None:
    plan = with_changes({"waves/1/depends_on": []})

    assert [plan.needs_gate(number, "RECOVERY") for number in (1, 2, 3)] == [True, True, False]
