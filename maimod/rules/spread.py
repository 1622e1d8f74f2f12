"""The spread of a set: whether its lowest difficulty is low enough for its length, and whether its levels are
consecutive.

Source: "Spread" of the ranking criteria of each mode; stars of the levels: :mod:`maimod.osu.level`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from maimod.findings import Expected, Severity, Tier
from maimod.osu.beatmap import Beatmap, Mode
from maimod.osu.level import STARS, Level
from maimod.rules.base import Certainty, MapsetCheck, MapsetEvidence, Placed, Rule

_CRITERIA = "https://osu.ppy.sh/wiki/en/Ranking_criteria"
LOWEST = Rule(
    "mapset/lowest-difficulty",
    "Lowest difficulty too hard for so short a song",
    Severity.PROBLEM,
    Tier.EXACT,
    ("map",),
    why="For a shorter song a full spread is less work, so the criteria require easier difficulties.",
    how="By its stars, the lowest difficulty of a mode is a Hard (Insane, Expert) although its drain time is under "
    "2:30 (3:15, 4:00). "
    "Breaks count if they are 30 s or less altogether.",
    ignore_when="easier difficulties are still to come",
    blind_spots="Difficulties with misleading stars; lower difficulties in another folder.",
    source="https://github.com/ppy/osu/blob/master/osu.Game/Rulesets/Edit/Checks/CheckLowestDiffDrainTime.cs",
)
GAP = Rule(
    "mapset/spread-gap",
    "Gap in the spread",
    Severity.WARNING,
    Tier.EXACT,
    ("map",),
    why="Players who have mastered one difficulty need a next one within reach.",
    how="By their stars, two neighbouring difficulties of a mode lie 1.6 stars or more apart (1.4, a minor, if that "
    "leaves out a whole "
    "level, as from Easy to Hard); in ranked sets 1 % do.",
    ignore_when="the difficulties between are still to come, or stars misjudge one of them",
    blind_spots="Gaps above Insane, which are allowed; gaps in how difficulties play that stars do not show.",
    source=f"{_CRITERIA}#spread",
)

LEAST_DRAIN_MS = {Level.HARD: 150_000.0, Level.INSANE: 195_000.0, Level.EXPERT: 240_000.0}
"""lazer, CheckLowestDiffDrainTime."""
BREAKS_MS = 30_000.0
WIDE_GAP_STARS, LEVEL_GAP_STARS = 1.6, 1.4
"""Of 601 gaps below Expert in ranked sets of four difficulties and more half are under 0.8 stars, 95 % under 1.4 and 99
% under 1.6."""
FREE_STARS = STARS[Level.INSANE]
"""Gaps above an Expert are allowed."""


def run(evidence: MapsetEvidence) -> Iterator[Placed]:
    for mode in Mode:
        rated = sorted(
            (
                (stars, beatmap)
                for beatmap in evidence.beatmaps
                if beatmap.mode is mode and (stars := evidence.mapset.stars[beatmap.path]) is not None
            ),
            key=lambda pair: pair[0],
        )
        if rated:
            yield from _lowest(evidence, rated)
            yield from _gaps(evidence, rated)


def _level(stars: float) -> Level:
    return Level(sum(stars >= limit for limit in STARS))


def _lowest(evidence: MapsetEvidence, rated: Sequence[tuple[float, Beatmap]]) -> Iterator[Placed]:
    stars, lowest = rated[0]
    given = next(one for one in evidence.of_beatmaps if one.beatmap is lowest).level
    level = _level(stars) if given is None else min(given, _level(stars))
    least = LEAST_DRAIN_MS.get(level)
    if least is None:
        return
    length = max(_counted_ms(beatmap) for _, beatmap in rated)
    if length < least:
        yield from evidence.candidate(
            LOWEST,
            lowest,
            certainty=Certainty.CERTAIN,
            actual=f"{level.label}, {_clock(length)}",
            expected=[Expected(_lower(length))],
            message=f"The lowest difficulty of {lowest.mode.label} is {_article(level)} ({stars:.2f} stars), which "
            f"requires {_clock(least)} of drain time; the set has {_clock(length)}.",
            stars=stars,
            drain_ms=round(length),
        )


def _counted_ms(beatmap: Beatmap) -> float:
    """Drain time, plus breaks if they are short."""
    ends = max(o.end_time for o in beatmap.hit_objects) - min(o.time for o in beatmap.hit_objects)
    return ends if ends - beatmap.drain_ms <= BREAKS_MS else beatmap.drain_ms


def _lower(length: float) -> str:
    """Highest level allowed for the lowest difficulty."""
    allowed = max((level for level, least in LEAST_DRAIN_MS.items() if length >= least), default=Level.NORMAL)
    return f"{_article(allowed)} or lower"


def _article(level: Level) -> str:
    return f"{'an' if level.label[0] in 'AEIOU' else 'a'} {level.label}"


def _clock(ms: float) -> str:
    return f"{int(ms) // 60_000}:{int(ms) // 1000 % 60:02d}"


def _gaps(evidence: MapsetEvidence, rated: Sequence[tuple[float, Beatmap]]) -> Iterator[Placed]:
    for (low, lower), (high, higher) in pairwise(rated):
        if low >= FREE_STARS:
            return
        left_out = [Level(level).label for level in range(_level(low) + 1, _level(high))]
        if high - low < (LEVEL_GAP_STARS if left_out else WIDE_GAP_STARS):
            continue
        yield from evidence.candidate(
            GAP,
            higher,
            certainty=Certainty.LIKELY if high - low >= WIDE_GAP_STARS else Certainty.POSSIBLE,
            subject=lower.version,
            actual=f"{high - low:.2f} stars",
            expected=[Expected("a difficulty in between")],
            stars=[low, high],
            message=f"[{lower.version}] ({low:.2f} stars) and [{higher.version}] ({high:.2f}) are {high - low:.2f} "
            "stars apart"
            f"{', with no ' + ' and no '.join(left_out) + ' in between' if left_out else ''}.",
        )


CHECK = MapsetCheck("Spread", (LOWEST, GAP), run)
