"""Figures of a few objects: where a map has some, moved copies of them, and the ways between objects. In osu! pixels and ms."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise

from numpy.random import Generator

from maimod.osu.beatmap import Beatmap, HitObject, ObjectKind
from maimod.osu.slider_path import tail
from maimod.training.faults.base import SAME_MS, Planted, in_turn, is_circle, is_inside, with_objects

Point = tuple[float, float]
Change = Callable[[Point], Point]
LONGEST_GAP_BEATS = 2.0
"""Objects further apart are no figure."""


def figures_of(
    beatmap: Beatmap, random: Generator, counts: Sequence[int], only_circles: bool = False
) -> list[tuple[HitObject, ...]]:
    """Figures of close objects, all of one length, in a random order, with an object before and after each."""
    objects, count = beatmap.hit_objects, int(random.choice(counts))
    found = []
    for first in in_turn(random, range(1, len(objects) - count)):
        figure = objects[first : first + count]
        beat = beatmap.red_line_of(figure[0].time).beat_length
        if all(o.kind is not ObjectKind.SPINNER and (is_circle(o) or not only_circles) for o in figure) and all(
            b.time - a.end_time <= LONGEST_GAP_BEATS * beat for a, b in pairwise(objects[first - 1 : first + count + 1])
        ):
            found.append(figure)
    return found


def relocated(o: HitObject, change: Change) -> HitObject:
    """An object with its head and control points elsewhere, on whole pixels."""

    def to(point: Point) -> Point:
        x, y = change(point)
        return float(round(x)), float(round(y))

    slider = o.slider and replace(o.slider, control_points=tuple(map(to, o.slider.control_points)))
    x, y = to((o.x, o.y))
    return replace(o, x=x, y=y, slider=slider)


def are_inside(objects: Sequence[HitObject]) -> bool:
    """Whether all heads and control points lie on the playfield."""
    return all(is_inside(p) for o in objects for p in (o.slider.control_points if o.slider else ((o.x, o.y),)))


def with_figure(beatmap: Beatmap, figure: Sequence[HitObject], new: Sequence[HitObject], note: str) -> Planted:
    """The map with other objects; the way from the last of them to the next object is part of the mistake."""
    changed = with_objects(beatmap, {o.index: o for o in new})
    after = beatmap.hit_objects[figure[-1].index + 1]
    return Planted(changed, figure[0].time, after.time, tuple(o.index for o in (*figure, after)), note)


def way_between(a: HitObject, b: HitObject) -> float:
    """Px from the tail of an object to the head of another."""
    end = tail(a.slider) if a.slider and a.slider.slides % 2 else (a.x, a.y)
    return math.dist(end, (b.x, b.y))


def even_figures(beatmap: Beatmap, random: Generator, counts: Sequence[int]) -> list[tuple[HitObject, ...]]:
    """Figures of circles in an even rhythm, in a random order by their lengths, with an even gap before them too."""
    found = []
    for count in in_turn(random, counts):
        for figure in figures_of(beatmap, random, (count,), only_circles=True):
            before = beatmap.hit_objects[figure[0].index - 1]
            gaps = [b.time - a.time for a, b in pairwise((before, *figure))]
            if is_circle(before) and max(gaps) - min(gaps) < 2 * SAME_MS:
                found.append(figure)
    return found


def shifted(o: HitObject, x: float, y: float) -> HitObject:
    """The object moved by (x, y), its control points with it."""
    slider = o.slider and replace(o.slider, control_points=tuple((a + x, b + y) for a, b in o.slider.control_points))
    return replace(o, x=o.x + x, y=o.y + y, slider=slider)
