"""Steps from object to object: their gap, their distance, and what is usual in the map, in words."""

from __future__ import annotations

import math
from itertools import pairwise

import msgspec

from maimod.features.ordered import median
from maimod.features.positions.geometry import SAME_GAP_MS
from maimod.osu import slider_path
from maimod.osu.beatmap import HitObject, Mode, ObjectKind
from maimod.osu.names import object_name
from maimod.rules.evidence import Evidence

LEAST_COMPANIONS = 5
"""Steps at the same gap from which a distance is usual."""
USUAL_PX, USUAL_SHARE = 5.0, 0.06
"""Distances this close to the usual one, in px or as a share of it, are usual."""
PAUSE_MS = 2000.0
"""Objects farther apart are not compared in words, unless the map often has this gap."""
FRACTIONS = {1: 0.02, 2: 0.02, 3: 0.02, 4: 0.02, 6: 0.02, 8: 0.02, 12: 0.006, 16: 0.006}
"""Parts of a beat by which gaps are named, and by how many beats a gap may be off them: ticks of 1/12 and 1/16 are close together."""


class Step(msgspec.Struct, frozen=True):
    """The step from one object to the next."""

    before: HitObject
    after: HitObject
    gap: float
    """Ms from the end of the one to the start of the other."""
    distance: float
    """Osu! pixels from the tail of the one to the head of the other."""


def cursor(hit_object: HitObject) -> tuple[float, float]:
    """Position of the cursor at the end of the object."""
    return slider_path.tail(hit_object.slider) if hit_object.slider else (hit_object.x, hit_object.y)


def steps(evidence: Evidence) -> list[Step]:
    """Steps between neighbours in time, without spinners."""
    found = []
    objects = evidence.objects_by_time
    for before, after in pairwise(objects):
        if ObjectKind.SPINNER in (before.kind, after.kind):
            continue
        found.append(Step(before, after, after.time - before.end_time, math.dist(cursor(before), (after.x, after.y))))
    return found


def gap_name(evidence: Evidence, before: HitObject, gap: float) -> str:
    """A gap in beats ("1/2 beat", "2 beats"), or in ms if it is on no common divisor."""
    return beats_name(gap / evidence.beatmap.red_line_of(before.end_time).beat_length) or f"{gap:.0f} ms"


def beats_name(beats: float) -> str:
    """A number of beats, as in "1/2 beat" and "2 beats"; empty if it is on no common divisor."""
    for divisor, most in FRACTIONS.items():
        parts = round(beats * divisor)
        if parts > 0 and abs(beats * divisor - parts) <= most * divisor and math.gcd(parts, divisor) == 1:
            return f"{parts if divisor == 1 else f'{parts}/{divisor}'} beat{'s' * (parts > divisor)}"
    return ""


class UsualSteps:
    """The distances that a map usually has, in words."""

    def __init__(self, evidence: Evidence) -> None:
        self.evidence = evidence
        self.is_flat = evidence.beatmap.mode is Mode.CATCH
        """Whether only x counts."""
        found = steps(evidence)
        self._to = {step.after.index: step for step in found}
        self._from = {step.before.index: step for step in found}
        gaps: dict[int, list[float]] = {}
        for step in found:
            gaps.setdefault(round(step.gap / SAME_GAP_MS), []).append(self._distance(step))
        self._usual = {gap: median(own) for gap, own in gaps.items() if len(own) >= LEAST_COMPANIONS}

    def _distance(self, step: Step) -> float:
        return abs(step.after.x - cursor(step.before)[0]) if self.is_flat else step.distance

    def words(self, o: HitObject) -> str:
        """As in "175 px from the object before (1/2 beat, usually 90 px) and 60 px from the next (1 beat)".

        Usual distances are no reason for a finding, nor are those over a pause. They are left out; empty if both are.
        """
        parts: list[str] = []
        for step, name in ((self._to.get(o.index), "object before"), (self._from.get(o.index), "next")):
            if step is not None:
                distance, usual = self._distance(step), self._usual.get(round(step.gap / SAME_GAP_MS))
                if (
                    step.gap > PAUSE_MS
                    if usual is None
                    else abs(distance - usual) <= max(USUAL_PX, USUAL_SHARE * usual)
                ):
                    continue
                aside = f", usually {usual:.0f} px" if usual is not None else ""
                gap = gap_name(self.evidence, step.before, step.gap)
                parts.append(f"{distance:.0f} px from the {name} ({gap}{aside})")
        return " and ".join(parts)

    def message(self, o: HitObject) -> str:
        """A sentence about where an object is."""
        name, around = object_name(o, self.evidence.beatmap), self.words(o)
        if around:
            return f"This {name} is {around}."
        where = f"at x {o.x:.0f}" if self.is_flat else f"at x {o.x:.0f}, y {o.y:.0f}"
        return f"This {name} is {where}; the pattern of the objects before and after suggests another place."
