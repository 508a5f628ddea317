"""Messages with placeholders: what they may hold, and what is told about one that cannot be filled in."""

from __future__ import annotations

import pytest
from jinja2 import UndefinedError

from drs_recovery.plan.message_templates import Values, message_problem, render_message
from drs_recovery.plan.words import escaped

WAVES = ("Database", "items")


@pytest.mark.parametrize(
    "text",
    [
        "Rows counted?",
        "100 % {sure}?",
        "{{ waves.Database.servers_ready }} of {{ waves['Database'].servers_total }}",
        "{{ waves.items.status }} {{ waves['items'].failed_servers }}",
        "{% if waves.Database.servers_failed > 0 and not plan.owner %}a{% elif 1 %}b{% else %}c{% endif %}",
        "{{ execution.ticket or 'no ticket' }}{{ 'drill' if execution.type == 'DRILL' else 'real' }}",
        "{{ plan.owner }} {{ wave.number }} {# a remark #}",
    ],
)
def test_a_message_may_hold_values_comparisons_and_if(text: str) -> None:
    assert message_problem(text, WAVES) is None


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{{ waves.Databse.status }}", "\"Databse\" is not a value of waves; did you mean 'Database'?"),
        ("{{ x }}", '"x" is not a value of a message (there is plan, execution, wave, waves)'),
        ("{% if 0 %}{{ plan.nme }}{% endif %}", "\"nme\" is not a value of plan; did you mean 'name'?"),
        ("{{ plan.name.x }}", 'asks plan.name for "x", and it holds no further values'),
        ("{{ waves.Database }}", "waves.Database is not a single value (there is name, status,"),
        ("{{ waves[plan.name].status }}", "looks up a value by something other than its name"),
        ("{{ plan.__class__ }}", '"__class__" is not a value of plan'),
        ("{% for wave in waves %}{% endfor %}", "uses for (line 1); a message may hold values,"),
        ("\n{{ plan.name | upper }}", "uses filter (line 2); a message may hold values,"),
        ("{{ plan.name.upper() }}", "uses call (line 1)"),
        ("{{ 9 ** 9 }}", "uses pow (line 1)"),
        ("{% include 'x' %}", "uses include (line 1)"),
        ("a\n{{", "is not a message that can be filled in: unexpected 'end of template' (line 2)"),
        ("{% if %}", "is not a message that can be filled in: Expected an expression"),
        ("{{ wave.number > 'a' }}", "is not a message that can be filled in: '>' not supported between"),
        ("{{ " + "not " * 4000 + "1 }}", "is not a message that can be filled in: "),
    ],
)
def test_a_message_that_cannot_be_filled_in_is_a_problem_of_the_plan(text: str, problem: str) -> None:
    assert str(message_problem(text, WAVES)).startswith(problem)


def test_values_are_written_as_the_reader_needs_them_and_the_rest_of_a_message_is_left_alone() -> None:
    values = Values({"plan": Values({"name": "<b>CRM</b> | *x*", "owner": None, "id": 0})})

    text = "**Start** {{ plan.name }}{{ plan.owner }}, {{ plan.id }}?"

    assert render_message(text, values) == "**Start** <b>CRM</b> | *x*, 0?"
    assert render_message(text, values, escaped) == (
        "**Start** &#60;b&#62;CRM&#60;/b&#62; &#124; &#42;x&#42;, 0?"
    )


def test_a_value_that_is_not_there_is_an_error_not_an_empty_text() -> None:
    with pytest.raises(UndefinedError):
        render_message("{{ plan.name }}", Values({}))


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("crm-db-01 (2.5 GB)", "crm-db-01 (2.5 GB)"),
        ("[free](http://x)", "&#91;free&#93;(http://x)"),
        ("a\n\n# b\r|", "a &#35; b &#124;"),
        ("<script>", "&#60;script&#62;"),
        ("&lt;", "&#38;lt;"),
        (r"\`_~!'\"", "&#92;&#96;&#95;&#126;&#33;&#39;&#92;&#34;"),
        (7, "7"),
    ],
)
def test_markdown_shows_an_escaped_value_as_it_is_and_in_one_line(value: object, shown: str) -> None:
    assert escaped(value) == shown
