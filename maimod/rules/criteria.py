"""The ranking criteria as data: limits by mode and level of the difficulty, each with its sentence and its link.

Rules read their limits here, `maimod explain` and docs/rules.md print the sentences, docs/criteria.md lists the table.
The sentences are in our own words. A *rule* must be obeyed; a *guideline* may be broken for a reason.

Lengths in beats are those of a song of about 180 BPM; for songs that are much slower or faster see
https://osu.ppy.sh/wiki/en/Ranking_criteria/Scaling_BPM.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from enum import StrEnum

import msgspec

from maimod.findings import minutes
from maimod.osu.beatmap import ALL_MODES, Mode
from maimod.osu.level import Level

AS_OF = "2026-09-06"
"""Day of the newest change of the criteria that the table follows: the drain times of the spread of osu!."""
PAGE = "https://osu.ppy.sh/wiki/en/Ranking_criteria"
PAGES: Mapping[Mode, str] = {
    Mode.OSU: f"{PAGE}/osu%21",
    Mode.TAIKO: f"{PAGE}/osu%21taiko",
    Mode.CATCH: f"{PAGE}/osu%21catch",
    Mode.MANIA: f"{PAGE}/osu%21mania",
}
"""Page of each mode; :data:`PAGE` holds what all modes share."""


class Force(StrEnum):
    """Whether a sentence of the criteria allows exceptions."""

    RULE = "rule"
    GUIDELINE = "guideline"


class Criterion(msgspec.Struct, frozen=True):
    """One limit of the criteria."""

    key: str
    """What is limited; the same in all modes and levels: "approach-rate"."""
    modes: frozenset[Mode]
    level: Level | None
    """None: all levels."""
    low: float
    high: float
    """Bounds that are allowed themselves; infinite where there is none."""
    unit: str
    """Of the bounds: "ms", "beats", "notes", "x" …; empty for settings."""
    force: Force
    sentence: str
    """The criterion in our words."""
    link: str

    def allows(self, value: float, tolerance: float = 1e-6) -> bool:
        """Whether a value lies within the bounds."""
        return self.low - tolerance <= value <= self.high + tolerance

    @property
    def range(self) -> str:
        """The bounds in words: "5 or less", "4 to 6", "at least 250 ms"."""
        return in_words(self.low, self.high, self.unit)


def in_words(low: float, high: float, unit: str) -> str:
    """Bounds in words, of which one may be infinite."""
    if unit == "ms" and max(low, high if math.isfinite(high) else 0) >= 10_000:
        low, high, unit = low / 1000, high / 1000, "s"
    one = 1 in (low, high) or 0 < low < 1
    singular = unit.removesuffix("es") if unit.endswith("shes") else unit.removesuffix("s")
    of = unit if unit in ("", "x") else f" {singular if one else unit}"
    if low == math.inf or high == 0:
        return "none"
    if math.isinf(low):
        return f"{_number(high)}{of} or less"
    if math.isinf(high):
        return f"{_number(low, unit)}{of} or more"
    return f"{low:g}{of}" if low == high else f"{low:g} to {high:g}{of}"


def _number(value: float, unit: str = "") -> str:
    """Parts of a beat as fractions, millions with commas."""
    if unit == "beats" and 0 < value < 1:
        return f"1/{1 / value:.0f}"
    return f"{value:,.0f}" if value >= 100_000 else f"{value:g}"


NO_MODE = frozenset[Mode]()
RULE, GUIDELINE = Force.RULE, Force.GUIDELINE
EASY, NORMAL, HARD, INSANE, EXPERT = Level
INF = math.inf
Bounds = tuple[float, float]


def _general(
    key: str,
    low: float,
    high: float,
    unit: str,
    force: Force,
    sentence: str,
    section: str = "general",
    without: frozenset[Mode] = NO_MODE,
) -> Criterion:
    """A limit of the page that all modes share."""
    return Criterion(key, ALL_MODES - without, None, low, high, unit, force, sentence, f"{PAGE}#{section}")


def _of_mode(mode: Mode, key: str, low: float, high: float, unit: str, force: Force, sentence: str) -> Criterion:
    """A limit of one mode for all its levels."""
    link = f"{PAGES[mode]}#overall"
    return Criterion(key, frozenset({mode}), None, low, high, unit, force, sentence, link)


def _levels(
    mode: Mode, key: str, unit: str, force: Force, bounds: Mapping[Level, Bounds], sentence: str
) -> Iterator[Criterion]:
    """A limit of one mode with bounds by level; the sentence contains `{level}` and `{range}`."""
    for level, (low, high) in bounds.items():
        words = sentence.format(level=level.label_in(mode), range=in_words(low, high, unit))
        link = f"{PAGES[mode]}#difficulty-specific"
        yield Criterion(key, frozenset({mode}), level, low, high, unit, force, words, link)


def _at_most(**values: float) -> dict[Level, Bounds]:
    return {Level[name.upper()]: (-INF, value) for name, value in values.items()}


def _at_least(**values: float) -> dict[Level, Bounds]:
    return {Level[name.upper()]: (value, INF) for name, value in values.items()}


def _spread(mode: Mode, hard: float, insane: float, expert: float, alternatives: bool) -> Iterator[Criterion]:
    """Drain times by level of the lowest difficulty, and the spreads that may replace a lower one."""
    drains = {HARD: (hard * 60_000, INF), INSANE: (insane * 60_000, INF), EXPERT: (expert * 60_000, INF)}
    for level, (low, high) in drains.items():
        allowed = Level(level - 1).label_in(mode)
        clock = minutes(low)
        instead = f", or of a spread of at least {6 - level} difficulties" if alternatives else ""
        yield Criterion(
            "lowest-difficulty-drain",
            frozenset({mode}),
            level,
            low,
            high,
            "ms",
            RULE,
            f"If a difficulty has less than {clock} of drain time, the lowest is {allowed} or easier{instead}.",
            f"{PAGES[mode]}#{'rules' if mode is Mode.MANIA else 'general' if mode is not Mode.OSU else 'spread'}",
        )
    if alternatives:
        for level in (HARD, INSANE, EXPERT):
            yield Criterion(
                "lowest-difficulty-spread",
                frozenset({mode}),
                level,
                6 - level,
                INF,
                "difficulties",
                RULE,
                f"A spread without large gaps of {6 - level} difficulties may begin with {level.one_in(mode)}.",
                f"{PAGES[mode]}#{'rules' if mode is Mode.MANIA else 'general'}",
            )


_SETTING = "The {name} of {{level}} is {{range}}."
_APPROACH = _SETTING.format(name="approach rate")
_OVERALL = _SETTING.format(name="overall difficulty")
_HEALTH = _SETTING.format(name="health drain")
_SIZE = _SETTING.format(name="circle size")

TABLE: tuple[Criterion, ...] = (
    # All modes -------------------------------------------------------------------------------------------------------
    _general("drain-time", 30_000, INF, "ms", RULE, "A difficulty has at least 30 s of drain time.", "beatmap"),
    _general("setting", 0, 10, "", RULE, "Settings lie between 0 and 10, with one decimal as in the editor."),
    _general("slider-velocity", 0.4, 3.6, "x", RULE, "The base slider velocity lies between 0.4 and 3.6, as in the "
             "editor."),
    _general("gap-after-circle", 10, INF, "ms", RULE, "The next object is at least 10 ms after a circle.",
             without=frozenset({Mode.CATCH, Mode.MANIA})),
    _general("gap-after-slider", 20, INF, "ms", RULE, "The next object is at least 20 ms after a slider's end.",
             without=frozenset({Mode.CATCH, Mode.MANIA})),
    _general("snapping", -INF, 2, "ms", RULE, "Objects are less than 2 ms from a tick of the timeline; where the song "
             "needs a divisor that the editor lacks (1/11), from a tick of that one.", "timing"),
    _general("unmapped-end", -INF, 20, "%", GUIDELINE, "A song whose last 20 % have no objects should be cut.", "audio"),
    _general("break-allowance", -INF, 30_000, "ms", RULE, "Breaks count as drain time where the spread is judged, of the "
             "highest difficulty 30 s at most; not where there are less than 30 s of drain time.", "beatmap"),
    _general("song-bit-rate", 128, 192, "kbit/s", RULE, "A song has 128 to 192 kbit/s on average, an Ogg up to 208.",
             "audio"),
    _general("song-sample-rate", -INF, 48_000, "Hz", RULE, "The sample rate of a song is 48 kHz at most.", "audio"),
    _general("hitsound-length", 25, INF, "ms", RULE, "A hitsound lasts at least 25 ms.", "audio"),
    _general("hitsound-delay", -INF, 5, "ms", RULE, "The peak of a hitsound is 5 ms late at most.", "audio"),
    _general("background-width", 160, 2560, "px", RULE, "A background is 160 to 2560 px wide.", "video-and-background"),
    _general("background-height", 120, 1440, "px", RULE, "A background is 120 to 1440 px high.", "video-and-background"),
    _general("background-size", -INF, 2.5, "MB", RULE, "A background has 2.5 MB at most.", "video-and-background"),
    _general("video-width", -INF, 1280, "px", RULE, "A video is 1280 px wide at most.", "video-and-background"),
    _general("video-height", -INF, 720, "px", RULE, "A video is 720 px high at most.", "video-and-background"),
    _general("storyboard-image", -INF, 17_000_000, "px", RULE, "A picture of a storyboard has 17 million pixels at most.",
             "storyboarding"),
    _general("metadata-length", -INF, 81, "characters", RULE, "Artist and title have 81 characters at most; longer ones "
             "are shortened, and what is left out goes into the tags.", "metadata"),
    # osu! ------------------------------------------------------------------------------------------------------------
    *_spread(Mode.OSU, 2.5, 3.25, 4.0, alternatives=False),
    *_levels(Mode.OSU, "approach-rate", "", GUIDELINE,
             {EASY: (-INF, 5), NORMAL: (4, 6), HARD: (6, 8), INSANE: (7, 9.3), EXPERT: (8, INF)}, _APPROACH),
    *_levels(Mode.OSU, "overall-difficulty", "", GUIDELINE,
             {EASY: (1, 3), NORMAL: (3, 5), HARD: (5, 7), INSANE: (7, 9), EXPERT: (8, INF)}, _OVERALL),
    *_levels(Mode.OSU, "hp-drain-rate", "", GUIDELINE,
             {EASY: (1, 3), NORMAL: (3, 5), HARD: (4, 6), INSANE: (5, 8), EXPERT: (5, INF)}, _HEALTH),
    *_levels(Mode.OSU, "circle-size", "", GUIDELINE, _at_most(easy=4, normal=5, hard=6, insane=7, expert=7), _SIZE),
    *_levels(Mode.OSU, "spinner-length", "beats", GUIDELINE, _at_least(easy=4, normal=3, hard=2),
             "A spinner of {level} lasts {range}."),
    *_levels(Mode.OSU, "spinner-recovery", "beats", GUIDELINE, _at_least(easy=4, normal=2, hard=1),
             "After a spinner of {level} there are {range} to the next object."),
    *_levels(Mode.OSU, "full-overlap", "beats", RULE, _at_least(easy=1, normal=1, hard=0.5),
             "Objects of {level} that lie on each other are more than {range} apart."),
    *_levels(Mode.OSU, "hidden-repeat", "beats", GUIDELINE, _at_least(easy=4, normal=3, hard=2, insane=0.5),
             "In {level} nothing covers a reverse arrow for {range} before it is reached."),
    *_levels(Mode.OSU, "slider-length", "beats", GUIDELINE, _at_least(easy=0.5),
             "A slider of {level} lasts {range}."),
    *_levels(Mode.OSU, "repeated-slider", "beats", GUIDELINE, _at_least(easy=1, normal=0.5),
             "Sliders of {level} with two or more repeats have slides longer than {range}."),
    *_levels(Mode.OSU, "slider-velocity-of-level", "x", GUIDELINE, _at_most(easy=1.3),
             "The slider velocity of {level} is {range}."),
    # taiko -----------------------------------------------------------------------------------------------------------
    *_spread(Mode.TAIKO, 2.5, 3.25, 4.0, alternatives=False),
    *_levels(Mode.TAIKO, "overall-difficulty", "", GUIDELINE,
             {EASY: (-INF, 3), NORMAL: (-INF, 4), HARD: (-INF, 5), INSANE: (5, INF), EXPERT: (5, INF)}, _OVERALL),
    *_levels(Mode.TAIKO, "hp-drain-rate", "", GUIDELINE, _at_least(easy=8, normal=7, hard=6, insane=5, expert=5),
             "The health drain of {level} is {range}; less with many notes, more with few."),
    _of_mode(Mode.TAIKO, "base-velocity", 1.4, 1.4, "x", GUIDELINE, "The base scroll speed of all difficulties is 1.40."),
    *_levels(Mode.TAIKO, "note-gap", "beats", RULE, _at_least(easy=1 / 2, normal=1 / 3, hard=1 / 6, insane=1 / 8),
             "Notes of {level} are at least {range} apart (1/3 instead of 1/2 in songs with a swing beat)."),
    *_levels(Mode.TAIKO, "note-gap-if-lowest", "beats", RULE, _at_least(normal=1 / 2),
             "Notes of a {level} that is the lowest difficulty are at least {range} apart (1/3 with a swing beat)."),
    *_levels(Mode.TAIKO, "finisher-gap", "beats", RULE, _at_least(easy=1 / 2, normal=1 / 3, hard=1 / 4, insane=1 / 6),
             "Big notes of {level} are in no pattern of {range} between notes, or faster."),
    *_levels(Mode.TAIKO, "notes-on-1/1", "notes", GUIDELINE, _at_most(easy=7), "Patterns on 1/1 of {level}: {range}."),
    *_levels(Mode.TAIKO, "notes-on-1/2", "notes", GUIDELINE, _at_most(normal=7),
             "Patterns on 1/2 of {level}: {range} (5 if it is the lowest difficulty)."),
    *_levels(Mode.TAIKO, "notes-on-1/3", "notes", GUIDELINE, _at_most(normal=2), "Patterns on 1/3 of {level}: {range}."),
    *_levels(Mode.TAIKO, "notes-on-1/4", "notes", RULE, _at_most(hard=5), "Patterns on 1/4 of {level}: {range}."),
    *_levels(Mode.TAIKO, "notes-on-1/4", "notes", GUIDELINE, _at_most(insane=9), "Patterns on 1/4 of {level}: {range}."),
    *_levels(Mode.TAIKO, "notes-on-1/6", "notes", GUIDELINE, _at_most(hard=4),
             "Patterns on 1/6 of {level}: {range}, at 140 BPM or less."),
    *_levels(Mode.TAIKO, "notes-on-1/8", "notes", GUIDELINE, _at_most(insane=2), "Patterns on 1/8 of {level}: {range}."),
    *_levels(Mode.TAIKO, "rest-length", "beats", GUIDELINE, _at_least(easy=3, normal=2, hard=1.5, insane=1),
             "A rest of {level} lasts {range}."),
    *_levels(Mode.TAIKO, "rest-after", "beats", GUIDELINE, _at_most(easy=36, normal=36, hard=20, insane=20),
             "A rest of {level} follows after {range} of notes."),
    *_levels(Mode.TAIKO, "gap-before-spinner", "beats", GUIDELINE,
             _at_least(easy=1 / 2, normal=1 / 2, hard=1 / 2, insane=1 / 4, expert=1 / 4),
             "Before a denden of {level} there are {range} without a note."),
    # catch -----------------------------------------------------------------------------------------------------------
    *_spread(Mode.CATCH, 2.5, 3.25, 4.0, alternatives=True),
    *_levels(Mode.CATCH, "approach-rate", "", GUIDELINE,
             {EASY: (-INF, 6), NORMAL: (-INF, 7), HARD: (-INF, 8), INSANE: (-INF, 9), EXPERT: (9, INF)}, _APPROACH),
    *_levels(Mode.CATCH, "overall-difficulty", "", GUIDELINE,
             {EASY: (-INF, 6), NORMAL: (-INF, 7), HARD: (-INF, 8), INSANE: (-INF, 9), EXPERT: (9, INF)}, _OVERALL),
    *_levels(Mode.CATCH, "hp-drain-rate", "", GUIDELINE,
             {EASY: (2, 3), NORMAL: (3, 4), HARD: (4, 5), INSANE: (5, 6), EXPERT: (5, INF)}, _HEALTH),
    *_levels(Mode.CATCH, "circle-size", "", GUIDELINE,
             {EASY: (-INF, 2.5), NORMAL: (-INF, 3), HARD: (-INF, 3.5), INSANE: (-INF, 4), EXPERT: (4, INF)}, _SIZE),
    _of_mode(Mode.CATCH, "overall-is-approach", 0, 0, "", GUIDELINE, "Overall difficulty and approach rate are equal; a "
             "lower overall difficulty is allowed against overflow of the score."),
    *_levels(Mode.CATCH, "shower-before", "ms", RULE,
             _at_least(easy=250, normal=250, hard=125, insane=125, expert=62),
             "Before a banana shower of {level} there are {range} without fruit."),
    *_levels(Mode.CATCH, "shower-after", "ms", RULE,
             _at_least(easy=250, normal=250, hard=250, insane=125, expert=125),
             "After a banana shower of {level} there are {range} without fruit."),
    *_levels(Mode.CATCH, "dash-gap", "ms", RULE, _at_least(easy=INF), "{level} has no dashes."),
    *_levels(Mode.CATCH, "dash-gap", "ms", RULE, _at_least(normal=125, hard=62, insane=62),
             "The two objects of a dash of {level} are {range} apart."),
    *_levels(Mode.CATCH, "hyperdash-gap", "ms", RULE, _at_least(easy=INF, normal=INF), "{level} has no hyperdashes."),
    *_levels(Mode.CATCH, "hyperdash-gap", "ms", RULE, _at_least(hard=125, insane=62),
             "The two objects of a hyperdash of {level} are {range} apart."),
    *_levels(Mode.CATCH, "basic-dash", "ms", RULE, _at_least(normal=250, hard=125, insane=125),
             "A dash of {level} is basic-snapped at {range}, and higher-snapped below."),
    *_levels(Mode.CATCH, "basic-hyperdash", "ms", RULE, _at_least(hard=250, insane=125),
             "A hyperdash of {level} is basic-snapped at {range}, and higher-snapped below."),
    *_levels(Mode.CATCH, "basic-dashes-in-a-row", "dashes", RULE, _at_most(normal=2, hard=4),
             "Basic-snapped dashes of {level} in a row: {range}."),
    *_levels(Mode.CATCH, "higher-dashes-in-a-row", "dashes", RULE, _at_most(normal=1, hard=2),
             "Higher-snapped dashes of {level} in a row: {range}."),
    *_levels(Mode.CATCH, "basic-hyperdashes-in-a-row", "hyperdashes", RULE, _at_most(hard=2, insane=4),
             "Basic-snapped hyperdashes of {level} in a row: {range}."),
    *_levels(Mode.CATCH, "higher-hyperdashes-in-a-row", "hyperdashes", RULE, _at_most(hard=1, insane=1),
             "Higher-snapped hyperdashes of {level} in a row: {range}."),
    *_levels(Mode.CATCH, "hyperdashes-in-a-slider", "hyperdashes", RULE, _at_most(insane=2),
             "Basic-snapped hyperdashes within one slider of {level}: {range}; no higher-snapped ones."),
    *_levels(Mode.CATCH, "edge-dashes", "edge dashes", RULE, _at_most(normal=0, hard=0), "{level} has no edge dashes."),
    *_levels(Mode.CATCH, "combo-length", "fruits", GUIDELINE, _at_most(easy=8, normal=10, hard=12),
             "A combo of {level} has {range}."),
    # mania -----------------------------------------------------------------------------------------------------------
    *_spread(Mode.MANIA, 2.0, 2.75, 3.5, alternatives=True),
    *_levels(Mode.MANIA, "overall-difficulty", "", GUIDELINE, _at_most(easy=7, normal=7.5, hard=8), _OVERALL),
    *_levels(Mode.MANIA, "hp-drain-rate", "", GUIDELINE, _at_most(easy=7, normal=7.5, hard=8), _HEALTH),
    *_levels(Mode.MANIA, "chord", "notes", RULE, _at_most(easy=6, normal=6, hard=6, insane=6),
             "At most 6 notes of {level} start at once."),
    *_levels(Mode.MANIA, "chord-4k", "notes", GUIDELINE, _at_most(easy=2, normal=2, hard=3),
             "A chord of {level} with 4 keys has {range}."),
    *_levels(Mode.MANIA, "chord-7k", "notes", GUIDELINE, _at_most(easy=2, normal=3, hard=4),
             "A chord of {level} with 7 keys has {range}."),
    _of_mode(Mode.MANIA, "hold-length", 1 / 12, INF, "beats", GUIDELINE, "A hold note lasts at least 1/12 of a beat."),
    *_levels(Mode.MANIA, "hold-length", "beats", GUIDELINE, _at_least(easy=1, normal=1 / 2, hard=1 / 4),
             "A hold note of {level} lasts {range}."),
    *_levels(Mode.MANIA, "release-gap", "beats", GUIDELINE, _at_least(easy=1, normal=1 / 2),
             "Releases of {level} are {range} apart."),
    *_levels(Mode.MANIA, "scroll-speed", "x", RULE, {EASY: (1, 1)},
             "The scroll speed of {level} never changes, but to even out changes of tempo."),
    *_levels(Mode.MANIA, "scroll-speed", "x", GUIDELINE,
             {NORMAL: (0.9, 1.05), HARD: (0.8, 1.1), INSANE: (0.7, 1.1), EXPERT: (0.6, 1.1)},
             "Changes of scroll speed over more than 4 measures of {level} stay within {range}."),
    *_levels(Mode.MANIA, "notes-on-1/2", "notes", GUIDELINE, _at_most(easy=5), "Notes in a row on 1/2 of {level}: {range}."),
    *_levels(Mode.MANIA, "notes-on-1/4", "notes", GUIDELINE, _at_most(normal=5), "Notes in a row on 1/4 of {level}: {range}."),
    *_levels(Mode.MANIA, "note-gap", "beats", GUIDELINE, _at_least(easy=1 / 3, normal=1 / 5, hard=1 / 7),
             "Notes in a row of {level} are not faster than {range} apart."),
    *_levels(Mode.MANIA, "trill", "notes", GUIDELINE, _at_most(hard=9), "A trill of {level} has {range}."),
)  # fmt: skip
"""Every limit. The two modes with a spread of fewer difficulties count them by the drain time of the shortest."""
KEY_COUNTS = frozenset({4, 5, 6, 7, 8, 9, 10, 12, 14, 16, 18})
"""Numbers of keys that mania can be ranked with."""

FAST_BPM, SLOW_BPM, RATHER_SLOW_BPM = 270.0, 110.0, 130.0


def usual_beat(beat_length: float) -> float:
    """The beat that the criteria mean where the song has beats of `beat_length` [ms].

    Their limits are for about 180 BPM. From about 240 BPM on a beat counts as half a beat, below 110 BPM as two, and
    between 110 and 130 BPM as one and a half (tempos as in Mapset Verifier).
    """
    while beat_length <= 60_000 / FAST_BPM:
        beat_length *= 2
    while beat_length >= 60_000 / SLOW_BPM:
        beat_length /= 2
    return beat_length / 1.5 if beat_length >= 60_000 / RATHER_SLOW_BPM else beat_length


_BY_PLACE: dict[tuple[str, Mode, Level | None], Criterion] = {
    (one.key, mode, one.level): one for one in TABLE for mode in one.modes
}


def criterion(key: str, mode: Mode, level: Level | None) -> Criterion | None:
    """The limit for a level of a mode, else that for all levels of it; None if there is none.

    Args:
        key: of a :class:`Criterion`.
        mode: mode of the difficulty.
        level: its level; None if it is unknown.
    """
    return _BY_PLACE.get((key, mode, level)) or _BY_PLACE.get((key, mode, None))


def low(key: str, mode: Mode, level: Level | None = None) -> float:
    """Lower bound, or -inf."""
    found = criterion(key, mode, level)
    return -INF if found is None else found.low


def high(key: str, mode: Mode, level: Level | None = None) -> float:
    """Upper bound, or inf."""
    found = criterion(key, mode, level)
    return INF if found is None else found.high


def described(keys: Collection[str], modes: Collection[Mode]) -> list[str]:
    """One line for each limit with one of these keys in one of these modes, all its levels together.

    As in "osu approach rate (guideline): Easy 5 or less, Normal 4 to 6", or the sentence of a limit without levels.
    """
    lines: list[str] = []
    by_level: dict[tuple[str, Mode], list[Criterion]] = {}
    for one in TABLE:
        if one.key not in keys or not one.modes & set(modes):
            continue
        if one.level is None:
            lines.append(f"{one.sentence} ({one.force.value})")
        else:
            by_level.setdefault((one.key, min(one.modes)), []).append(one)
    for (key, mode), limits in by_level.items():
        bounds = ", ".join(f"{one.level.label_in(mode)} {one.range}" for one in limits if one.level is not None)
        lines.append(f"{mode.label} {key.replace('-', ' ')} ({limits[0].force.value}): {bounds}")
    return lines
