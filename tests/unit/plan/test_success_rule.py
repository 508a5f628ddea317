"""When a wave counts as successful."""

import pytest

from drs_recovery.plan.success_rule import SuccessRule


@pytest.mark.parametrize(
    ("text", "total", "failed", "failed_critical", "shortfall"),
    [
        ("critical", 4, 0, 0, None),
        ("critical", 4, 2, 0, None),
        ("critical", 4, 2, 1, "1 critical server failed"),
        ("critical", 4, 2, 2, "2 critical servers failed"),
        ("all", 4, 0, 0, None),
        ("all", 4, 1, 0, "1 of 4 servers failed, and all are needed"),
        ("80%", 10, 2, 2, None),
        ("80%", 10, 3, 0, "7 of 10 servers launched, and 80% are needed"),
        ("34%", 3, 2, 2, "1 of 3 servers launched, and 34% are needed"),
        ("33%", 3, 2, 2, None),
        ("100%", 1, 1, 0, "0 of 1 server launched, and 100% are needed"),
        ("1%", 200, 199, 199, "1 of 200 servers launched, and 1% are needed"),
    ],
)
def test_a_wave_that_falls_short_says_by_how_much(
    text: str, total: int, failed: int, failed_critical: int, shortfall: str | None
) -> None:
    assert SuccessRule.parse(text).shortfall(total, failed, failed_critical) == shortfall


@pytest.mark.parametrize("text", ["critical", "all", "1%", "80%", "100%"])
def test_a_rule_is_written_as_it_was_read(text: str) -> None:
    assert str(SuccessRule.parse(text)) == text


@pytest.mark.parametrize("text", ["", "some", "0%", "101%", "080%", "8.5%", "%", "-5%", "Critical"])
def test_other_words_are_no_rule(text: str) -> None:
    with pytest.raises(ValueError, match="is not a rule of success"):
        SuccessRule.parse(text)
