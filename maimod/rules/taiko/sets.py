"""Taiko difficulties of a set compared: base scroll speed and the position of the background.

Source: https://osu.ppy.sh/wiki/en/Ranking_criteria/osu!taiko#general.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

from maimod.findings import Expected, Severity, Tier
from maimod.osu.beatmap import ONLY_TAIKO, Beatmap, Mode
from maimod.rules.base import Certainty, Rule
from maimod.rules.checks import MapsetCheck
from maimod.rules.evidence import MapsetEvidence, Placed
from maimod.rules.mapset.sets import FileEvent, background, departures, names

_CRITERIA = "https://osu.ppy.sh/wiki/en/Ranking_criteria/osu%21taiko#general"
BASE_VELOCITY = Rule(
    "mapset/base-velocity",
    "Base scroll speed goes up and down through the set",
    Severity.WARNING,
    Tier.EXACT,
    ("map",),
    why="Players who move on to the next difficulty expect the same scroll speed, or one that changes in one "
    "direction.",
    how="From the easiest to the hardest difficulty, by level and stars, the base slider velocity rises in one place "
    "and falls in another.",
    advice="Is it intended?",
    ignore_when="the difficulties have different styles on purpose",
    blind_spots="Whether a speed suits its difficulty; sets of two difficulties.",
    source=_CRITERIA,
    modes=ONLY_TAIKO,
    criteria=("base-velocity",),
)
BACKGROUND_OFFSET = Rule(
    "mapset/background-offset",
    "Background moved in another way than in the other difficulties",
    Severity.WARNING,
    Tier.EXACT,
    ("map",),
    why="In taiko the background is moved down so that the playfield hides nothing of it; the difficulties should "
    "agree, and a background that is moved sideways leaves a gap.",
    how="The last two numbers of the background's line in [Events]: equal in the difficulties with the same picture, "
    "and the first of them 0.",
    advice="Look at it in the game: does it leave a gap?",
    ignore_when="the picture was made for it",
    blind_spots="Whether a gap remains, or something important is hidden.",
    source=_CRITERIA,
    modes=ONLY_TAIKO,
)

LEAST_DIFFICULTIES = 3
DECIMALS = 2
"""Of the slider velocity, as the editor shows it."""


def run(evidence: MapsetEvidence) -> Iterator[Placed]:
    beatmaps = [beatmap for beatmap in evidence.beatmaps if beatmap.mode is Mode.TAIKO]
    yield from _velocities(evidence, beatmaps)
    yield from _backgrounds(evidence, beatmaps)


def _velocities(evidence: MapsetEvidence, beatmaps: Sequence[Beatmap]) -> Iterator[Placed]:
    levels = {one.beatmap.path: one.level for one in evidence.of_beatmaps}
    if len(beatmaps) < LEAST_DIFFICULTIES or any(levels[beatmap.path] is None for beatmap in beatmaps):
        return
    stars = evidence.mapset.stars
    ordered = sorted(beatmaps, key=lambda beatmap: (levels[beatmap.path] or 0, stars[beatmap.path] or 0.0))
    steps = list(pairwise(ordered))
    falls = [step for step in steps if _velocity(step[1]) < _velocity(step[0])]
    rises = [step for step in steps if _velocity(step[1]) > _velocity(step[0])]
    if not falls or not rises:
        return
    for lower, higher in falls if len(falls) <= len(rises) else rises:
        yield from evidence.candidate(
            BASE_VELOCITY,
            higher,
            line=higher.line_of("Difficulty", "SliderMultiplier"),
            certainty=Certainty.GUIDELINE,
            actual=f"{_velocity(higher):g}",
            expected=[Expected("a speed that rises or falls throughout the set")],
            velocities={beatmap.version: _velocity(beatmap) for beatmap in ordered},
            message=f"The base slider velocity is {_velocity(higher):g}, that of the easier {names([lower])} "
            f"{_velocity(lower):g}; elsewhere in the set it {'rises' if len(falls) <= len(rises) else 'falls'}.",
        )


def _velocity(beatmap: Beatmap) -> float:
    return round(beatmap.difficulty.slider_multiplier, DECIMALS)


def _backgrounds(evidence: MapsetEvidence, beatmaps: Sequence[Beatmap]) -> Iterator[Placed]:
    pictures: dict[str, dict[Path, FileEvent]] = defaultdict(dict)
    for beatmap in beatmaps:
        event = background(beatmap)
        if event is None:
            continue
        pictures[event.name.casefold()][beatmap.path] = event
        right, down = event.offset
        if right:
            yield from evidence.candidate(
                BACKGROUND_OFFSET,
                beatmap,
                line=event.line,
                subject=event.name,
                certainty=Certainty.GUIDELINE,
                actual=f"{right:g},{down:g}",
                expected=[Expected(f"0,{down:g}")],
                message=f"The background is moved sideways by {right:g}, which may leave a gap.",
            )
    for events in pictures.values():
        having = [beatmap for beatmap in beatmaps if beatmap.path in events]
        for part in departures(
            having, [f"{right:g},{down:g}" for right, down in (one.offset for one in events.values())]
        ):
            yield from evidence.candidate(
                BACKGROUND_OFFSET,
                part.beatmaps,
                line=events[part.beatmaps[0].path].line,
                subject=part.value,
                certainty=Certainty.GUIDELINE,
                actual=part.value,
                expected=[Expected(part.usual)],
                message=f"The background is moved by {part.value}, in {names(part.others)} by {part.usual}.",
            )


CHECK = MapsetCheck("Taiko difficulties of a set", (BASE_VELOCITY, BACKGROUND_OFFSET), run)
