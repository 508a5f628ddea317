"""Plans as documents: small ones, so that a test shows only what matters to it."""

from __future__ import annotations

from typing import Any

DB_1, DB_2 = "s-1111111111111111a", "s-1111111111111111b"
APP_1, APP_2 = "s-2222222222222222a", "s-2222222222222222b"
WEB_1, WEB_2 = "s-3333333333333333a", "s-3333333333333333b"
BILLING_DB_1, BILLING_DB_2 = "s-4444444444444444a", "s-4444444444444444b"
WEST = "us-west-2"


def plan(*waves: dict[str, Any], groups: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    """
    A plan over the CRM's servers.

    :param waves: each with at least ``groups``; names are given in order.
    :param groups: more protection groups, or others of the same name.
    """
    names = ("Database", "Application", "Web")
    return {
        "schema_version": 1,
        "id": "crm",
        "region": "us-east-1",
        "protection_groups": _used(
            {
                "database": {"servers": [DB_1, DB_2]},
                "application": {"servers": [APP_1, APP_2]},
                "web": {"servers": [WEB_1, WEB_2]},
                **(groups or {}),
            },
            waves,
        ),
        "waves": [{"name": name, **wave} for name, wave in zip(names, waves, strict=False)],
        **fields,
    }


def database(**fields: Any) -> dict[str, Any]:
    """The wave of the two database servers."""
    return {"groups": ["database"], **fields}


def application(**fields: Any) -> dict[str, Any]:
    """The wave of the two application servers."""
    return {"groups": ["application"], **fields}


def web(**fields: Any) -> dict[str, Any]:
    """The wave of the two web servers."""
    return {"groups": ["web"], **fields}


def _used(groups: dict[str, Any], waves: tuple[dict[str, Any], ...]) -> dict[str, Any]:
    wanted = [name for wave in waves for name in wave["groups"]]
    return {name: group for name, group in groups.items() if name in wanted}
