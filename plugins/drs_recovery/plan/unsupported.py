"""What a plan may say already but what is not executed yet; making something work means removing its row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from drs_recovery.plan.problems import Finding, Location

# Places; ``*`` stands for every key or index.
NOT_SUPPORTED_YET: tuple[tuple[str, ...], ...] = (
    ("point_in_time",),
    ("protection_groups", "*", "servers", "*", "point_in_time"),
    ("waves", "*", "wait_before"),
    ("waves", "*", "only"),
    ("waves", "*", "before"),
    ("waves", "*", "after"),
)


def unsupported_findings(document: object) -> Iterator[Finding]:
    """
    Everything in a plan file that would be ignored if it were accepted.

    :param document: as it was written; what a default would give is never reported.
    """
    for pattern in NOT_SUPPORTED_YET:
        for location in _matches(document, pattern, ()):
            yield Finding(location, f"{pattern[-1]} is not supported yet")


def _matches(value: object, pattern: tuple[str, ...], location: Location) -> Iterator[Location]:
    if not pattern:
        yield location
        return
    for key, child in _children(value):
        if pattern[0] in ("*", key):
            yield from _matches(child, pattern[1:], (*location, key))


def _children(value: object) -> Iterator[tuple[str | int, object]]:
    if isinstance(value, Mapping):
        yield from value.items()
    elif isinstance(value, list):
        yield from enumerate(value)
