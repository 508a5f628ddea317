"""Findings of the preflight in the execution store."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from drs_recovery.statuses import FindingSeverity
from drs_recovery.store.documents import Event, present
from drs_recovery.store.expressions import Item
from drs_recovery.store.records import PreflightFinding
from drs_recovery.store.rules import EXECUTION_SUBJECT, demand_live
from drs_recovery.store.transaction import StoreBase, execution_update, retried_on_conflict

# A record of DynamoDB has room for 400 KB, and every look at the execution reads all of it.
MOST_FINDINGS = 100


class StoreFindings(StoreBase):
    """Write what the preflight found."""

    @retried_on_conflict
    def set_findings(self, execution_id: str, findings: Sequence[PreflightFinding]) -> bool:
        """
        Record what a preflight found; a later preflight of the same execution replaces it.

        Errors come first. Of more than a hundred findings the rest is only counted, here and in the event.

        :param execution_id: the execution.
        :param findings: all of them; none means that everything is fine.
        :return: False if the record says so already.
        :raises TransitionRefusedError: the execution has ended.
        """
        execution = self._read_execution(execution_id)
        demand_live(execution, EXECUTION_SUBJECT, "checked")
        items = _items(findings)
        if execution.get("findings") == items:
            return False
        counts = Counter(finding.severity for finding in findings)
        detail = {"errors": counts[FindingSeverity.ERROR], "warnings": counts[FindingSeverity.WARNING]}
        update = execution_update(execution, self._now(), {"findings": items})
        self._commit(Event("PREFLIGHT", detail), [update])
        return True


def _items(findings: Sequence[PreflightFinding]) -> list[Item]:
    ordered = sorted(findings, key=lambda finding: finding.severity is not FindingSeverity.ERROR)
    if len(ordered) > MOST_FINDINGS:
        left_out = len(ordered) - MOST_FINDINGS + 1
        more = PreflightFinding(
            ordered[MOST_FINDINGS - 1].severity,
            f"there are {left_out} more findings",
            "see the log of the task open_execution",
        )
        ordered = [*ordered[: MOST_FINDINGS - 1], more]
    return [_item(finding) for finding in ordered]


def _item(finding: PreflightFinding) -> Item:
    return {
        "severity": finding.severity,
        "what": finding.what,
        "remedy": finding.remedy,
        **present(
            {
                "sourceServerId": finding.source_server_id,
                "serverName": finding.server_name,
                "waveNumber": finding.wave_number,
            }
        ),
    }
