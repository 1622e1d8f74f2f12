"""Sliders that are hard to read: bodies that run back over themselves, those whose ends meet, and sliders without end."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import groupby, pairwise

import numpy as np

from maimod.features.ordered import median
from maimod.findings import Category, Severity, Tier
from maimod.osu import slider_path
from maimod.osu.beatmap import ONLY_OSU, HitObject, Mode, SliderPath
from maimod.osu.level import Level
from maimod.rules.base import Candidate, Certainty, Rule, candidate
from maimod.rules.bundles import places_alike
from maimod.rules.checks import BeatmapCheck
from maimod.rules.evidence import Evidence

_CRITERIA = "https://osu.ppy.sh/wiki/en/Ranking_criteria/osu%21#difficulty-specific"
RUNS_BACK = Rule(
    "sliders/shape-runs-back",
    "Slider that runs back over itself",
    Severity.WARNING,
    Tier.EXACT,
    ("map",),
    why="Where a body covers itself its path cannot be seen; the criteria ask for a path that is clear from start to end.",
    how="A stretch of the path as long as the radius of a circle, and 40 px or more, lies on an earlier stretch in the opposite "
    "direction. Paths that the follow circle covers from the head are left out. A minor in an Insane or Expert, or where six sliders "
    "and more do so.",
    advice="Check that a player can see where the ball goes.",
    ignore_when="the borders of the body show its path",
    blind_spots="Paths that are traced twice in the same direction; other overlaps; all but the first 8,000 sliders.",
    source=_CRITERIA,
    modes=ONLY_OSU,
)
AMBIGUOUS = Rule(
    "sliders/shape-ambiguous",
    "Slider with several possible paths",
    Severity.WARNING,
    Tier.EXACT,
    ("map",),
    why="Where the path touches itself at a corner or an end, players cannot tell which way it goes on.",
    how="A red anchor, or the tail, lies within 5 px of the head, or a red anchor on the tail, and the path leads there "
    "from further away than the follow circle reaches. A minor in an Insane or Expert, or where six sliders and more do so.",
    advice="Check that a player can see where the ball goes.",
    ignore_when="the shape is usual and its way is clear, as that of a circle",
    blind_spots="Crossings elsewhere on the path.",
    source=_CRITERIA,
    modes=ONLY_OSU,
)

ONLY_SLIDERS = Rule(
    "sliders/only-sliders",
    "Only sliders for a while",
    Severity.MINOR,
    Tier.EXACT,
    ("map",),
    why="Beginners have to hold and to aim again at once; a circle or a pause lets them catch up.",
    how="More than six sliders in a row of an Easy or Normal, over more than five seconds, most of them less than a beat after the one "
    "before.",
    advice="Add a circle or two, so that a beginner can rest.",
    ignore_when="the pauses between the sliders are long enough for a beginner",
    blind_spots="Whether the song is slow.",
    source=_CRITERIA,
    modes=ONLY_OSU,
)

STEP_PX, ROUNDING_MS = 5.0, 2.0
MOST_SLIDERS = 8_000
"""Sliders that are looked at; the longest marathons have fewer."""
MOST_POINTS = 240
NEAR_SHARE, OPPOSITE = 0.25, -0.9
"""Share of the radius, and cosine between the directions, of two stretches that lie on each other."""
LEAST_STRETCH_PX = 40.0
SAME_PLACE_PX = 5.0
FOLLOW_SHARE = 2.4
"""Radius of the follow circle in radii of a circle (lazer, `DrawableSliderBall.FOLLOW_AREA`)."""
LEAST_SLIDERS, LEAST_MS = 7, 5_000.0
"""Mapset Verifier, slider-only sections."""
MANY = 6
"""This many sliders or more are one finding: they are the map's style."""


def run(evidence: Evidence) -> Iterator[Candidate]:
    if evidence.beatmap.mode is not Mode.OSU:
        return
    yield from _only_sliders(evidence)
    sliders = [o for o in evidence.objects_by_time if o.slider]
    radius = evidence.beatmap.difficulty.circle_radius
    back = [(o, stretch) for o in sliders[:MOST_SLIDERS] if o.slider and (stretch := stretch_back(o.slider, radius))]
    named = {o.index for o, _ in back}
    yield from _report(
        evidence,
        RUNS_BACK,
        [(o, f"The path of this slider runs back over itself for {stretch:.0f} px") for o, stretch in back],
    )
    yield from _report(
        evidence,
        AMBIGUOUS,
        [
            (o, f"The path of this slider is ambiguous: {where}")
            for o in sliders
            if o.slider and o.index not in named and (where := meeting(o.slider, radius))
        ],
    )


