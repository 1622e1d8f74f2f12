"""The spread of a set: whether its lowest difficulty is low enough for its length, and whether its levels are
consecutive.

Source: "Spread" of the ranking criteria of each mode; stars of the levels: :mod:`maimod.osu.level`.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise

from maimod.findings import Expected, Severity, Tier, minutes
from maimod.osu.beatmap import Beatmap, Mode
from maimod.osu.level import STARS, Level
from maimod.rules import criteria
from maimod.rules.base import Certainty, Rule
from maimod.rules.checks import MapsetCheck
from maimod.rules.evidence import MapsetEvidence, Placed
from maimod.rules.mapset.sets import is_whole

LOWEST = Rule(
    "mapset/lowest-difficulty",
    "Lowest difficulty too hard for so short a song",
    Severity.PROBLEM,
    Tier.EXACT,
    ("map",),
    why="For a shorter song a full spread is less work, so the criteria require easier difficulties.",
    how="The drain times that the criteria require for the level of the lowest difficulty of a mode, by its name and "
    "its stars, are compared with the drain time of each difficulty of that mode. Breaks count, of the highest difficulty "
    "30 s at most; numbers of keys are modes of their own. In catch and mania a spread of enough difficulties is allowed "
    "instead. A warning in folders without backgrounds, which seem not to hold the whole set.",
    advice="Add an easier difficulty.",
    ignore_when="easier difficulties are still to come",
    blind_spots="Difficulties with misleading stars; lower difficulties in another folder; gaps in a spread that is "
    "allowed for its number of difficulties.",
    source=f"{criteria.PAGE}/osu%21#spread",
    criteria=("lowest-difficulty-drain", "lowest-difficulty-spread", "break-allowance"),
)
GAP = Rule(
    "mapset/spread-gap",
    "Gap in the spread",
    Severity.WARNING,
    Tier.EXACT,
    ("map",),
    why="Players who have mastered one difficulty need a next one within reach.",
    how="By their stars, two neighbouring difficulties of a mode lie 1.6 stars or more apart (1.4, a minor, if that "
    "leaves out a whole level, as from Easy to Hard); in ranked sets 1 % do.",
    advice="Add a difficulty in between, or bring them closer.",
    ignore_when="the difficulties between are still to come, or stars misjudge one of them",
    blind_spots="Gaps above Insane, which are allowed; gaps in how difficulties play that stars do not show.",
    source=f"{criteria.PAGE}#beatmap",
)

ROUNDING_MS = 1.0
LIMITED = (Level.HARD, Level.INSANE, Level.EXPERT)
"""Levels that not every set may begin with."""
WIDE_GAP_STARS, LEVEL_GAP_STARS = 1.6, 1.4
"""Of 601 gaps below Expert in ranked sets of four difficulties and more half are under 0.8 stars, 95 % under 1.4 and 99
% under 1.6."""
FREE_STARS = STARS[Level.INSANE]
"""Gaps above an Expert are allowed."""


def run(evidence: MapsetEvidence) -> Iterator[Placed]:
    rated: dict[tuple[Mode, int], list[tuple[float, Beatmap]]] = defaultdict(list)
    for beatmap in evidence.beatmaps:
        if (stars := evidence.mapset.stars[beatmap.path]) is not None:
            rated[beatmap.mode, beatmap.keys if beatmap.mode is Mode.MANIA else 0].append((stars, beatmap))
    for _, spread in sorted(rated.items(), key=lambda item: item[0]):
        spread.sort(key=lambda pair: pair[0])
        yield from _lowest(evidence, spread)
        yield from _gaps(evidence, spread)


def _level(stars: float) -> Level:
    return Level(sum(stars >= limit for limit in STARS))


def _lowest(evidence: MapsetEvidence, rated: Sequence[tuple[float, Beatmap]]) -> Iterator[Placed]:
    stars, lowest = rated[0]
    given = next(one for one in evidence.of_beatmaps if one.beatmap is lowest).level
    level = _level(stars) if given is None else min(given, _level(stars))
    least = criteria.low("lowest-difficulty-drain", lowest.mode, level)
    lengths = [(_counted_ms(beatmap, is_highest=beatmap is rated[-1][1]), beatmap) for _, beatmap in rated]
    length, shortest = min(lengths, key=lambda pair: pair[0])
    if length >= least - ROUNDING_MS:
        return
    # The first of the criteria's steps that the length does not reach names the level that is allowed.
    step = next(
        one for one in LIMITED if length < criteria.low("lowest-difficulty-drain", lowest.mode, one) - ROUNDING_MS
    )
    enough = criteria.low("lowest-difficulty-spread", lowest.mode, step)
    if len(rated) >= enough > 0:
        return
    breaks = ", breaks counted" if minutes(length) != minutes(shortest.drain_ms) else ""
    required = "drain time" if len(rated) == 1 else "drain time of each difficulty"
    instead = "" if math.isinf(enough) else f", or {enough:g} difficulties"
    yield from evidence.candidate(
        LOWEST,
        lowest,
        # A folder without its backgrounds may lack difficulties too.
        certainty=Certainty.CERTAIN if is_whole(evidence.mapset) else Certainty.LIKELY,
        actual=f"{level.one_in(lowest.mode)}, {minutes(length)}",
        expected=[Expected(f"{Level(step - 1).one_in(lowest.mode)} or lower{instead}")],
        message=f"The lowest difficulty of {lowest.mode.title} is {level.one_in(lowest.mode)} ({stars:.2f} stars), which "
        f"requires {minutes(least)} of {required}; [{shortest.version}] has {minutes(length)}{breaks}.",
        stars=stars,
        drain_ms=round(length),
    )


def _counted_ms(beatmap: Beatmap, *, is_highest: bool) -> float:
    """Drain time with its breaks, as far as the criteria count them."""
    drain = beatmap.drain_ms
    if drain < criteria.low("drain-time", beatmap.mode):
        return drain
    breaks = max(o.end_time for o in beatmap.hit_objects) - min(o.time for o in beatmap.hit_objects) - drain
    return drain + (min(breaks, criteria.high("break-allowance", beatmap.mode)) if is_highest else breaks)


def _level_of(evidence: MapsetEvidence, beatmap: Beatmap, stars: float) -> Level:
    """By the name, if that is one of a level, else by the stars."""
    given = next(one for one in evidence.of_beatmaps if one.beatmap is beatmap).level
    return _level(stars) if given is None else given


def _either(names: Sequence[str]) -> str:
    """As in "Normal, Hard or Insane"."""
    return " or ".join(part for part in (", ".join(names[:-1]), names[-1]) if part)


def _gaps(evidence: MapsetEvidence, rated: Sequence[tuple[float, Beatmap]]) -> Iterator[Placed]:
    for (low, lower), (high, higher) in pairwise(rated):
        if low >= FREE_STARS:
            return
        below, above = _level_of(evidence, lower, low), _level_of(evidence, higher, high)
        left_out = [Level(level).label_in(lower.mode) for level in range(below + 1, above)]
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
            f"stars apart{f', with no {_either(left_out)} in between' if left_out else ''}.",
        )


CHECK = MapsetCheck("Spread", (LOWEST, GAP), run)
