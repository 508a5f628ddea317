"""A page of the console as a test reads it: what it says, what it offers, and whether its HTML is sound."""

from __future__ import annotations

from collections import Counter
from html.parser import HTMLParser

from tests.integration.web.conftest import Console

# Elements that have no end.
_VOID = {"br", "hr", "img", "input", "link", "meta"}
# Attributes that name other elements of the page by their ids.
_REFERENCES = ("aria-labelledby", "for", "data-dialog")


class HtmlPage(HTMLParser):
    """
    A parsed page.

    :param html: the page.
    """

    def __init__(self, html: str) -> None:
        super().__init__()
        self.problems: list[str] = []
        self.links: list[str] = []
        self.opens: list[str] = []
        self.fields: dict[str, str] = {}
        self._words: list[str] = []
        self._open: list[str] = []
        self._ids: list[str] = []
        self._referred: set[str] = set()
        self._select = ""
        self.feed(html)
        self.close()
        self._judge()

    @property
    def text(self) -> str:
        """Everything that is to be read, in one line."""
        return " ".join(" ".join(self._words).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element, what it names and what it leads to."""
        given = {name: value or "" for name, value in attrs}
        names = Counter(name for name, _ in attrs)
        self.problems += [f"{tag} has {name} twice" for name, count in names.items() if count > 1]
        if tag not in _VOID:
            self._open.append(tag)
        if "id" in given:
            self._ids.append(given["id"])
        self._referred.update(one for name in _REFERENCES for one in given.get(name, "").split())
        if "data-dialog" in given:
            self.opens.append(given["data-dialog"])
        if tag == "a":
            self.links.append(given["href"])
        self._note_field(tag, given)

    def handle_endtag(self, tag: str) -> None:
        """An element ends, if it is the one that began last."""
        if not self._open or self._open[-1] != tag:
            self.problems.append(f"</{tag}> closes {self._open[-1:]}")
        else:
            self._open.pop()

    def handle_data(self, data: str) -> None:
        """Keep what is to be read."""
        self._words.append(data)

    def _note_field(self, tag: str, given: dict[str, str]) -> None:
        if tag == "select":
            self._select = given["name"]
        elif tag == "option" and "selected" in given:
            self.fields[self._select] = given["value"]
        elif tag == "input" and given.get("value"):
            self.fields[given["name"]] = given["value"]

    def _judge(self) -> None:
        self.problems += [f"<{tag}> is never closed" for tag in self._open]
        self.problems += [
            f"id {name} stands twice" for name, count in Counter(self._ids).items() if count > 1
        ]
        within = {link[1:] for link in self.links if link.startswith("#")}
        self.problems += [f"nothing has the id {name}" for name in (self._referred | within) - set(self._ids)]


def read_page(console: Console, path: str, role: str = "user", status: int = 200) -> HtmlPage:
    """
    Open a page as a browser does; its HTML must be sound.

    :param console: the console.
    :param path: behind ``/recovery``.
    :param role: of the user.
    :param status: HTTP status that is expected.
    """
    answer = console.get(path, role, html=True)
    assert answer.status_code == status, answer.text
    page = HtmlPage(answer.text)
    assert page.problems == []
    return page
