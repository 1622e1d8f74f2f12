"""Positions: objects where neither the map nor the model would put them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from maimod import geometry
from maimod.beatmap import HitObject, Mode, ObjectKind
from maimod.calibration import MINOR_SCORE, Curve
from maimod.detectors.base import Context, Detector, Rule
from maimod.events import EventKind, EventScore
from maimod.findings import Category, Expected, Finding, Severity

OSU = frozenset({Mode.OSU})
PLAYFIELD_MODES = frozenset({Mode.OSU, Mode.CATCH})

LEFT, TOP, RIGHT, BOTTOM = -67, -60, 579, 428
"""What a 4:3 screen shows around the playfield, in osu! pixels (lazer, `CheckOffscreenObjects`)."""
EXACT_SCORE, BODY_SCORE = 0.95, 0.7
"""Arithmetic does not err; that a body, not an end, leaves the screen is a smaller matter (Mapset Verifier: a warning)."""

STACK_PX, TAIL_STACK_PX = 1.0, 1.5
"""Closer is an exact stack: heads lie on whole pixels, tails wherever the curve ends."""
NEAR_STACK_PX = 6.0
"""Farther looks like an overlap that was meant."""
VISIBLE_STACK_PX = 3.0
"""The game stacks what is closer by itself (lazer, `OsuBeatmapProcessor.stack_distance`)."""
SAME_OFFSETS = 3
"""An offset found this often is a style."""
STACK_CURVE = Curve(middle=1.5, scale=1.2)
"""Log2 of exact stacks per broken one. In 60 ranked maps 52 have exact stacks alone."""

STACKED_PX = 12.0
"""Closer steps are stacks, not spacing (lazer, `CheckTimeDistanceEquality.stack_leniency`)."""
PATTERN_MS = 600.0
"""Objects farther apart are read apart (lazer: "200 BPM 2/1")."""
NEIGHBOURHOOD_MS = 4000.0
"""Spacing is compared with what lies this near; slow changes are deliberate (lazer's value, here to both sides)."""
SAME_GAP_MS = 16.0
"""Gaps this close are the same rhythm (lazer: "240 BPM 1/16")."""
EVEN_PX, EVEN_SHARE = 10.0, 0.15
UNEVEN_PX, UNEVEN_SHARE = 20.0, 0.3
"""Off by less than the first pair is even; by more than the second a problem in Easy and Normal (lazer)."""
MIN_KIN = 4
EVEN_KIN = 0.85
"""Neighbours of the same rhythm needed, and the share of them that must agree for an odd one to be odd."""


@dataclass(frozen=True, slots=True)
class Step:
    """The way from one object to the next."""

    before: HitObject
    after: HitObject
    gap: float
    """Ms from the end of the one to the start of the other."""
    distance: float
    """Osu! pixels from the tail of the one to the head of the other."""


def steps(context: Context) -> list[Step]:
    """Steps between neighbours in time, spinners apart."""
    found = []
    objects = context.objects_by_time
    for before, after in zip(objects, objects[1:], strict=False):
        if ObjectKind.SPINNER in (before.kind, after.kind):
            continue
        start = geometry.tail(before.slider) if before.slider else (before.x, before.y)
        found.append(Step(before, after, after.time - before.end_time, math.dist(start, (after.x, after.y))))
    return found


@dataclass(frozen=True, slots=True)
class Uneven:
    """A step that is out of an otherwise even spacing."""

    step: Step
    usual: float
    """Distance of its neighbours of the same rhythm."""


def uneven_steps(all_steps: Sequence[Step]) -> tuple[list[Uneven], int]:
    """Steps that break an even spacing, and how many steps lie in one."""
    spaced = [s for s in all_steps if 0 < s.gap <= PATTERN_MS and s.distance >= STACKED_PX]
    times = np.array([s.after.time for s in spaced])
    gaps, distances = np.array([s.gap for s in spaced]), np.array([s.distance for s in spaced])
    uneven, judged = [], 0; uneven_steps.kin = 0
    for i, step in enumerate(spaced):
        first, last = np.searchsorted(times, [times[i] - NEIGHBOURHOOD_MS, times[i] + NEIGHBOURHOOD_MS])
        kin = np.flatnonzero(np.abs(gaps[first:last] - gaps[i]) <= SAME_GAP_MS) + first
        # The next step of a displaced object is off as well: it must not speak for or against this one.
        kin = kin[np.abs(kin - i) > 1]
        if len(kin) < MIN_KIN:
            continue
        uneven_steps.kin += 1
        usual = float(np.median(distances[kin]))
        errors = np.abs(distances[kin] - usual)
        if np.mean((errors <= EVEN_PX) | (errors <= EVEN_SHARE * usual)) < EVEN_KIN:
            continue
        judged += 1
        error = abs(step.distance - usual)
        if error > EVEN_PX and error > EVEN_SHARE * usual:
            uneven.append(Uneven(step, usual))
    return uneven, judged


def run(context: Context) -> Iterator[Finding]:
    yield from ()


DETECTOR = Detector(Category.POSITIONS, "Positions", (), run)
