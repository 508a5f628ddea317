"""When a wave counts as successful."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal

_PERCENTAGE = re.compile(r"(100|[1-9]\d?) ?%", re.ASCII)


@dataclass(frozen=True)
class SuccessRule:
    """
    How many servers must launch for a wave to succeed; in a plan one word or a percentage.

    :param kind: ``critical`` (no critical server failed), ``all``, or ``percentage``.
    :param percent: 1 to 100 for ``percentage``; it counts all servers, critical or not. Else 100.
    """

    kind: Literal["critical", "all", "percentage"] = "critical"
    percent: int = 100

    @classmethod
    def parse(cls, text: str) -> SuccessRule:
        """
        Read the text of a plan file.

        :raises ValueError: with a sentence that follows the quoted text.
        """
        if text == "critical":
            return cls("critical")
        if text == "all":
            return cls("all")
        if match := _PERCENTAGE.fullmatch(text):
            return cls("percentage", int(match[1]))
        raise ValueError("is not a rule of success: critical, all or a percentage from 1% to 100%")

    def __str__(self) -> str:
        """The text of the plan file."""
        return f"{self.percent}%" if self.kind == "percentage" else self.kind

    def shortfall(self, total: int, failed: int, failed_critical: int) -> str | None:
        """
        Judge a wave whose servers have all ended.

        :return: None when the rule is met, else a sentence that says why not.
        """
        if self.kind == "critical":
            return f"{_servers(failed_critical, 'critical ')} failed" if failed_critical else None
        if self.kind == "all":
            return f"{failed} of {_servers(total)} failed, and all are needed" if failed else None
        launched = total - failed
        if launched * 100 >= total * self.percent:
            return None
        return f"{launched} of {_servers(total)} launched, and {self.percent}% are needed"


def success_rule_schema() -> dict[str, Any]:
    """JSON Schema of the text."""
    percentage = {"type": "string", "pattern": f"^{_PERCENTAGE.pattern}$", "examples": ["80%"]}
    return {"anyOf": [{"enum": ["critical", "all"]}, percentage]}


def _servers(count: int, kind: str = "") -> str:
    return f"{count} {kind}server{'' if count == 1 else 's'}"
