"""The page as a parser sees it."""

from html.parser import HTMLParser
from typing import Any

from onepassword_sentinel.status import Status
from status_page.render import render

VOID = {"meta", "link", "br", "hr", "img", "input"}
INLINE = {"a", "code", "span", "time"}


class Document(HTMLParser):
    """What a parser makes of the page; it fails on an element that is not closed where it should be."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.texts: dict[str, list[str]] = {}
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self._open.append(tag)
            self.texts.setdefault(tag, []).append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag
        if tag not in INLINE:
            self.handle_data(" ")

    def handle_data(self, data: str) -> None:
        for tag in set(self._open):
            self.texts[tag][-1] += data

    def of(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]

    def words(self, tag: str = "body") -> list[str]:
        return [" ".join(text.split()) for text in self.texts.get(tag, [])]

    @property
    def text(self) -> str:
        return self.words()[0]


def read(status: Status, **options: Any) -> Document:
    return Document(render(status, **options))
