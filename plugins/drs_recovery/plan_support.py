"""What a plan may say already but what is not executed yet; making something work means removing its row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from drs_recovery.plan_findings import Finding, Location

# Place (``*`` stands for every key or index) and, where only some values are meant, these values.
NOT_SUPPORTED_YET: tuple[tuple[tuple[str, ...], frozenset[str]], ...] = (
    (("point_in_time",), frozenset()),
    (("protection_groups", "*", "servers", "*", "point_in_time"), frozenset()),
    (("waves", "*", "on_failure"), frozenset({"ask"})),
    (("waves", "*", "wait_before"), frozenset()),
    (("waves", "*", "only"), frozenset()),
    (("waves", "*", "before"), frozenset()),
    (("waves", "*", "after"), frozenset()),
)


def unsupported_findings(document: object) -> Iterator[Finding]:
    """
    Everything in a plan file that would be ignored if it were accepted.

    :param document: as it was written; what a default would give is never reported.
    """
    for pattern, values in NOT_SUPPORTED_YET:
        for location, value in _matches(document, pattern, ()):
            if not values:
                yield Finding(location, f"{pattern[-1]} is not supported yet")
            elif isinstance(value, str) and value in values:
                yield Finding(location, f"{pattern[-1]}: {value} is not supported yet")


def _matches(
    value: object, pattern: tuple[str, ...], location: Location
) -> Iterator[tuple[Location, object]]:
    if not pattern:
        yield location, value
        return
    for key, child in _children(value):
        if pattern[0] in ("*", key):
            yield from _matches(child, pattern[1:], (*location, key))


def _children(value: object) -> Iterator[tuple[str | int, object]]:
    if isinstance(value, Mapping):
        yield from value.items()
    elif isinstance(value, list):
        yield from enumerate(value)
