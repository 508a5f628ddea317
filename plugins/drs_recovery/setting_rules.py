"""What a setting of ``[drs_recovery]`` may be: its text is read strictly, errors say what was expected."""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Generic, TypeVar
from urllib.parse import urlsplit

from airflow.configuration import conf
from pydantic import ConfigDict, Field, PositiveInt, TypeAdapter
from typing_extensions import TypedDict

from drs_recovery.exceptions import SettingError

SECTION = "drs_recovery"

Value = TypeVar("Value")

_NUMBER = re.compile(r"[0-9]+(\.[0-9]*)?([eE][+-]?[0-9]+)?|\.[0-9]+")
# Airflow's own words, see its getboolean.
_TRUTHS = {"true": True, "t": True, "1": True, "false": False, "f": False, "0": False}
_LONGEST_SHOWN = 100

Name = Annotated[str, Field(min_length=1)]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Setting(Generic[Value]):
    """
    One setting.

    :param read: makes a value of its text; raises ``ValueError`` for one that makes none.
    """

    key: str
    default: Value
    expects: str
    read: Callable[[str], Value]
    is_secret: bool = False

    @property
    def variable(self) -> str:
        """The environment variable that sets it."""
        return f"AIRFLOW__{SECTION}__{self.key}".upper()

    @property
    def is_set(self) -> bool:
        """Whether anything is configured, good or not."""
        try:
            return self.text() is not None
        except SettingError:
            return True

    def text(self) -> str | None:
        """
        What is configured; None if nothing is.

        :raises SettingError: Airflow's configuration cannot be read there.
        """
        try:
            return str(conf.get(SECTION, self.key, fallback=None) or "").strip() or None
        except Exception as error:
            raise SettingError(f"{self._name} cannot be read: {error}") from error

    def value(self) -> Value:
        """
        The value, strictly.

        :raises SettingError: what is configured makes none.
        """
        text = self.text()
        if text is None:
            return self.default
        try:
            return self.read(text)
        except ValueError as error:
            # The cause quotes the text.
            cause = None if self.is_secret else error
            raise SettingError(f"{self._name} is {self._shown(text)}: expected {self.expects}") from cause

    def value_or_default(self) -> Value:
        """For steps that must not stop at it: what has been launched is recorded, whatever is set."""
        try:
            return self.value()
        except SettingError as error:
            _warn(f"{error}; the default {self.default} holds")
            return self.default

    @property
    def _name(self) -> str:
        return f"[{SECTION}] {self.key} ({self.variable})"

    def _shown(self, text: str) -> str:
        if self.is_secret:
            return "not shown, as it may hold keys"
        return repr(text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…")


@cache
def _warn(message: str) -> None:
    """Once a process: some settings are read at every look."""
    log.warning("%s", message)


def seconds(key: str, default: float, lowest: float, highest: float) -> Setting[float]:
    """
    A duration.

    :param default: seconds.
    :param lowest: seconds that are allowed.
    """
    return number_of("seconds", key, default, lowest, highest)


def number_of(unit: str, key: str, default: float, lowest: float, highest: float) -> Setting[float]:
    """A number of something, such as calls a second."""

    def read(text: str) -> float:
        number = float(text) if _NUMBER.fullmatch(text) else math.nan
        if not lowest <= number <= highest:
            raise ValueError(text)
        return number

    return Setting(
        key, default, f"{unit} as a number from {lowest:g} to {highest:g}, such as {default:g}", read
    )


def truth(key: str, *, default: bool, also: Mapping[str, bool] | None = None) -> Setting[bool]:
    """
    Yes or no, in Airflow's words.

    :param default: its value if nothing is configured.
    """
    known = {**(also or {}), **_TRUTHS}

    def read(text: str) -> bool:
        # A comment may follow the word, as in all of Airflow's settings.
        word = text.partition("#")[0].strip().lower()
        if word not in known:
            raise ValueError(text)
        return known[word]

    return Setting(key, default, " or ".join(also or ("true", "false")), read)


def words(key: str, default: Any, pattern: str, expects: str) -> Setting[Any]:
    """
    A name.

    :param default: its value if nothing is configured.
    """

    def read(text: str) -> str:
        if not re.fullmatch(pattern, text, re.ASCII):
            raise ValueError(text)
        return text

    return Setting(key, default, expects, read)


def host_names(text: str) -> tuple[str, ...]:
    """Read a list of host names and addresses."""
    hosts = tuple(part.strip() for part in text.split(",") if part.strip())
    for host in hosts:
        if not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9.:_-]{0,251}[A-Za-z0-9])?|::1", host):
            raise ValueError(text)
    return hosts


class TaskDefaults(TypedDict, total=False):
    """Where tasks run. What else a task may be told, such as its retries, the steps of a recovery rely on."""

    __pydantic_config__ = ConfigDict(extra="forbid", strict=True)  # type: ignore[misc]  # no key

    queue: Name
    pool: Name
    pool_slots: PositiveInt
    executor: Name
    executor_config: dict[str, Any]


_TASK_DEFAULTS = TypeAdapter(TaskDefaults)


def task_arguments(text: str) -> TaskDefaults:
    """Read where tasks run; an executor that Airflow does not have would cost every DAG of the file."""
    found = _TASK_DEFAULTS.validate_json(text)
    if (executor := found.get("executor")) and executor not in _executors():
        raise ValueError(text)
    return found


def _executors() -> set[str]:
    """Every name under which Airflow knows the executors of ``[core] executor``: alias, class and path."""
    names: set[str] = set()
    for part in re.split(r"[,;]", conf.get_mandatory_value("core", "executor")):
        # Those of a team are behind its name.
        alias, _, path = part.rpartition("=")[2].strip().rpartition(":")
        names |= {alias, path, path.rpartition(".")[2]}
    return names


def address(text: str) -> str:
    """Read the address of a web page: what links can begin with."""
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or not re.fullmatch(r"[!-~]+", text):
        raise ValueError(text)
    if parts.query or parts.fragment or "@" in parts.netloc:
        raise ValueError(text)
    # A port that is none raises, too.
    _ = parts.port
    return text
