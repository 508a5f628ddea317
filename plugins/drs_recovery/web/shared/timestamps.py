"""Times as pages show them: seconds, which a browser turns into its own time zone, and the same in UTC."""

from __future__ import annotations

from dataclasses import dataclass

from drs_recovery.durations import moment, words

_DAY = 86_400
# Up to here hours say more than days.
_HOURS_UNTIL = 2 * _DAY


@dataclass(frozen=True)
class Moment:
    """
    A moment.

    :param seconds: since 1970.
    :param text: the same in UTC.
    """

    seconds: float
    text: str

    @classmethod
    def at(cls, seconds: float) -> Moment:
        """
        A moment for a page.

        :param seconds: since 1970.
        """
        return cls(float(seconds), moment(seconds))


def moment_if(seconds: float | None) -> Moment | None:
    """
    A moment that may not have come.

    :param seconds: since 1970; None stays None.
    """
    return None if seconds is None else Moment.at(seconds)


def rough_words(seconds: float) -> str:
    """
    A span in one unit, such as ``35 days``: for ages, which nobody reads to the second.

    :param seconds: not negative.
    """
    if seconds >= _HOURS_UNTIL:
        return f"{int(seconds // _DAY)} days"
    if seconds >= 3600:
        hours = int(seconds // 3600)
        return f"{hours} hour{'' if hours == 1 else 's'}"
    return words(seconds // 60 * 60) if seconds >= 60 else "less than a minute"
