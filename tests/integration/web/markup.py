"""What a page is made of, as a browser reads it: elements that run or lead somewhere, and plain text."""

from __future__ import annotations

from html.parser import HTMLParser

# Every payload breaks out of another place: text, an attribute in either kind of quotes, a script, a link.
HOSTILE = (
    "javascript:alert(1)//\"><img src=x onerror=alert(2)>' autofocus onfocus='alert(3)"
    "</script><script>alert(4)</script>{{7*7}}{%x%}\u202e\u200b"
)

_VOID = frozenset({"area", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "wbr"})
_ADDRESSES = frozenset({"href", "src", "action", "formaction", "xlink:href", "data", "poster"})
_FOREIGN = frozenset({"img", "iframe", "object", "embed", "base", "style", "frame", "audio", "video"})


class Page(HTMLParser):
    """
    A page, read once.

    :param html: its source.
    """

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.dangers: list[str] = []
        self.texts: list[str] = []
        self.attributes: list[str] = []
        self.tags: list[str] = []
        self._open: list[str] = []
        self.feed(html)
        self.close()
        self.dangers += [f"<{tag}> is never closed" for tag in self._open]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element that has an end of its own, unless it is one of those that have none."""
        self.handle_startendtag(tag, attrs)
        if tag not in _VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Look at an element and its attributes."""
        self.tags.append(tag)
        if tag in _FOREIGN:
            self.dangers.append(f"<{tag}>")
        if tag == "script" and not (dict(attrs).get("src") or "").startswith("/recovery/static/"):
            self.dangers.append("a script that is not ours")
        for name, value in attrs:
            self.attributes.append(value or "")
            if name.startswith("on") or name in ("style", "autofocus", "srcdoc", "ping"):
                self.dangers.append(f"<{tag} {name}>")
            if name in _ADDRESSES and not (value or "").startswith(("/", "https://", "#", "?")):
                self.dangers.append(f"<{tag} {name}={value!r}>")

    def handle_endtag(self, tag: str) -> None:
        """An end tag that no start tag has comes from somebody else."""
        if self._open and self._open[-1] == tag:
            self._open.pop()
        elif tag not in _VOID:
            self.dangers.append(f"stray </{tag}>")

    def handle_data(self, data: str) -> None:
        """Text, and what stands in scripts."""
        self.texts.append(data)
        if self._open and self._open[-1] == "script" and data.strip():
            self.dangers.append("an inline script")

    @property
    def text(self) -> str:
        """All that is read on the page."""
        return "".join(self.texts)
