"""What nobody is shown of a plan: the values that notifiers and automations get may be passwords."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

SECRET_FIELDS = frozenset({"arguments", "parameters"})
"""Fields of a plan whose values stay hidden, wherever they are."""

HIDDEN = "(not shown)"


def without_secrets(part: Any) -> Any:
    """Plain values of a plan, such as a ``planSnapshot``, with hidden names kept and their values hidden."""
    if isinstance(part, Mapping):
        return {
            name: _hidden(value) if name in SECRET_FIELDS else without_secrets(value)
            for name, value in part.items()
        }
    if isinstance(part, list | tuple):
        return [without_secrets(one) for one in part]
    return part


def _hidden(values: Any) -> Any:
    return dict.fromkeys(values, HIDDEN) if isinstance(values, Mapping) else HIDDEN
