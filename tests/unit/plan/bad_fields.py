"""Every way to write one key wrongly: changes of the good plan, and the lines that its author reads."""

from datetime import date, datetime
from typing import Any

from tests.unit.plan.documents import DB_1, GONE

PLAN_ID_FORM = "a plan id (1 to 63 lower-case letters, digits and hyphens, no hyphen first)"
SERVER_FORM = "a DRS source server id (s- and 17 letters or digits)"
DURATION_FORM = "is not a duration (ISO-8601, such as PT15M, PT1H30M or P2D)"
CRON_FORM = "is not a cron expression (minute, hour, day of month, month, day of week, such as 0 3 1 * *)"
TEXT_AS_BOOL = "YAML reads this as true (yes, no, on and off too); put it in quotes"
RULE_FORM = "is not a rule of success: critical, all or a percentage from 1% to 100%"
POINT_FORM = '"latest" or a UTC time such as 2025-01-31T03:00:00Z'
REGION_OF_GROUP = "AWS Region of the source servers; default: the plan's region"

BAD_FIELDS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "schema version missing": (
        {"schema_version": GONE},
        ["schema_version: is missing (Version of this format: 1)"],
    ),
    "schema version of the future": (
        {"schema_version": 2},
        ["schema_version: 2 is not allowed here; expected 1"],
    ),
    "schema version as text": (
        {"schema_version": "1"},
        ['schema_version: "1" is not allowed here; expected 1'],
    ),
    "id with capitals": ({"id": "Payroll"}, [f'id: "Payroll" is not {PLAN_ID_FORM}']),
    "id with a hyphen first": ({"id": "-payroll"}, [f'id: "-payroll" is not {PLAN_ID_FORM}']),
    "id of 64 characters": ({"id": "p" * 64}, [f'id: "{"p" * 64}" is not {PLAN_ID_FORM}']),
    "id with a line break": ({"id": "payroll\n"}, [f'id: "payroll\\n" is not {PLAN_ID_FORM}']),
    "id as number": ({"id": 2024}, ['id: 2024 is a number; put it in quotes: "2024"']),
    "priority unknown": (
        {"priority": "urgent"},
        ["priority: \"urgent\" is not allowed here; expected 'critical', 'high', 'normal' or 'low'"],
    ),
    "point in time in words": (
        {"point_in_time": "yesterday"},
        [f'point_in_time: "yesterday" is neither {POINT_FORM.replace(" or ", " nor ")}'],
    ),
    "point in time without a zone": (
        {"protection_groups/web/point_in_time": "2025-01-31T03:00:00"},
        [
            'protection_groups.web.point_in_time: "2025-01-31T03:00:00" has no time zone; expected '
            f"{POINT_FORM}, with Z for UTC"
        ],
    ),
    "point in time of another zone": (
        {"protection_groups/web/servers/0/point_in_time": "2025-01-31T03:00:00+02:00"},
        [
            'protection_groups.web.servers[0].point_in_time: "2025-01-31T03:00:00+02:00" is not in UTC; '
            f"expected {POINT_FORM}: that would be 2025-01-31T01:00:00Z"
        ],
    ),
    "point in time to come": (
        {"point_in_time": "2999-01-31T03:00:00Z"},
        [
            f'point_in_time: "2999-01-31T03:00:00Z" is in the future; expected {POINT_FORM}, of which there '
            "can be snapshots"
        ],
    ),
    "point in time without quotes": (
        {"point_in_time": datetime(2025, 1, 31, 3)},  # noqa: DTZ001
        ['point_in_time: YAML reads 2025-01-31 03:00:00 as a date; put it in quotes: "2025-01-31 03:00:00"'],
    ),
    "name empty": ({"name": ""}, ["name: is empty"]),
    "name of two lines": (
        {"name": "a\nb"},
        ['name: "a\\nb" has control characters; expected one line of text'],
    ),
    "name too long": ({"name": "n" * 101}, ["name: has 101 characters; at most 100 are allowed"]),
    "description with an escape sequence": (
        {"description": "red \x1b[31m"},
        ['description: "red \\u001b[31m" has control characters; expected text without them'],
    ),
    "description without a value": (
        {"description": None},
        ["description: has no value; write one or remove the key"],
    ),
    "tags as text": ({"tags": "payroll"}, ['tags: expected a list, found "payroll"']),
    "tag longer than Airflow allows": (
        {"tags": ["t" * 101]},
        ["tags[0]: has 101 characters; at most 100 are allowed"],
    ),
    "objective of months": (
        {"objectives": {"rto": "P1M"}},
        [
            'objectives.rto: "P1M" has months or years, whose length varies; '
            "use weeks (W), days (D) or less; did you mean 'PT1M'?"
        ],
    ),
    "objective of years": (
        {"objectives": {"rpo": "P1Y"}},
        ['objectives.rpo: "P1Y" has months or years, whose length varies; use weeks (W), days (D) or less'],
    ),
    "objectives as list": (
        {"objectives": ["PT1H"]},
        ["objectives: expected a mapping with keys such as rto, rpo, found a list"],
    ),
    "region that is none": (
        {"region": "Frankfurt"},
        ['region: "Frankfurt" is not an AWS Region name such as us-east-1'],
    ),
    "region missing": (
        {"region": GONE},
        [
            f"protection_groups.db.region: is missing ({REGION_OF_GROUP})",
            f"protection_groups.app.region: is missing ({REGION_OF_GROUP})",
        ],
    ),
    "connection with a blank": (
        {"connection": "aws default"},
        [
            'connection: "aws default" is not the id of an Airflow connection '
            r"(letters, digits and #!()-_.:/\ only)"
        ],
    ),
    "cron missing": (
        {"schedule": {"timezone": "UTC"}},
        ["schedule.cron: is missing (Minute, hour, day of month, month and day of week)"],
    ),
    "cron of four fields": ({"schedule": {"cron": "0 3 1 *"}}, [f'schedule.cron: "0 3 1 *" {CRON_FORM}']),
    "cron with seconds": (
        {"schedule": {"cron": "0 0 3 1 * *"}},
        [f'schedule.cron: "0 0 3 1 * *" {CRON_FORM}'],
    ),
    "cron at random": ({"schedule": {"cron": "R R * * *"}}, [f'schedule.cron: "R R * * *" {CRON_FORM}']),
    "cron out of range": ({"schedule": {"cron": "61 * * * *"}}, [f'schedule.cron: "61 * * * *" {CRON_FORM}']),
    "cron as number": ({"schedule": {"cron": 5}}, [f"schedule.cron: 5 {CRON_FORM}"]),
    "cron of 31 February": (
        {"schedule": {"cron": "0 0 31 2 *"}},
        ['schedule.cron: "0 0 31 2 *" never comes up: there is no such date'],
    ),
    "time zone misspelt": (
        {"schedule": {"cron": "0 3 1 * *", "timezone": "Europe/Viena"}},
        [
            'schedule.timezone: "Europe/Viena" is not a time zone of the IANA database, such as '
            "Europe/Vienna; did you mean 'Europe/Vienna'?"
        ],
    ),
    "time zone that is a directory": (
        {"schedule": {"cron": "0 3 1 * *", "timezone": "../etc/passwd"}},
        ['schedule.timezone: "../etc/passwd" is not a time zone of the IANA database, such as Europe/Vienna'],
    ),
    "approval without a value": ({"approval": None}, ["approval: has no value; write one or remove the key"]),
    "approval as text": (
        {"approval": {"recovery": "dr-lead"}},
        ['approval.recovery: expected true, false or a mapping, found "dr-lead"'],
    ),
    "approval by nobody": (
        {"approval": {"recovery": {"approvers": []}}},
        [
            "approval.recovery.approvers: is empty; list user ids, or remove the key to let everyone "
            "approve who may trigger the plan"
        ],
    ),
    "approver as number": (
        {"approval": {"recovery": {"approvers": [7]}}},
        ['approval.recovery.approvers[0]: 7 is a number; put it in quotes: "7"'],
    ),
    "no groups": (
        {"protection_groups": {}, "waves": [{"name": "Database", "groups": ["db"]}]},
        [
            "protection_groups: is empty; at least one is needed",
            'waves[0].groups[0]: "db" is not a protection group of this plan (there is none)',
        ],
    ),
    "group without servers": (
        {"protection_groups/db/servers": []},
        ["protection_groups.db.servers: is empty; at least one is needed"],
    ),
    "group without tags": (
        {"protection_groups/app/tags": {}},
        ["protection_groups.app.tags: is empty; at least one is needed"],
    ),
    "group as list": (
        {"protection_groups/db": [DB_1]},
        ["protection_groups.db: expected a mapping with keys such as servers, tags, region, found a list"],
    ),
    "group name empty": (
        {"protection_groups/": {"servers": ["s-9999999999999999a"]}, "waves/0/groups": ["db", ""]},
        ["protection_groups.: is empty", "waves[0].groups[1]: is empty"],
    ),
    "server id too short": (
        {"protection_groups/db/servers/0": "s-12"},
        [f'protection_groups.db.servers[0]: "s-12" is not {SERVER_FORM}'],
    ),
    "server id of a mapping": (
        {"protection_groups/web/servers/0/id": "i-0123456789abcdef0"},
        [f'protection_groups.web.servers[0].id: "i-0123456789abcdef0" is not {SERVER_FORM}'],
    ),
    "server id as number": (
        {"protection_groups/db/servers/1": 11112222},
        ['protection_groups.db.servers[1]: 11112222 is a number; put it in quotes: "11112222"'],
    ),
    "server id missing": (
        {"protection_groups/web/servers/0/id": GONE},
        ["protection_groups.web.servers[0].id: is missing (DRS source server id)"],
    ),
    "critical as text": (
        {"protection_groups/web/servers/0/critical": "yes"},
        ['protection_groups.web.servers[0].critical: expected true or false, found "yes"'],
    ),
    "tag value as number": (
        {"protection_groups/app/tags/dr:tier": 1},
        ['protection_groups.app.tags.dr:tier: 1 is a number; put it in quotes: "1"'],
    ),
    "tag value as boolean": (
        {"protection_groups/app/tags/dr:tier": True},
        [f"protection_groups.app.tags.dr:tier: {TEXT_AS_BOOL}"],
    ),
    "tag value as date": (
        {"protection_groups/app/tags/dr:tier": date(2024, 1, 31)},
        [
            "protection_groups.app.tags.dr:tier: YAML reads 2024-01-31 as a date; "
            'put it in quotes: "2024-01-31"'
        ],
    ),
    "tag value as list": (
        {"protection_groups/app/tags/dr:tier": ["web"]},
        ["protection_groups.app.tags.dr:tier: expected text, found a list"],
    ),
    "no waves": ({"waves": []}, ["waves: is empty; at least one is needed"]),
    "waves missing": ({"waves": GONE}, ["waves: is missing (Waves of the recovery, in order)"]),
    "wave as text": (
        {"waves/2": "web"},
        ['waves[2]: expected a mapping with keys such as name, groups, depends_on, found "web"'],
    ),
    "wave without a name": (
        {"waves/0/name": GONE},
        ["waves[0].name: is missing (Name for people; other waves refer to it)"],
    ),
    "wave without groups": (
        {"waves/0/groups": GONE},
        ["waves[0].groups: is missing (Protection groups of this wave)"],
    ),
    "wave's groups as text": ({"waves/0/groups": "db"}, ['waves[0].groups: expected a list, found "db"']),
    "key misspelt": (
        {"waves/1/pause_befor": True},
        ["waves[1].pause_befor: unknown key \"pause_befor\"; did you mean 'pause_before'?"],
    ),
    "key that resembles nothing": (
        {"schedule": {"cron": "0 3 1 * *", "catchup": True}},
        ['schedule.catchup: unknown key "catchup" (known keys: cron, timezone)'],
    ),
    "camel case": (
        {"schemaVersion": 1, "schema_version": GONE},
        [
            "schemaVersion: unknown key \"schemaVersion\"; did you mean 'schema_version'?",
            "schema_version: is missing (Version of this format: 1)",
        ],
    ),
    "topic by name": (
        {"notify": {"sns_topic_arn": "dr-topic"}},
        [
            'notify.sns_topic_arn: "dr-topic" is not the ARN of an SNS topic, such as '
            "arn:aws:sns:us-east-1:123456789012:dr"
        ],
    ),
    "notify without anybody": (
        {"notify": {}},
        ["notify: is empty; give sns_topic_arn, notifiers, or both"],
    ),
    "notifiers of nobody": (
        {"notify": {"notifiers": []}},
        ["notify.notifiers: is empty; at least one is needed"],
    ),
    "notifier without a class": (
        {"notify": {"notifiers": [{"arguments": {"to": "ann"}}]}},
        ["notify.notifiers[0].class: is missing (Import path of a subclass of Airflow's BaseNotifier)"],
    ),
    "notifier by a bare name": (
        {"notify": {"notifiers": [{"class": "SmtpNotifier"}]}},
        [
            'notify.notifiers[0].class: "SmtpNotifier" is not the import path of a class, '
            "such as package.module.Class"
        ],
    ),
    "notifier with a misspelt key": (
        {"notify": {"notifiers": [{"class": "a.B", "argument": {}}]}},
        ["notify.notifiers[0].argument: unknown key \"argument\"; did you mean 'arguments'?"],
    ),
    "argument that YAML reads as a date": (
        {"notify": {"notifiers": [{"class": "a.B", "arguments": {"since": {"day": date(2025, 1, 31)}}}]}},
        [
            "notify.notifiers[0].arguments.since: YAML reads 2025-01-31 as a date; "
            'put it in quotes: "2025-01-31"'
        ],
    ),
    "pause as text": (
        {"waves/1/pause_before": "yes"},
        ['waves[1].pause_before: expected true, false or a mapping, found "yes"'],
    ),
    "pause with an unknown end": (
        {"waves/1/pause_before": {"on_timeout": "cancle"}},
        [
            'waves[1].pause_before.on_timeout: "cancle" is not allowed here; '
            "expected 'cancel' or 'continue'; did you mean 'cancel'?"
        ],
    ),
    "real recovery without an answer": (
        {"approval": {"recovery": {"on_timeout": "continue"}}},
        ["approval.recovery.on_timeout: \"continue\" is not allowed here; expected 'cancel'"],
    ),
    "time-out as number": ({"waves/0/timeout": 90}, [f"waves[0].timeout: 90 {DURATION_FORM}"]),
    "time-out in words": (
        {"waves/0/timeout": "90 minutes"},
        [f'waves[0].timeout: "90 minutes" {DURATION_FORM}'],
    ),
    "time-out without digits": ({"waves/0/timeout": "PT"}, [f'waves[0].timeout: "PT" {DURATION_FORM}']),
    "time-out of nothing": (
        {"waves/0/timeout": "PT0S"},
        ['waves[0].timeout: "PT0S" is zero; a duration must be longer than zero'],
    ),
    "time-out negative": (
        {"waves/0/timeout": "-PT5M"},
        ['waves[0].timeout: "-PT5M" is negative; a duration must be longer than zero'],
    ),
    "time-out of ages": (
        {"waves/0/timeout": "P99999999999W"},
        ['waves[0].timeout: "P99999999999W" is too long for a duration'],
    ),
    "time-out of more than a year": (
        {"waves/0/timeout": "P400D"},
        ['waves[0].timeout: "P400D" is longer than P366D, the longest that a plan may hold'],
    ),
    "time-out of half a second": (
        {"waves/0/timeout": "PT0.5S"},
        ['waves[0].timeout: "PT0.5S" has a fraction of a second; whole seconds are expected'],
    ),
    "success of 0 %": ({"waves/0/success_when": "0%"}, [f'waves[0].success_when: "0%" {RULE_FORM}']),
    "success of 101 %": ({"waves/0/success_when": "101%"}, [f'waves[0].success_when: "101%" {RULE_FORM}']),
    "success without a percent sign": (
        {"waves/0/success_when": 80},
        [f"waves[0].success_when: 80 {RULE_FORM}"],
    ),
    "failure rule misspelt": (
        {"waves/0/on_failure": "stopp"},
        [
            'waves[0].on_failure: "stopp" is not allowed here; '
            "expected 'stop', 'continue' or 'ask'; did you mean 'stop'?"
        ],
    ),
}
