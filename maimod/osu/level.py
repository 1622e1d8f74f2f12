"""How hard a difficulty is: its star rating, and its level, on which the limits of the ranking criteria depend.

Source: star ranges of https://osu.ppy.sh/wiki/en/Beatmap/Difficulty; names as mappers use them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from enum import IntEnum
from pathlib import Path

from maimod.osu import limits
from maimod.osu.beatmap import Beatmap, Mode
from maimod.osu.folder import read_file


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

    def label_in(self, mode: Mode) -> str:
        """Name of the level in a mode: "Muzukashii" in taiko, "Platter" in catch."""
        return _LABELS[mode][self] if mode in _LABELS else self.label

    def one_in(self, mode: Mode) -> str:
        """One of the level in a mode: "a Muzukashii", "an Oni"."""
        label = self.label_in(mode)
        return f"{'an' if label[0] in 'AEIOU' else 'a'} {label}"


_LABELS = {
    Mode.TAIKO: ("Kantan", "Futsuu", "Muzukashii", "Oni", "Inner Oni"),
    Mode.CATCH: ("Cup", "Salad", "Platter", "Rain", "Overdose"),
}
STARS = (2.0, 2.7, 4.0, 5.3)
"""Star ratings at which Normal, Hard, Insane and Expert begin."""
_NAMES: dict[Level, str] = {
    Level.EASY: "easy|beginner|kantan|cup|ez|basic",
    Level.NORMAL: "normal|salad|futsuu|nm|novice",
    Level.HARD: "hard|advanced|muzukashii|platter|hd|hyper",
    Level.INSANE: "insane|rain|oni|mx|another|exhaust",
    Level.EXPERT: "expert|extra|extreme|overdose|deluge|inner oni|ura oni|hell oni|shd|sc|black another|leggendaria|ultra|master|"
    "lunatic|maximum|infinite|gravity|heavenly|vivid|exceed",
}
"""Names of the levels in the criteria of the four modes, and in the games that mappers borrow names from; of names that stand for
two levels the harder one, which allows more."""
_WORDS = {name: level for level, names in _NAMES.items() for name in names.split("|")}
_PARTS = {**_WORDS, "muzu": Level.HARD, "futsu": Level.NORMAL}
"""The same where other words stand around them."""
_BORROWED = {
    "standard": Level.NORMAL,
    "past": Level.NORMAL,
    "present": Level.HARD,
    "future": Level.INSANE,
    "in": Level.INSANE,
}
"""Levels of other games (Arcaea, Phigros) whose names also mean something else: a difficulty so called is no easier."""
_MEASURES: Mapping[Mode, Mapping[str, tuple[float, float, float, float]]] = {
    Mode.OSU: {"stars": STARS, "approach_rate": (4.0, 6.0, 8.25, 9.1), "overall_difficulty": (2.75, 4.75, 6.75, 8.2)},
    Mode.TAIKO: {"stars": (1.6, 2.4, 3.5, 4.8), "overall_difficulty": (3.5, 4.5, 5.25, 6.25)},
    Mode.CATCH: {"stars": (2.0, 2.75, 3.6, 4.8), "approach_rate": (6.5, 7.5, 8.5, 9.15)},
    Mode.MANIA: {"stars": (1.6, 2.35, 3.5, 4.6)},
}
"""Where Normal, Hard, Insane and Expert begin, about half way between the medians of difficulties whose names say their
level; the stars of osu! are those of the criteria. Of 750 ranked difficulties of osu! with such a name a guess by these is
right for 88 % and too easy for 3 %, one by the stars alone for 83 % and 13 %; of 226 of mania for 73 % and 13 %, by the
stars of osu! for 58 % and 39 %. The density of objects helps in no mode."""
UNSURE = 0.1
"""A difficulty this close below a level, in levels, counts as of that level, which allows more."""
DISAGREEING = 1.5
"""Most levels between stars and settings; if they lie farther apart, the level is unknown."""
_GUEST = re.compile(r"^.*(?:'s|[a-z\d]')\s+")
"""What comes before the level in "Someone's Hard" and "Chromoxx' Hard"."""
_AFTER_MODE = re.compile(r"^.*\b(?:taiko|catch|ctb|mania|\d+k)\s+")
"""What comes before the level in names like "Someone's Taiko Inner Oni"."""
_IN_BRACKETS = re.compile(r"[(\[]([^()\[\]]+)[)\]]$")
"""Names like "HDHR (Inner Oni)"."""
_NUMBER = re.compile(r"\s+(?:lv\.?\s*\d+|\(\d+\))$")
"""Names like "4K Hard Lv.10" and "Normal (8)"."""


def star_rating(source: Path | Beatmap) -> float | None:
    """Star rating without mods in the map's own mode, by rosu-pp; None if it cannot be computed.

    rosu-pp is native code: maps that could keep it busy for hours (it calls them suspicious) are not given to it.
    """
    import rosu_pp_py

    path = source.path if isinstance(source, Beatmap) else source
    if isinstance(source, Beatmap) and _n_ticks(source) > limits.MAX_SLIDER_TICKS:
        return None
    try:
        content = read_file(path)
        if b"\n" not in content:  # the game also ends lines at a CR alone, rosu-pp does not
            content = content.replace(b"\r", b"\n")
        parsed = rosu_pp_py.Beatmap(bytes=content)
        if parsed.is_suspicious():
            return None
        return round(float(rosu_pp_py.Difficulty().calculate(parsed).stars), 2)
    except Exception:  # rosu-pp raises its own kinds for anything odd; the rating is a nicety
        return None


def _n_ticks(beatmap: Beatmap) -> float:
    """About how many ticks all sliders have."""
    return sum(
        o.slider.length * o.slider.slides / beatmap.tick_distance(o.time) for o in beatmap.hit_objects if o.slider
    )


def level_of(beatmap: Beatmap, stars: float | None) -> Level | None:
    """Find the level by the name of the difficulty, else by its stars and settings; None if they do not say.

    A name counts where it stands alone or after a guest's ("Hard", "pishifat's Hard", "4K Normal"), and if the stars do
    not contradict it: an "Easy" of 5 stars is called so for another reason. Among other words it counts unless the stars
    are higher: a "Very Hard" is none of the Hards, and a "Hard+" with the stars of an Insane and the settings of a Hard is
    neither.
    """
    named = named_level(beatmap.version)
    if stars is None:
        return named
    if named is None:
        return _guess(beatmap, stars)
    by_stars = Level(sum(stars >= limit for limit in STARS))
    if named < by_stars and _level_alone(beatmap.version) is None:
        return None if _guess(beatmap, stars) is None else by_stars
    if beatmap.mode is Mode.OSU:
        # A "Hard" of 1.9 stars is called so with some reason: the level below it counts, which allows more than an Easy.
        return named if abs(named - by_stars) <= 1 else Level(max(named - 1, by_stars))
    if beatmap.mode is Mode.TAIKO and named is Level.INSANE and by_stars is Level.EXPERT:
        return by_stars  # an Oni was the hardest level before there were Inner Onis
    # The star ranges are those of osu!, so in the other modes a name may be two levels off. If it is more, the harder
    # level counts, which allows more.
    return named if abs(named - by_stars) <= 2 else max(named, by_stars)


def _guess(beatmap: Beatmap, stars: float) -> Level | None:
    """Level by the mean of where stars and settings lie among the levels, no easier than the stars; None where settings
    and stars disagree, below Expert."""
    values = {
        "stars": stars,
        "approach_rate": beatmap.difficulty.approach_rate,
        "overall_difficulty": beatmap.difficulty.overall_difficulty,
    }
    positions = [_position(values[name], begins) for name, begins in _MEASURES[beatmap.mode].items()]
    by_stars, by_all = (min(int(one), Level.EXPERT) for one in (positions[0], sum(positions) / len(positions) + UNSURE))
    if max(positions) - min(positions) > DISAGREEING and by_stars < Level.EXPERT:
        return None
    return max(Level(max(by_stars, by_all)), _BORROWED.get(_level_word(_simplified(beatmap.version)), Level.EASY))


def _position(value: float, begins: Sequence[float]) -> float:
    """Where a value lies among the levels: 1.5 is half way from the beginning of Normal to that of Hard; from 0 to 5."""
    edges = [2 * begins[0] - begins[1], *begins, 2 * begins[-1] - begins[-2]]
    below = min(sum(value >= edge for edge in edges[1:]), Level.EXPERT)
    return min(max(below + (value - edges[below]) / (edges[below + 1] - edges[below]), 0.0), Level.EXPERT + 1.0)


def levels_of(beatmaps: Sequence[Beatmap], stars: Mapping[Path, float | None]) -> dict[Path, Level | None]:
    """Level of each difficulty of a set by its path.

    One without a name of a level is no easier than what is named and has fewer stars: of two difficulties below 2 stars the
    harder one is a Normal, if the other is called so. In modes other than osu!, whose star ranges these are, it is one level
    above that: what is not named by its level is the top of a set.
    """
    levels = {one.path: level_of(one, stars[one.path]) for one in beatmaps}
    for one in beatmaps:
        own, level = stars[one.path], levels[one.path]
        if own is None or level is None or named_level(one.version) is not None:
            continue
        easier = [
            below
            for other in beatmaps
            if other.mode is one.mode
            and (one.mode is not Mode.MANIA or other.keys == one.keys)
            and (below := named_level(other.version)) is not None
            and below is levels[other.path]
            and (stars[other.path] or math.inf) < own
        ]
        above = 0 if one.mode is Mode.OSU else 1
        levels[one.path] = max([level, *(Level(min(below + above, Level.EXPERT)) for below in easier)])
    return levels


def named_level(version: str) -> Level | None:
    """Level by the name of a difficulty; None if the name is not one of a level."""
    alone = _level_alone(version)
    return _level_among_words(version) if alone is None else alone


def _level_alone(version: str) -> Level | None:
    name = _simplified(version)
    if (level := _word(name)) is not None:
        return level
    bracketed = _IN_BRACKETS.search(name)
    return _word(bracketed[1]) if bracketed else None


def _simplified(version: str) -> str:
    return with_straight_apostrophes(version).strip().lower().strip("~!.-* ")


def _level_among_words(version: str) -> Level | None:
    """Level by the last or the first words of a name, as in "Demonic Oni", "Extra: Akashi" and "MuzuZoda"."""
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", with_straight_apostrophes(version))
    name = _GUEST.sub("", _NUMBER.sub("", apart.strip().lower()))
    words = re.findall(r"[^\W\d_]+", name)
    ends = (words[-2:], words[-1:], words[:2], words[:1])
    return next((_PARTS[text] for end in ends if (text := " ".join(end)) in _PARTS), None)


def _word(name: str) -> Level | None:
    return _WORDS.get(_level_word(name))


def _level_word(name: str) -> str:
    """What a name in small letters says beside the guest, the mode and the number of keys."""
    name = _GUEST.sub("", _NUMBER.sub("", name.strip()))
    return re.sub(r"^(?:\[?\d+k\]?|collab|cs\d|light)\s+|\s+(?:collab|\d+k)$", "", _AFTER_MODE.sub("", name))


def with_straight_apostrophes(name: str) -> str:
    """A name with every kind of apostrophe written as on a keyboard: "Someone's" for "Someone’s"."""
    return re.sub("[\u2018\u2019\u02bc\uff07`\u00b4]", "'", name)


def parse_level(text: str) -> Level:
    """Level from its own name ("Hard"), in any case of letters.

    Raises:
        ValueError: if there is no such level.
    """
    try:
        return Level[text.strip().upper()]
    except KeyError:
        raise ValueError(f"level {text!r} is not one of {', '.join(level.name.lower() for level in Level)}") from None
