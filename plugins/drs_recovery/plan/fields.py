"""The kinds of text in a plan, each described once for pydantic, for errors and for the JSON Schema."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo, available_timezones

from croniter import croniter
from pydantic import BeforeValidator, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

from drs_recovery.durations import format_duration, parse_duration
from drs_recovery.plan.points_in_time import point_schema, read_point
from drs_recovery.plan.problems import did_you_mean, not_text, quoted, sentence_error
from drs_recovery.plan.success_rule import SuccessRule, success_rule_schema

JsonSchema = dict[str, Any]

# No drill or wait is planned for longer; a bound also keeps time arithmetic from overflowing.
LONGEST_DURATION = timedelta(days=366)
# Any fixed day will do to see whether a cron expression ever comes up; a clock would make the answer vary.
_CRON_PROBE_START = datetime(2024, 1, 1, tzinfo=UTC)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_CONTROL_OR_BREAK = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
# Of the fields of a cron expression: the name, and how many values there are.
_CRON_FIELDS = (
    ("minutes", 60),
    ("hours", 24),
    ("days of the month", 31),
    ("months", 12),
    ("weekdays", 7),
)
_CRON_STEP = re.compile(r"(?:(\d+)-(\d+)|.*)/(\d+)")
# Of an argument: records hold numbers of up to 38 digits.
_MOST_BITS = 63
_CRON_ALIASES = ("@hourly", "@daily", "@weekly", "@monthly", "@yearly")


@dataclass(frozen=True)
class Text:
    """
    Annotation of a ``str`` field: one line of text of a given form.

    :param what: the form in words, which follows ``is not`` in an error.
    :param longest: most characters.
    :param may_be_empty: whether a text of no characters is one.
    """

    what: str = "text"
    pattern: str | None = None
    longest: int = 250
    examples: tuple[str, ...] = ()
    lines: bool = False
    may_be_empty: bool = False

    def __get_pydantic_core_schema__(self, source: type, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Check before pydantic does, so that every message is ours."""
        return core_schema.no_info_before_validator_function(self._checked, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchema:
        """Describe the form to editors."""
        described: JsonSchema = {
            "type": "string",
            "minLength": 0 if self.may_be_empty else 1,
            "maxLength": self.longest,
        }
        if self.pattern:
            described = {"type": "string", "pattern": f"^(?:{self.pattern})$"}
        return described | ({"examples": list(self.examples)} if self.examples else {})

    def _checked(self, value: object) -> str:
        if not isinstance(value, str):
            raise sentence_error(not_text(value))
        if self.pattern and not re.fullmatch(self.pattern, value, re.ASCII):
            raise sentence_error(f"{quoted(value)} is not {self.what}")
        if not value.strip() and not (self.may_be_empty and not value):
            raise sentence_error("is empty")
        if len(value) > self.longest:
            raise sentence_error(f"has {len(value)} characters; at most {self.longest} are allowed")
        if (_CONTROL if self.lines else _CONTROL_OR_BREAK).search(value):
            expected = "text without them" if self.lines else "one line of text"
            raise sentence_error(f"{quoted(value)} has control characters; expected {expected}")
        return value


@dataclass(frozen=True)
class Checked:
    """
    Annotation of a field whose text a function turns into its value.

    :param read: raises ValueError with a sentence that follows the quoted value.
    :param value_type: of the value that ``read`` makes, which is also accepted as it is.
    """

    read: Callable[[str], Any]
    schema: Callable[[], JsonSchema]
    write: Callable[[Any], str] = str
    value_type: type = str

    def __get_pydantic_core_schema__(self, source: type, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Replace pydantic's own reading, which would accept numbers of seconds and much more."""
        return core_schema.no_info_plain_validator_function(
            self._checked,
            serialization=core_schema.plain_serializer_function_ser_schema(self.write, when_used="json"),
        )

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchema:
        """Describe the text to editors."""
        return self.schema()

    def _checked(self, value: object) -> Any:
        if isinstance(value, self.value_type):
            value = self.write(value)
        if isinstance(value, date):
            raise sentence_error(not_text(value))
        try:
            # Numbers, lists and the like are refused by the reader, which knows what to expect instead.
            return self.read(value if isinstance(value, str) else quoted(value))
        except ValueError as error:
            raise sentence_error(f"{quoted(value)} {error}") from None


def _plan_duration(text: str) -> timedelta:
    duration = parse_duration(text)
    if not duration:
        raise ValueError("is zero; a duration must be longer than zero")
    if duration > LONGEST_DURATION:
        raise ValueError(
            f"is longer than {format_duration(LONGEST_DURATION)}, the longest that a plan may hold"
        )
    if duration.microseconds:
        raise ValueError("has a fraction of a second; whole seconds are expected")
    return duration


def _retention(text: str) -> timedelta | str:
    if text in ("now", "never"):
        return text
    if not text.startswith(("P", "-P")):
        raise ValueError('is neither a duration such as PT2H nor "now" or "never"')
    return _plan_duration(text)


def _written_retention(value: timedelta | str) -> str:
    return value if isinstance(value, str) else format_duration(value)


def _cron(text: str) -> str:
    # R means "at random" to croniter: every parse of the DAG would make another schedule.
    fields = text.split()
    known_form = text in _CRON_ALIASES or (len(fields) == 5 and not any(field[0] in "Rr" for field in fields))
    if not known_form or not croniter.is_valid(text):
        raise ValueError(
            "is not a cron expression (minute, hour, day of month, month, day of week, such as 0 3 1 * *)"
        )
    if problem := _cron_step_problem(fields):
        raise ValueError(problem)
    try:
        croniter(text, _CRON_PROBE_START).get_next()
    except ValueError:
        raise ValueError("never comes up: there is no such date") from None
    return text


def _cron_step_problem(fields: list[str]) -> str | None:
    """A step larger than its field is no error to cron: ``*/90`` runs every hour, whatever it looks like."""
    for field, (name, size) in zip(fields, _CRON_FIELDS, strict=False):
        for step in filter(None, map(_CRON_STEP.fullmatch, field.split(","))):
            first, last, width = step.groups()
            room = size if first is None else int(last) - int(first) + 1
            if int(width) > room:
                return f"has a step of {width} in {room} {name}: it would not run every {width} {name}"
    return None


def _time_zone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (LookupError, ValueError, OSError):
        hint = did_you_mean(text, available_timezones())
        raise ValueError(f"is not a time zone of the IANA database, such as Europe/Vienna{hint}") from None
    return text


def _duration_schema() -> JsonSchema:
    pattern = r"^P(?=.)(\d+W)?(\d+D)?(T(?=\d)(\d+H)?(\d+M)?(\d+S)?)?$"
    return {"type": "string", "pattern": pattern, "examples": ["PT15M", "PT1H30M", "P2D"]}


def _retention_schema() -> JsonSchema:
    return {"anyOf": [_duration_schema(), {"enum": ["now", "never"]}]}


def _cron_schema() -> JsonSchema:
    return {"type": "string", "examples": ["0 3 1 * *", "30 2 * * sun"]}


def _time_zone_schema() -> JsonSchema:
    return {"type": "string", "examples": ["UTC", "Europe/Vienna", "America/New_York"]}


def _argument(value: object) -> object:
    """Numbers, switches and texts, also in lists and mappings: what a snapshot brings back unchanged."""
    if isinstance(value, Mapping):
        return {key: _argument(child) for key, child in value.items()}
    if isinstance(value, (list, tuple)):
        return [_argument(child) for child in value]
    is_number = isinstance(value, (bool, int)) or (isinstance(value, float) and math.isfinite(value))
    if not (isinstance(value, str) or is_number):
        raise sentence_error(not_text(value))
    if isinstance(value, int) and value.bit_length() > _MOST_BITS:
        raise sentence_error(f"{quoted(value)} is too large for a number; put it in quotes")
    return value


Argument = Annotated[Any, BeforeValidator(_argument)]
Duration = Annotated[timedelta, Checked(_plan_duration, _duration_schema, format_duration, timedelta)]
Retention = Annotated[timedelta | str, Checked(_retention, _retention_schema, _written_retention, timedelta)]
Cron = Annotated[str, Checked(_cron, _cron_schema)]
TimeZone = Annotated[str, Checked(_time_zone, _time_zone_schema)]
SuccessCondition = Annotated[SuccessRule, Checked(SuccessRule.parse, success_rule_schema, str, SuccessRule)]
PointInTime = Annotated[str, Checked(read_point, point_schema)]

PLAN_ID_PATTERN = "[a-z0-9][a-z0-9-]{0,62}"
PlanId = Annotated[
    str,
    Text(
        "a plan id (1 to 63 lower-case letters, digits and hyphens, no hyphen first)",
        PLAN_ID_PATTERN,
        examples=("three-tier-crm",),
    ),
]
# Source: ``SourceServerID`` in botocore's drs/2020-02-26 model.
ServerId = Annotated[
    str,
    Text(
        "a DRS source server id (s- and 17 letters or digits)",
        "s-[0-9a-zA-Z]{17}",
        examples=("s-1111111111111111a",),
    ),
]
RegionName = Annotated[
    str,
    Text("an AWS Region name such as us-east-1", r"[a-z]{2,}(-[a-z]+)+-\d+", examples=("us-east-1",)),
]
# Source: RE_SANITIZE_CONN_ID in airflow/models/connection.py; the length keeps within its column.
ConnectionId = Annotated[
    str,
    Text(
        r"the id of an Airflow connection (letters, digits and #!()-_.:/\ only)",
        r"[\w#!()\-.:/\\]{1,200}",
        examples=("aws_default",),
    ),
]
ClassPath = Annotated[
    str,
    Text(
        "the import path of a class, such as package.module.Class",
        r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+",
        examples=("airflow.providers.smtp.notifications.smtp.SmtpNotifier",),
    ),
]
TopicArn = Annotated[
    str,
    Text(
        "the ARN of an SNS topic, such as arn:aws:sns:us-east-1:123456789012:dr",
        r"arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[\w-]{1,256}(\.fifo)?",
        examples=("arn:aws:sns:us-east-1:123456789012:dr",),
    ),
]
HttpUrl = Annotated[
    str,
    Text(
        "an http:// or https:// address",
        r"https?://\S.*",
        longest=2000,
        examples=("http://{{ server.private_ip }}:8080/health",),
    ),
]
Name = Annotated[str, Text(longest=100)]
# Airflow's limit of a tag.
DagTag = Annotated[str, Text(longest=100)]
# AWS's limits of a tag.
TagKey = Annotated[str, Text(longest=128)]
TagValue = Annotated[str, Text(longest=256, may_be_empty=True)]
Line = Annotated[str, Text(longest=250)]
Prose = Annotated[str, Text(longest=5000, lines=True)]
