"""Objects that reach beyond the screen; osu! only."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from maimod.findings import Category, Severity, Tier
from maimod.osu import slider_path
from maimod.osu.beatmap import HitObject, Mode, ObjectKind
from maimod.rules.base import BeatmapCheck, Candidate, Certainty, Evidence, Rule, candidate

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
    modes=frozenset({Mode.OSU}),
)


def run(evidence: Evidence) -> Iterator[Candidate]:
    """Circles and bodies that leave the screen: one by one, or together if a map has many."""
    if evidence.beatmap.mode is not Mode.OSU:
        return
    radius = evidence.beatmap.difficulty.circle_radius
    found: list[tuple[HitObject, float, Candidate]] = []
    for o in evidence.objects_by_time:
        if o.kind not in (ObjectKind.CIRCLE, ObjectKind.SLIDER):
            continue
        points = slider_path.flatten(o.slider).vertices if o.slider else np.array([[o.x, o.y]])
        (left, top), (right, bottom) = (points.min(axis=0), points.max(axis=0)) if o.slider else ((o.x, o.y),) * 2
        if max(LEFT - left, right - RIGHT, TOP - top, bottom - BOTTOM) + radius < -1:  # nearly all
            continue
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
            continue
        ends = max(beyond[0], beyond[-1])
        part = "head" if beyond[0] > 0 else "end" if ends > 0 else "body"
        what = "This circle" if o.slider is None else f"The {part} of this slider"
        x, y = points[int(beyond.argmax())]
        found.append(
            (
                o,
                float(beyond.max()),
                candidate(
                    OFFSCREEN,
                    time=o.time,
                    end_time=o.end_time if o.slider else None,
                    line=o.line,
                    objects=[o],
                    certainty=Certainty.CERTAIN if ends > 0 else Certainty.LIKELY,  # Mapset Verifier: a warning
                    message=f"{what} reaches {_pixels(float(beyond.max()))} beyond the edge of a 4:3 screen.",
                    actual=f"x {x:.0f}, y {y:.0f}",
                    beyond_px=round(float(beyond.max()), 1),
                    radius_px=round(radius, 1),
                ),
            )
        )
    if len(found) <= MAX_OFFSCREEN:
        yield from (one for _, _, one in found)
        return
    first, worst = found[0][0], max(amount for _, amount, _ in found)
    yield candidate(
        OFFSCREEN,
        time=first.time,
        end_time=found[-1][0].end_time,
        line=first.line,
        objects=[o for o, _, _ in found],
        certainty=Certainty.CERTAIN,
        message=f"{len(found)} objects from here on reach beyond the edge of a 4:3 screen, by up to {worst:.0f} px.",
        actual=f"{len(found)} objects",
        beyond_px=round(worst, 1),
        radius_px=round(radius, 1),
    )


def _pixels(distance: float) -> str:
    return f"{distance:.0f} px" if distance >= 1 else "less than 1 px"


CHECK = BeatmapCheck(Category.POSITIONS, "Edge of the screen", (OFFSCREEN,), run)
