"""Tags of HTML texts."""

from __future__ import annotations

from html.parser import HTMLParser


class Tags(HTMLParser):
    """The names of the opening tags, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.seen.append(tag)
