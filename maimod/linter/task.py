"""A source to lint, and how far it is. Apart from :mod:`maimod.linter.pool`, which a check of one map does not need."""

from __future__ import annotations

import msgspec

from maimod.linter.settings import Settings
from maimod.osu.discovery import Entry, Source


class Task(msgspec.Struct):
    """A source to lint."""

    number: int
    source: Source
    settings: Settings
    given_up: list[str] = msgspec.field(default_factory=list)
    """Inner names of beatmaps that were given up."""
    reported: list[str] = msgspec.field(default_factory=list)
    """Inner names of the others that have their report; beatmaps are reported in their order."""

    @property
    def left(self) -> list[Entry]:
        """Beatmaps without a report, in order."""
        return list(self.source.entries[len(self.given_up) + len(self.reported) :])
