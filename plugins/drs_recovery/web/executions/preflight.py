"""What was found before anything was launched."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from drs_recovery.statuses import FindingSeverity
from drs_recovery.web.shared.formatting import counted
from drs_recovery.web.shared.marks import Mark, severity_mark


@dataclass(frozen=True)
class Finding:
    """
    One thing that was found.

    :param mark: error or warning.
    :param wave: number of the wave that it is about; None for the whole execution.
    :param server: name and id of the server that it is about; None if it is about none.
    :param what: what is wrong.
    :param remedy: what to do about it.
    """

    mark: Mark
    wave: int | None
    server: str | None
    what: str
    remedy: str


@dataclass(frozen=True)
class Preflight:
    """
    The findings.

    :param summary: such as ``1 error, 2 warnings``, or that everything was fine.
    :param findings: errors first.
    :param has_errors: whether there is an error.
    """

    summary: str
    findings: tuple[Finding, ...]
    has_errors: bool


def preflight_of(document: Mapping[str, Any]) -> Preflight | None:
    """
    The findings of an execution; None before its servers were checked.

    :param document: the execution document.
    """
    findings = document.get("findings")
    if findings is None:
        return None
    counts = Counter(finding["severity"] for finding in findings)
    summary = ", ".join(counted(counts[one], one.lower()) for one in FindingSeverity if counts[one])
    return Preflight(
        summary=summary or "everything was found to be fine",
        findings=tuple(map(_finding, findings)),
        has_errors=bool(counts[FindingSeverity.ERROR]),
    )


def _finding(finding: Mapping[str, Any]) -> Finding:
    server = finding.get("sourceServerId")
    return Finding(
        mark=severity_mark(finding["severity"]),
        wave=finding.get("waveNumber"),
        server=f"{finding.get('serverName') or server} ({server})" if server else None,
        what=finding["what"],
        remedy=finding["remedy"],
    )
