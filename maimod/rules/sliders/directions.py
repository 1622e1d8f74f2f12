"""How often sliders are repeated, and from which end they run."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from maimod.events.schema import EventKind
from maimod.features.positions.geometry import SAME_GAP_MS
from maimod.findings import Expected, Severity, Tier
from maimod.osu import slider_path
from maimod.osu.beatmap import ONLY_OSU, PLAYFIELD_MODES, HitObject
from maimod.osu.names import object_name
from maimod.rules.base import Candidate, Curve, Rule, candidate
from maimod.rules.evidence import Evidence
from maimod.rules.sliders.lengths import Body
from maimod.rules.steps import cursor, steps

REPEATS_CURVE = Curve(middle=5.0, scale=1.0)
"""Bits of the time of the end: in ranked maps it follows from the velocity and the length, 99.9 % are below 1."""
MIN_PROBABILITY = 0.3
"""Smallest probability of another number of repeats: for buzz sliders of a dozen no number is expected."""
REVERSED_CURVE = Curve(middle=5.0, scale=0.8)
"""Bits by which a slider fits the map's spacing better from tail to head: 50 ranked maps have 0.3 sliders a minute
above 4.4 and 0.1 above 5.6; of sliders that were reversed 37 % are."""
REVERSED_PX = 40.0
"""With the tail closer to the head than this, the direction makes no difference."""
MIN_STEPS, MAX_STEPS = 8, 2_000
"""Fewest steps of the same rhythm to compare with, and most."""
SPREAD = 0.25
"""Width in octaves of the kernel that smooths the map's step lengths."""
FLOOR = 0.01
"""Density of step lengths that do not occur in the map; limits one step to 6.6 bits."""

_CRITERIA = "https://osu.ppy.sh/wiki/en/Ranking_criteria/osu%21"
REPEATS = Rule(
    "sliders/repeats",
    "Unlikely number of repeats",
    Severity.WARNING,
    Tier.ESTIMATED,
    ("model",),
    why="An additional repeat falls on silence, and a missing one leaves a sound without a hit.",
    how="The model's surprise at the time of the slider's end, given its velocity and the length of one slide.",
    advice="Listen: how often does the sound come again?",
    ignore_when="the number of repeats follows the music.",
    blind_spots="Whether there should be a slider at all, which is a matter of rhythm.",
    source=_CRITERIA,
    modes=PLAYFIELD_MODES,
    curves={"": REPEATS_CURVE},
    corruptions=("length",),
)
REVERSED = Rule(
    "sliders/reversed",
    "Slider seems reversed",
    Severity.WARNING,
    Tier.ESTIMATED,
    ("map",),
    why="The distances to the head and from the tail both break the spacing, and would not if the slider ran the "
    "other way.",
    how="The steps before and after the slider are compared with all steps of the same rhythm in this map, as they "
    "are and with head and tail swapped.",
    advice="Did the slider get reversed by accident?",
    ignore_when="the jumps are intended.",
    blind_spots="Short sliders, repeats, and maps without a usual spacing.",
    source=_CRITERIA,
    modes=ONLY_OSU,
    curves={"": REVERSED_CURVE},
    corruptions=("shape",),
)


def repeats(evidence: Evidence, all_bodies: Sequence[Body]) -> Iterator[Candidate]:
    """Sliders whose end fits no number of repeats that the model expects."""
    groups = {s.event.group for s in evidence.of_kind(EventKind.SLIDER_END)}
    ends = {
        s.event.source.index: s
        for s in evidence.of_kind(EventKind.TIME)
        if s.event.group in groups and isinstance(s.event.source, HitObject)
    }
    for body in all_bodies:
        event, head = ends.get(body.head.index), body.head
        if event is None or head.slider is None or head.span_duration <= 0:
            continue
        offers = [
            (round((e.value - head.time) / head.span_duration), p)
            for e, p in event.expected
            if e.kind is EventKind.TIME
        ]
        offers = [(slides, p) for slides, p in offers if slides >= 1 and slides != head.slider.slides]
        if offers and offers[0][1] >= MIN_PROBABILITY:
            count, likely = head.slider.slides - 1, offers[0][0] - 1
            yield candidate(
                REPEATS,
                time=head.time,
                end_time=head.end_time,
                line=head.line,
                objects=[head],
                measure=event.tolerant_surprisal,
                event=event,
                message=f"This {object_name(head, evidence.beatmap)} has {_count(count)}; {_count(likely)} would be more usual in this rhythm.",
                actual=_count(count),
                expected=[Expected(_count(slides - 1), round(p, 4)) for slides, p in offers],
            )


def _count(count: int) -> str:
    return f"{count or 'no'} repeat{'s' * (count != 1)}"


class _StepsByGap:
    """Steps of the same rhythm."""

    def __init__(self, gaps: np.ndarray) -> None:
        self._order = np.argsort(gaps, kind="stable")
        self._gaps = gaps[self._order]

    def of(self, gap: float, without: Sequence[int]) -> np.ndarray:
        """Indices of the steps with about this gap [ms], without some; of very many an even choice."""
        width = max(SAME_GAP_MS, 0.1 * abs(gap))
        first = int(np.searchsorted(self._gaps, gap - width))
        last = int(np.searchsorted(self._gaps, gap + width, side="right"))
        places = np.arange(first, last)
        if last - first > MAX_STEPS:
            places = first + np.arange(MAX_STEPS) * (last - first) // MAX_STEPS
        same = self._order[places]
        return same[~np.isin(same, without)]


def reversed_sliders(evidence: Evidence) -> Iterator[Candidate]:
    """Sliders that fit the map's spacing better from tail to head."""
    all_steps = steps(evidence)
    by_gap = _StepsByGap(np.array([s.gap for s in all_steps]))
    octaves = np.log2(np.maximum([s.distance for s in all_steps], 8.0)) if all_steps else np.zeros(0)
    for i, (into, out) in enumerate(pairwise(all_steps)):
        head = into.after
        if head.slider is None or head.slider.slides % 2 == 0 or out.before is not head:
            continue
        tail, start, after = slider_path.tail(head.slider), cursor(into.before), (out.after.x, out.after.y)
        if math.dist(tail, (head.x, head.y)) < REVERSED_PX:
            continue
        bits, ways = 0.0, (math.dist(start, tail), math.dist((head.x, head.y), after))
        if sum(ways) > into.distance + out.distance:  # less movement as it is: a tight pattern
            continue
        for step, other in zip((into, out), ways, strict=True):
            same = by_gap.of(step.gap, (i, i + 1))
            if len(same) < MIN_STEPS:
                break
            bits += _log_density(octaves[same], other) - _log_density(octaves[same], step.distance)
        else:
            yield candidate(
                REVERSED,
                time=head.time,
                end_time=head.end_time,
                line=head.line,
                objects=[head],
                measure=bits,
                message=f"Head and tail of this slider may be swapped: it is {into.distance:.0f} px from the object before and "
                f"{out.distance:.0f} px from the next; the other way round {ways[0]:.0f} and {ways[1]:.0f} px would fit this "
                "map's spacing.",
                actual=f"head at x {head.x:.0f}, y {head.y:.0f}",
                expected=[Expected(f"head at x {tail[0]:.0f}, y {tail[1]:.0f}")],
                bits=round(bits, 2),
            )


def _log_density(octaves: np.ndarray, distance: float) -> float:
    kernel = np.exp(-0.5 * ((octaves - math.log2(max(distance, 8.0))) / SPREAD) ** 2)
    return math.log2(float(kernel.mean()) / (SPREAD * math.sqrt(2 * math.pi)) + FLOOR)
