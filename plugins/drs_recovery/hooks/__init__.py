"""Thin clients of the AWS services that a recovery talks to."""

from drs_recovery.hooks.async_drs import AsyncDrs
from drs_recovery.hooks.base import AccountHook
from drs_recovery.hooks.clients import (
    Clients,
    Target,
    TargetAnswers,
    TargetClients,
    TargetTrouble,
    WrongAccountError,
    ask_targets,
    connection_exists,
    demand_account,
)
from drs_recovery.hooks.drs import LISTING_SECONDS, SHORT_PAUSE, START_RECOVERY_SECONDS, DrsHook
from drs_recovery.hooks.ec2 import TERMINATED, describe_instances, is_gone
from drs_recovery.hooks.errors import (
    AWS_ERRORS,
    FORESEEN_ERRORS,
    PASSING_TROUBLE,
    UnusableConnectionError,
    describe,
    describe_safely,
    is_conflict,
    is_of_role,
    is_over_quota,
    is_refusal,
    is_transient,
    is_unanswered,
    retry_after,
)
from drs_recovery.hooks.iam import Decision, QuotasHook, RightsHook
from drs_recovery.hooks.pacing import Answers, Pace, ask_each
from drs_recovery.hooks.variables import delete_variable, read_variable, variable_keys, write_variable

__all__ = [
    "AWS_ERRORS",
    "FORESEEN_ERRORS",
    "LISTING_SECONDS",
    "PASSING_TROUBLE",
    "SHORT_PAUSE",
    "START_RECOVERY_SECONDS",
    "TERMINATED",
    "AccountHook",
    "Answers",
    "AsyncDrs",
    "Clients",
    "Decision",
    "DrsHook",
    "Pace",
    "QuotasHook",
    "RightsHook",
    "Target",
    "TargetAnswers",
    "TargetClients",
    "TargetTrouble",
    "UnusableConnectionError",
    "WrongAccountError",
    "ask_each",
    "ask_targets",
    "connection_exists",
    "delete_variable",
    "demand_account",
    "describe",
    "describe_instances",
    "describe_safely",
    "is_conflict",
    "is_gone",
    "is_of_role",
    "is_over_quota",
    "is_refusal",
    "is_transient",
    "is_unanswered",
    "read_variable",
    "retry_after",
    "variable_keys",
    "write_variable",
]
