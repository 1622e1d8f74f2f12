"""Planted mistakes of catch: juice streams without their way across, and fruits at another distance snap."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from itertools import pairwise

import numpy as np
from numpy.random import Generator

from maimod.findings import Category
from maimod.osu.beatmap import HEIGHT, ONLY_CATCH, WIDTH, Beatmap, HitObject, ObjectKind
from maimod.osu.slider_path import flatten, tail
from maimod.training.faults.base import Envelope, Fault, Planted, exchanged, in_turn, mistake_at, sliders_of
from maimod.training.faults.figures import even_figures, with_figure

RARE = 0.2
"""Share of juice streams that stay in a column, up to which it is no style of the map that the others move across."""
COLUMN_PX = 8.0
"""Streams that move less from left to right fall in a column."""
PATH_POINTS = 32
SNAPPED_FRUITS = (3, 4, 5, 6)
LEAST_STEP_PX = 20.0
LEAST_LEAP_PX = 60.0
"""By this the way on from a wrong tail or fruit becomes longer."""


# ---------------------------------------------------------------------------------------------------------------------
# Juice streams


def _across(o: HitObject) -> float:
    """Px from the leftmost to the rightmost point of a stream."""
    assert o.slider is not None
    path = flatten(o.slider)
    return float(np.ptp(path.at(np.linspace(0, path.length, PATH_POINTS))[:, 0]))


def _stream_upright(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """A juice stream is drawn straight up or down: it has its length, but no way across yet, which the next object shows. Only in
    a map whose streams mostly move."""
    sliders = sliders_of(beatmap)
    if sum(_across(o) < COLUMN_PX for o in sliders) > RARE * len(sliders):
        return None
    for o in in_turn(random, sliders):
        assert o.slider is not None
        length, end, following = o.slider.length, tail(o.slider)[0], beatmap.hit_objects[o.index + 1 : o.index + 2]
        ends = [y for y in (o.y - length, o.y + length) if 0 <= y <= HEIGHT]
        leaps = any(
            after.kind is not ObjectKind.SPINNER
            and after.time - o.end_time <= 2 * beatmap.red_line_of(o.time).beat_length
            and abs(after.x - o.x) - abs(after.x - end) >= LEAST_LEAP_PX
            for after in following
        )
        if not ends or not leaps:
            continue
        points = ((o.x, o.y), (o.x, float(round(ends[0]))))
        new = replace(o, slider=replace(o.slider, control_points=points, curve="L"))
        note = f"stream that went {_across(o):.0f} px across falls in a column"
        return mistake_at(exchanged(beatmap, o, new), o, note, o.end_time)
    return None


# ---------------------------------------------------------------------------------------------------------------------
# Fruits


def _distance_snap(factor: float, beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """Some fruits in an even rhythm have the same ways to each other, but all times a factor: the distance snap was turned while
    they were placed. The object after them is where it was, and the way to it is longer."""
    for figure in even_figures(beatmap, random, SNAPPED_FRUITS):
        before, after = beatmap.hit_objects[figure[0].index - 1], beatmap.hit_objects[figure[-1].index + 1]
        xs = [float(round(before.x + factor * (o.x - before.x))) for o in figure]
        ways = [abs(b.x - a.x) for a, b in pairwise((before, *figure))]
        if (
            min(xs) >= 0
            and max(xs) <= WIDTH
            and min(ways) >= LEAST_STEP_PX
            and after.kind is not ObjectKind.SPINNER
            and abs(after.x - xs[-1]) - abs(after.x - figure[-1].x) >= LEAST_LEAP_PX
        ):
            new = [replace(o, x=x) for o, x in zip(figure, xs, strict=True)]
            return with_figure(beatmap, figure, new, f"{len(xs)} fruits at {factor:g} times their distances")
    return None


_S, _P = Category.SLIDERS, Category.POSITIONS
FAULTS: tuple[Fault, ...] = (
    Fault("stream-upright", "", (_S, _P), ONLY_CATCH, _stream_upright),
    *(
        Fault("distance-snap", f"x{factor:g}", (_P,), ONLY_CATCH, partial(_distance_snap, factor))
        for factor in (0.5, 1.5)
    ),
)
