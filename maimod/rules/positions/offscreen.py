"""Objects that reach beyond the screen; osu! only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec
import numpy as np

from maimod.findings import Category, Severity, Tier
from maimod.osu import slider_path
from maimod.osu.beatmap import ONLY_OSU, HitObject, Mode, ObjectKind
from maimod.rules.base import Candidate, Certainty, Rule, candidate
from maimod.rules.checks import BeatmapCheck
from maimod.rules.evidence import Evidence

LEFT, TOP, RIGHT, BOTTOM = -67, -60, 579, 428
"""Visible area around the playfield on a 4:3 screen, in osu! pixels (lazer, `CheckOffscreenObjects`)."""
MAX_OFFSCREEN = 5
"""A map with more objects off the screen does it on purpose or was scaled; they become one finding."""

OFFSCREEN = Rule(
    "positions/offscreen",
    "Object outside the screen",
    Severity.PROBLEM,
    Tier.EXACT,
    ("map",),
    why="A part of it is not visible on 4:3 screens.",
    how="The circle, or the slider's body with its width, is compared with the area that the game shows on a 4:3 "
    "screen.",
    advice="Move it inside the playfield.",
    ignore_when="never: the ranking criteria forbid it.",
    blind_spots="Stacked objects, which the game shifts to the upper left.",
    source="https://osu.ppy.sh/wiki/en/Ranking_criteria/osu%21",
    modes=ONLY_OSU,
)


class _Offscreen(msgspec.Struct, frozen=True):
    """An object that leaves the screen."""

    hit_object: HitObject
    beyond_px: float
    """How far it reaches beyond the edge."""
    x: float
    """Where it does so, on the playfield."""
    y: float
    is_head: bool
    is_end: bool


def run(evidence: Evidence) -> Iterator[Candidate]:
    """Circles and bodies that leave the screen: one by one, or together if a map has many."""
    if evidence.beatmap.mode is not Mode.OSU:
        return
    radius = evidence.beatmap.difficulty.circle_radius
    found = [one for o in evidence.objects_by_time if (one := _offscreen(o, radius)) is not None]
    if len(found) <= MAX_OFFSCREEN:
        yield from (_candidate(one, radius) for one in found)
    else:
        yield _together(found, radius)


def _offscreen(o: HitObject, radius: float) -> _Offscreen | None:
    if o.kind not in (ObjectKind.CIRCLE, ObjectKind.SLIDER):
        return None
    points = slider_path.flatten(o.slider).vertices if o.slider else np.array([[o.x, o.y]])
    (left, top), (right, bottom) = (points.min(axis=0), points.max(axis=0)) if o.slider else ((o.x, o.y),) * 2
    if max(LEFT - left, right - RIGHT, TOP - top, bottom - BOTTOM) + radius < -1:  # nearly all
        return None
    beyond = np.max(
        [
            LEFT - points[:, 0] + radius,
            points[:, 0] + radius - RIGHT,
            TOP - points[:, 1] + radius,
            points[:, 1] + radius - BOTTOM,
        ],
        axis=0,
    )
    if beyond.max() <= 0:
        return None
    x, y = points[int(beyond.argmax())].tolist()
    return _Offscreen(o, float(beyond.max()), x, y, bool(beyond[0] > 0), bool(beyond[-1] > 0))


def _candidate(one: _Offscreen, radius: float) -> Candidate:
    o = one.hit_object
    part = "head" if one.is_head else "end" if one.is_end else "body"
    what = "This circle" if o.slider is None else f"The {part} of this slider"
    return candidate(
        OFFSCREEN,
        time=o.time,
        end_time=o.end_time if o.slider else None,
        line=o.line,
        objects=[o],
        # Mapset Verifier warns where it is the body alone.
        certainty=Certainty.CERTAIN if one.is_head or one.is_end else Certainty.LIKELY,
        message=f"{what} reaches {_pixels(one.beyond_px)} beyond the edge of a 4:3 screen.",
        actual=f"x {one.x:.0f}, y {one.y:.0f}",
        beyond_px=round(one.beyond_px, 1),
        radius_px=round(radius, 1),
    )


def _together(found: Sequence[_Offscreen], radius: float) -> Candidate:
    objects, worst = [one.hit_object for one in found], max(one.beyond_px for one in found)
    return candidate(
        OFFSCREEN,
        time=objects[0].time,
        end_time=objects[-1].end_time,
        line=objects[0].line,
        objects=objects,
        certainty=Certainty.CERTAIN,
        message=f"{len(found)} objects from here on reach beyond the edge of a 4:3 screen, by up to {worst:.0f} px.",
        actual=f"{len(found)} objects",
        beyond_px=round(worst, 1),
        radius_px=round(radius, 1),
    )


def _pixels(distance: float) -> str:
    return f"{distance:.0f} px" if distance >= 1 else "less than 1 px"


CHECK = BeatmapCheck(Category.POSITIONS, "Edge of the screen", (OFFSCREEN,), run)
