"""Values in Markdown: names, tickets and errors come from people and from AWS, and may deceive."""

from __future__ import annotations

import re

# What begins or ends an element of Markdown or HTML inside a line.
_SPECIAL = re.compile(r"[\\`*_\[\]<>&|~#!\"']")
_BREAKS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


def escaped(value: object) -> str:
    """
    A value as one line of text that Markdown shows as it is: no markup, no HTML, no border of a table.

    :param value: shown as ``str`` shows it.
    """
    one_line = _BREAKS.sub(" ", str(value))
    # Numeric references are text in Markdown as in HTML, where a backslash would help only in one of them.
    return _SPECIAL.sub(lambda match: f"&#{ord(match[0])};", one_line)
