"""How the types of records describe their fields, for readers of the code and for the API."""

from __future__ import annotations

from typing import Any

from pydantic import ConfigDict, Field, with_config

MOMENT = 1795000000.125
"""A time in examples: 2026-11-18T11:06:40.125Z."""

SOURCE_SERVER = "s-1111111111111111a"
INSTANCE = "i-0a1b2c3d4e5f60718"
ACCOUNT = "123456789012"
EXECUTION = "6f1c1c5e-8d3f-5d8e-b1a9-3f4d0d8f0f10"
JOB = "drsjob-5a1b2c3d4e5f60718"

record = with_config(ConfigDict(extra="allow"))
"""Lets the API's schema of a type tolerate fields that the type does not name."""


def about(description: str, example: Any = None) -> Any:
    """
    Describe a field for the API.

    :param example: of its value; that of a record is made of those of its own fields.
    """
    return Field(description=description, examples=None if example is None else [example])


def moment(description: str) -> Any:
    """Describe a point in time for the API."""
    return about(f"{description} Epoch seconds.", MOMENT)
