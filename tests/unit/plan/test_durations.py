"""ISO-8601 durations, as plans and DRS write them."""

from datetime import timedelta

import pytest

from drs_recovery.durations import format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("PT0S", timedelta(0)),
        ("P0D", timedelta(0)),
        ("PT11M", timedelta(minutes=11)),
        ("PT1M30.5S", timedelta(seconds=90.5)),
        ("P1W", timedelta(days=7)),
        ("P1DT1S", timedelta(days=1, seconds=1)),
    ],
)
def test_durations_are_read(text: str, duration: timedelta) -> None:
    assert parse_duration(text) == duration


@pytest.mark.parametrize(
    "text", ["", "P", "PT", "P1DT", "1H", "PT1.5H", "PT1H ", "pt1h", "PT1M1H", "PT\uff11H", "P1Y", "P2M1D"]
)
def test_other_text_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match=r"^(is not a duration|has months or years)"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("duration", "text"),
    [
        (timedelta(0), "PT0S"),
        (timedelta(minutes=90), "PT1H30M"),
        (timedelta(days=14), "P14D"),
        (timedelta(days=1, seconds=1), "P1DT1S"),
        (timedelta(seconds=1.25), "PT1.25S"),
        (timedelta(hours=24), "P1D"),
    ],
)
def test_durations_are_written_in_their_shortest_form(duration: timedelta, text: str) -> None:
    assert format_duration(duration) == text
    assert parse_duration(text) == duration