def _report(evidence: Evidence, rule: Rule, found: list[tuple[HitObject, str]]) -> Iterator[Candidate]:
    # One in ten ranked Experts has some, and the criteria allow them more.
    is_style = len(found) >= MANY or (evidence.level is not None and evidence.level >= Level.INSANE)
    for o, message in found[:1] if len(found) >= MANY else found:
        more = f", as those of {len(found) - 1} more" if len(found) >= MANY else ""
        yield candidate(
            rule,
            time=o.time,
            end_time=o.end_time,
            line=o.line,
            objects=[o],
            certainty=Certainty.POSSIBLE if is_style else Certainty.GUIDELINE,
            message=f"{message}{more}.",
            sliders=len(found),
        )


def _is_followed(path: slider_path.Polyline, radius: float) -> bool:
    """Whether the follow circle at the head covers the whole path."""
    return float(np.hypot(*(path.vertices - path.vertices[0]).T).max()) <= FOLLOW_SHARE * radius


def stretch_back(slider: SliderPath, radius: float) -> float:
    """Length of a path that lies on an earlier part of it in the opposite direction [osu! pixels]; 0 if it is short.

    Args:
        slider: the path.
        radius: of a circle.
    """
    if len(slider.control_points) < 3:
        return 0.0
    path = slider_path.flatten(slider)
    count = min(int(path.length / STEP_PX) + 1, MOST_POINTS)
    if count < 4 or _is_followed(path, radius):
        return 0.0
    places, step = np.linspace(0.0, path.length, count, retstep=True)
    points = path.at(places)
    ways = np.diff(points, axis=0)
    ways /= np.maximum(np.hypot(*ways.T), 1e-9)[:, None]
    middles = (points[:-1] + points[1:]) / 2
    opposite = ways @ ways.T < OPPOSITE
    if not opposite.any():
        return 0.0
    near = np.hypot(*(middles[:, None] - middles[None]).transpose(2, 0, 1)) < max(NEAR_SHARE * radius, float(step))
    length = float(np.triu(opposite & near).any(axis=0).sum() * step)
    return length if length >= max(radius, LEAST_STRETCH_PX) else 0.0


def _only_sliders(evidence: Evidence) -> Iterator[Candidate]:
    """Long rows of sliders close to each other, one finding for all."""
    if evidence.level not in (Level.EASY, Level.NORMAL):
        return
    rows = [
        row
        for are_sliders, objects in groupby(evidence.objects_by_time, key=lambda o: o.slider is not None)
        if are_sliders and _is_tiring(evidence, row := list(objects))
    ]
    if rows:
        first = rows[0]
        seconds = (first[-1].end_time - first[0].time) / 1000
        yield candidate(
            ONLY_SLIDERS,
            time=first[0].time,
            end_time=first[-1].end_time,
            line=first[0].line,
            objects=first[:8],
            certainty=Certainty.HARMLESS,
            message=f"{len(first)} sliders follow each other for {seconds:.0f} s without a circle{places_alike([row[0].time for row in rows[1:]])}.",
            actual=f"{len(first)} sliders",
            places=len(rows),
        )


def _is_tiring(evidence: Evidence, row: Sequence[HitObject]) -> bool:
    if len(row) < LEAST_SLIDERS or row[-1].end_time - row[0].time <= LEAST_MS:
        return False
    beat = evidence.beatmap.red_line_at(row[0].time).beat_length
    return median([after.time - before.end_time for before, after in pairwise(row)]) < beat - ROUNDING_MS


def meeting(slider: SliderPath, radius: float) -> str:
    """Where a path comes back to one of its ends; empty if it does not."""
    path = slider_path.flatten(slider)
    if path.length <= 2 * FOLLOW_SHARE * radius and _is_followed(path, radius):
        return ""
    head, tail = slider.control_points[0], path.end
    # An end that is listed twice is still one end.
    anchors = [a for a, b in list(pairwise(slider.control_points))[1:-1] if a == b]
    if any(math.dist(anchor, head) <= SAME_PLACE_PX for anchor in anchors):
        return "a red anchor lies on its head"
    if any(math.dist(anchor, tail) <= SAME_PLACE_PX for anchor in anchors):
        return "a red anchor lies on its tail"
    return "its tail lies on its head" if math.dist(head, tail) <= SAME_PLACE_PX else ""


CHECK = BeatmapCheck(Category.SLIDERS, "Readable sliders", (RUNS_BACK, AMBIGUOUS, ONLY_SLIDERS), run)
