"""A source to lint, and how far it is. Apart from :mod:`maimod.linter.pool`, which a check of one map does not need."""

from __future__ import annotations

from dataclasses import dataclass, field

from maimod.linter.settings import Settings
from maimod.osu.discovery import Entry, Source


@dataclass(slots=True)
class Task:
    """A source to lint."""

    number: int
    source: Source
    settings: Settings
    given_up: list[str] = field(default_factory=list)
    """Inner names of beatmaps that were given up."""
    reported: list[str] = field(default_factory=list)
    """Inner names of the others that have their report; beatmaps are reported in their order."""

    @property
    def left(self) -> list[Entry]:
        """Beatmaps without a report, in order."""
        return list(self.source.entries[len(self.given_up) + len(self.reported) :])
