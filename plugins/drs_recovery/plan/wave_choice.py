"""Which waves a person means: by number or by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

# A wrong choice can be as long as a request; what is told of it is not.
_LONGEST_ENTRY = 100
# Of the number of a wave; see ``MOST_WAVES``.
_MOST_DIGITS = 2


def chosen_waves(
    names: Mapping[str, int], chosen: Sequence[Any] | None, findings: list[str]
) -> tuple[int, ...] | None:
    """
    Read a choice of waves. An integer is a number; a text is a name, or the digits of a number.

    :param names: number of each wave by its name.
    :param chosen: as it was given.
    :param findings: gets what is wrong with it.
    :return: numbers, ascending; None if none is chosen, which means all.
    """
    if not chosen:
        return None
    known = {number: _number_of(entry, names) for number, entry in enumerate(chosen)}
    if unknown := [str(chosen[index])[:_LONGEST_ENTRY] for index, number in known.items() if number is None]:
        choices = ", ".join(f"{number} ({name})" for name, number in names.items())
        findings.append(f"unknown waves {', '.join(unknown)}, expected some of {choices}")
    return tuple(sorted({number for number in known.values() if number is not None}))


def _number_of(entry: Any, names: Mapping[str, int]) -> int | None:
    if isinstance(entry, str) and entry in names:
        return names[entry]
    is_digits = (
        isinstance(entry, str) and entry.isascii() and entry.isdecimal() and len(entry) <= _MOST_DIGITS
    )
    number = int(entry) if is_digits else entry
    is_number = isinstance(number, int) and not isinstance(number, bool)
    return number if is_number and number in names.values() else None
