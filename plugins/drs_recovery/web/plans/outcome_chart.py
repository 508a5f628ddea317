"""How the last drills of a plan ended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from drs_recovery.statuses import ExecutionStatus, FindingSeverity
from drs_recovery.store.facts import is_drill, is_good_drill, was_cancelled
from drs_recovery.web.plans.charts import ChartTable, OutcomeChart, OutcomeSegment
from drs_recovery.web.plans.inputs import Record
from drs_recovery.web.shared.formatting import counted
from drs_recovery.web.shared.marks import execution_mark

FEWEST_FOR_A_RATE = 5
"""Below this many drills a percentage would say more than anybody knows."""

_COUNTED = (ExecutionStatus.COMPLETED, ExecutionStatus.PARTIAL_SUCCESS, ExecutionStatus.FAILED)
_CANCELLED, _SOME_WAVES, _REFUSED = "cancelled", "of some waves only", "refused at the start"
_APART = (_CANCELLED, _SOME_WAVES, _REFUSED)
_TITLE = "Outcome of the last drills"


def outcome_chart(executions: Sequence[Record]) -> OutcomeChart:
    """
    Count how drills of the whole plan ended.

    Those that people cancelled are told apart, and those that were refused at the start, such as one beside a
    live execution: they say nothing of the plan. What the preflight finds against a plan does.

    :param executions: EXECUTION records; what is no drill or has not ended is passed over.
    """
    counts: Counter[str] = Counter()
    for execution in executions:
        if is_drill(execution) and ExecutionStatus(execution["status"]).is_final:
            counts[_outcome(execution)] += 1
    total = sum(counts[status] for status in _COUNTED)
    left_out = [f"{counted(counts[kind], 'drill')} {kind}" for kind in _APART if counts[kind]]
    rows = [(execution_mark(status).word, str(counts[status])) for status in _COUNTED]
    rows += [(f"Not counted: {kind}", str(counts[kind])) for kind in _APART if counts[kind]]
    return OutcomeChart(
        title=_TITLE,
        sentence=_sentence(counts[ExecutionStatus.COMPLETED], total, bool(left_out)),
        note=f"Not counted: {', '.join(left_out)}" if left_out else "",
        segments=tuple(_segments(counts, total)),
        table=ChartTable(("Outcome", "Drills"), tuple(rows)),
    )


def _outcome(execution: Record) -> str:
    status = ExecutionStatus(execution["status"])
    has_failures = execution["progress"]["failed"] > 0
    if was_cancelled(execution) and not has_failures:
        return _CANCELLED
    if status is ExecutionStatus.FAILED and "admittedTime" not in execution and not _has_errors(execution):
        return _REFUSED
    if status is ExecutionStatus.COMPLETED and not is_good_drill(execution):
        return _SOME_WAVES
    return status


def _has_errors(execution: Record) -> bool:
    return any(finding["severity"] == FindingSeverity.ERROR for finding in execution.get("findings", ()))


def _sentence(good: int, total: int, has_others: bool) -> str:
    if total == 0:
        return "No drill of the whole plan has come to its end yet" if has_others else "No drills yet"
    if total == 1:
        return f"The only drill {'succeeded' if good else 'did not succeed'}"
    rate = f" ({100 * good // total} %)" if total >= FEWEST_FOR_A_RATE else ""
    return f"{good} of the last {total} drills succeeded{rate}"


def _segments(counts: Counter[str], total: int) -> Iterator[OutcomeSegment]:
    before = 0
    for status in _COUNTED:
        if count := counts[status]:
            x, end = (round(100 * part / total, 2) for part in (before, before + count))
            yield OutcomeSegment(x, round(end - x, 2), execution_mark(status), count)
            before += count
