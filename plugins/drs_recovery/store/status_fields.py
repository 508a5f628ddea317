"""The statuses of a record that was read, as the enums that the types of records name."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from drs_recovery.statuses import (
    ExecutionStatus,
    ExecutionType,
    FailureDecision,
    FindingSeverity,
    GateDecision,
    ServerPhase,
    SkipCause,
    WaveStatus,
)

if TYPE_CHECKING:
    from drs_recovery.store.expressions import Item

Members = Mapping[str, StrEnum]


def _members(kind: type[StrEnum]) -> Members:
    return {member.value: member for member in kind}


_EXECUTION_TYPES = _members(ExecutionType)
_SEVERITIES = _members(FindingSeverity)
_STATUSES = {"EXECUTION": _members(ExecutionStatus), "WAVE": _members(WaveStatus)}
_SKIP_CAUSES = _members(SkipCause)
_PHASES = _members(ServerPhase)
_QUESTIONS = {"gate": _members(GateDecision), "failureGate": _members(FailureDecision)}


def with_statuses(item: Item) -> Item:
    """Turn the statuses of a record into enums, in place; one of a later release stays the text it is."""
    kind = item["recordKey"].partition("#")[0]
    if kind == "SERVER":
        _turn(item, "phase", _PHASES)
        return item
    _turn(item, "executionType", _EXECUTION_TYPES)
    if kind in _STATUSES:
        _turn(item, "status", _STATUSES[kind])
    if kind == "WAVE":
        _turn(item, "skipCause", _SKIP_CAUSES)
        for name, decisions in _QUESTIONS.items():
            _turn(item.get(name, {}), "decision", decisions)
    for finding in item.get("findings", ()):
        _turn(finding, "severity", _SEVERITIES)
    return item


def _turn(values: dict[str, Any], name: str, members: Members) -> None:
    if name in values:
        values[name] = members.get(values[name], values[name])
