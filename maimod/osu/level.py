"""How hard a difficulty is meant to be: what the ranking criteria ask of it depends on that.

Source: star ranges of https://osu.ppy.sh/wiki/en/Beatmap/Difficulty; names as mappers use them.
"""

from __future__ import annotations

import re
from enum import IntEnum

from maimod.osu.beatmap import Beatmap, Mode


class Level(IntEnum):
    """Levels of the ranking criteria, each with the name of osu! first."""

    EASY = 0
    NORMAL = 1
    HARD = 2
    INSANE = 3
    EXPERT = 4

    @property
    def label(self) -> str:
        """As in "Hard"."""
        return self.name.capitalize()


STARS = (2.0, 2.7, 4.0, 5.3)
"""Star ratings at which Normal, Hard, Insane and Expert begin."""
_NAMES: dict[Level, str] = {
    Level.EASY: "easy|beginner|kantan|cup|ez|basic",
    Level.NORMAL: "normal|salad|futsuu|nm|novice",
    Level.HARD: "hard|advanced|muzukashii|platter|hd|hyper",
    Level.INSANE: "insane|rain|oni|mx|another",
    Level.EXPERT: "expert|extra|extreme|overdose|deluge|inner oni|ura oni|hell oni|shd|black another|ultra|master",
}
"""Names that say the level: those of the four modes' criteria and of the arcade games they borrow from."""
_WORDS = {name: level for level, names in _NAMES.items() for name in names.split("|")}


def level_of(beatmap: Beatmap, stars: float | None) -> Level | None:
    """Level by the name of the difficulty, else by its stars; None if neither says.

    A name counts where it stands alone or after a guest's ("Hard", "pishifat's Hard", "4K Normal"), and is not
    contradicted by the
    stars: an "Easy" of 5 stars is called so for another reason.
    """
    named = named_level(beatmap.version)
    by_stars = None if stars is None else Level(sum(stars >= limit for limit in STARS))
    if named is None or by_stars is None:
        return named if by_stars is None else by_stars
    # Stars say least in the modes that count them otherwise; a name there may be two levels off.
    return named if abs(named - by_stars) <= (1 if beatmap.mode is Mode.OSU else 2) else by_stars


def named_level(version: str) -> Level | None:
    """Level that the name of a difficulty says, if it does."""
    name = re.sub(r"^.*(?:'s|s')\s+", "", version.strip().lower())
    name = re.sub(r"^(?:\[?\d+k\]?|collab|cs\d|light)\s+|\s+(?:collab|\d+k)$", "", name)
    return _WORDS.get(name)


def parse(text: str) -> Level:
    """Level from its name, whatever the case.

    Raises:
        ValueError: if it is none.
    """
    try:
        return Level[text.strip().upper()]
    except KeyError:
        raise ValueError(f"level {text!r} is not one of {', '.join(level.name.lower() for level in Level)}") from None
