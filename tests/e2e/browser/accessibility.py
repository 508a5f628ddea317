"""The rules of axe-core, applied to a page as it is shown."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from playwright.sync_api import Frame, Page

from tests.prerequisites import need

# The Web Content Accessibility Guidelines up to 2.2, levels A and AA, and what axe-core calls good practice.
# Named, since by itself axe-core leaves the rules of 2.2 out.
_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
_AXE = Path(__file__).parents[1] / "node_modules" / "axe-core" / "axe.min.js"


def violations(page: Page | Frame) -> list[str]:
    """
    Say what keeps people from using a page, one text for each rule that is broken.

    :param page: as it is shown.
    """
    # As the debugger and not as a script of the page, whose content security policy rightly forbids that.
    page.evaluate(f"() => {{ {_rules()} }}")
    found = page.evaluate("tags => axe.run(document, {runOnly: tags, resultTypes: ['violations']})", _TAGS)
    return [_text(violation) for violation in found["violations"]]


@cache
def _rules() -> str:
    need(_AXE.exists(), "axe-core: `make test-browser` gets it by npm, which has to be installed")
    return _AXE.read_text(encoding="utf-8")


def _text(violation: dict[str, Any]) -> str:
    places = "\n  ".join(f"{node['target']} {node['html'][:200]}" for node in violation["nodes"][:8])
    return f"{violation['impact']}: {violation['id']}: {violation['help']}\n  {places}"
