"""Bodies of sliders, measured; lengths that do not fit the curve."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec
import numpy as np

from maimod.findings import Expected, Severity, Tier
from maimod.osu import slider_path
from maimod.osu.beatmap import PLAYFIELD_MODES, HitObject
from maimod.rules.base import Candidate, Certainty, Curve, Rule, candidate
from maimod.rules.bundles import bundled
from maimod.rules.evidence import Evidence

EXTENDED_SHARE, EXTENDED_PX = 0.03, 5.0
"""A body this much longer than its curve continues straight; less cannot be seen. 8 of 8,700 sliders of 60 ranked maps are 2 %
and 3 px longer, 7 of them in one map.
"""
EXTENDED_CURVE = Curve(middle=0.035, scale=0.015)
"""Share of the length beyond the curve."""
CUT_CURVE = Curve(middle=0.5, scale=0.06)
"""Beats that the curve is longer than the body. The editor cuts at the last tick of its beat snap divisor, so less than
half a beat is left over: at most 0.48 in 60 ranked maps, 0.36 in 99 % of sliders."""
MISFIT = {"extended": 0.022, "cut": 0.45}
"""A body this much longer or shorter than its curve explains an unexpected tail."""
CUT_MARGIN = 1.3
"""The rest must also be this many times that of any other slider of the map."""
HABIT_SHARE = 0.02
"""If more sliders of the map do the same, it is its style."""

LENGTH = Rule(
    "sliders/length",
    "Length does not fit the curve",
    Severity.MINOR,
    Tier.ESTIMATED,
    ("map", "model"),
    why="The body ends before its last control point, or continues straight after it, so the tail is not where it was "
    "drawn.",
    how="The length in the file is compared with the length of the curve. The editor cuts a curve at the last tick "
    "before its end, so the remaining part is short; it never makes a body longer than its curve.",
    advice="Was the curve changed after the length was set?",
    ignore_when="bodies are stretched on purpose; if many are, the rule reports none.",
    blind_spots="A wrong length that still ends on the last tick before the end of the curve.",
    source="https://osu.ppy.sh/wiki/en/Gameplay/Hit_object/Slider",
    modes=PLAYFIELD_MODES,
    curves={"extended": EXTENDED_CURVE, "cut": CUT_CURVE},
    corruptions=("length", "shape"),
)
INVISIBLE = Rule(
    "sliders/invisible",
    "Slider without a body",
    Severity.PROBLEM,
    Tier.EXACT,
    ("map",),
    why="Players cannot follow a slider without a path, and the game leaves out a slider that it cannot read.",
    how="The curve has no length: there are no control points, or all are at one position. So are sliders with a negative length, "
    "and lines of sliders that cannot be read.",
    advice="Delete it, or draw its path again.",
    ignore_when="never.",
    blind_spots="Bodies of a few pixels.",
    source="https://osu.ppy.sh/wiki/en/Ranking_criteria/osu%21",
    modes=PLAYFIELD_MODES,
)


class Body(msgspec.Struct, frozen=True):
    """A slider with its measurements."""

    head: HitObject
    path: slider_path.Polyline
    velocity: float
    pixels_per_beat: float

    @property
    def extension(self) -> float:
        """Share of the length in the file beyond the curve; negative where the curve is cut."""
        assert self.head.slider is not None
        length = self.head.slider.length or self.path.natural_length
        return (length - self.path.natural_length) / max(length, 1e-9)

    @property
    def left_over(self) -> float:
        """Beats of curve beyond the end of the body."""
        assert self.head.slider is not None
        return (self.path.natural_length - (self.head.slider.length or self.path.natural_length)) / self.pixels_per_beat


def bodies(evidence: Evidence) -> list[Body]:
    """All sliders in order of time."""
    beatmap = evidence.beatmap
    found = []
    for head in evidence.objects_by_time:
        if head.slider:
            velocity = beatmap.velocity_at(head.time)
            found.append(
                Body(
                    head,
                    slider_path.flatten(head.slider),
                    velocity,
                    beatmap.difficulty.slider_multiplier * 100 * velocity,
                )
            )
    return found


def lengths(all_bodies: Sequence[Body]) -> Iterator[Candidate]:
    """Bodies that are longer or much shorter than their curves."""
    extended = {
        body.head.index
        for body in all_bodies
        if body.extension > EXTENDED_SHARE and body.extension * body.path.length > EXTENDED_PX
    }
    left_over = np.sort([b.left_over for b in all_bodies])
    allowed = 1 + HABIT_SHARE * len(all_bodies)
    for body in all_bodies:
        slider = body.head.slider
        assert slider is not None
        drawn, length = body.path.natural_length, slider.length or body.path.natural_length
        if body.head.index in extended and len(extended) <= allowed:
            curve, measure = "extended", body.extension
            what = "the body continues straight beyond the last control point"
        elif len(left_over) - np.searchsorted(left_over, body.left_over / CUT_MARGIN, side="right") <= allowed:
            curve, measure = "cut", body.left_over
            what = "the body ends before the last control point"
        else:
            continue
        yield candidate(
            LENGTH,
            time=body.head.time,
            end_time=body.head.end_time,
            line=body.head.line,
            objects=[body.head],
            measure=measure,
            curve=curve,
            message=f"This slider is {length:.0f} px long and its curve {drawn:.0f} px: {what}, which is rare in this map.",
            actual=f"{length:.0f} px",
            expected=[Expected(f"{drawn:.0f} px or a little less")],
            curve_px=round(drawn, 1),
            length_px=round(length, 1),
            beats_left_over=round(body.left_over, 3),
        )


def invisible(evidence: Evidence, all_bodies: Sequence[Body]) -> Iterator[Candidate]:
    """Sliders without a path, and those that cannot be read."""
    for body in all_bodies:
        if body.path.natural_length == 0:
            yield candidate(
                INVISIBLE,
                time=body.head.time,
                line=body.head.line,
                objects=[body.head],
                certainty=Certainty.CERTAIN,
                message="This slider has no body: its control points are all at one position.",
            )
    yield from bundled(
        candidate(
            INVISIBLE,
            time=broken.time,
            line=broken.line,
            certainty=Certainty.CERTAIN,
            message=f"This slider is broken: {broken.what}{', so the game leaves it out' if broken.is_left_out else ''}.",
        )
        for broken in evidence.beatmap.broken_sliders
    )
