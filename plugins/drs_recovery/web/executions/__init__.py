"""The pages of executions."""

from drs_recovery.web.executions import list, page

__all__ = [
    "list",
    "page",
]
