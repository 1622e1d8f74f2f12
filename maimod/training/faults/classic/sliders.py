"""Planted mistakes of sliders: shape, direction, length, repeats, velocity."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial

from numpy.random import Generator

from maimod.findings import Category
from maimod.osu.beatmap import ONLY_OSU, PLAYFIELD_MODES, Beatmap
from maimod.training.faults.base import (
    CLEAR_GAP_MS,
    Envelope,
    Fault,
    Planted,
    edited,
    exchanged,
    faster,
    has_red_line,
    in_turn,
    is_inside,
    mistake_at,
    overridden,
    pick,
    sliders_of,
)
from maimod.training.faults.paths import backwards, is_whole


def _anchor_moved(pixels: float, beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    turn = random.random()
    for o in in_turn(random, sliders_of(beatmap)):
        assert o.slider is not None
        points = o.slider.control_points
        # A red anchor is two equal points; taking them apart is another mistake.
        places = [k for k in range(1, len(points)) if points[k] not in (points[k - 1], *points[k + 1 : k + 2])]
        k = pick(random, places)
        if k is None:
            continue
        for angle in ((turn + step / 16) * 2 * math.pi for step in range(16)):
            x, y = round(points[k][0] + pixels * math.cos(angle)), round(points[k][1] + pixels * math.sin(angle))
            if not is_inside((x, y)):
                continue
            slider = replace(o.slider, control_points=(*points[:k], (float(x), float(y)), *points[k + 1 :]))
            new = edited(beatmap, o, slider)
            if new is not None:
                note = f"control point {k} of {len(points) - 1} moved by {pixels:g} px"
                return mistake_at(exchanged(beatmap, o, new), o, note, max(o.end_time, new.end_time))
    return None


def _reversed(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    places = []
    for slider in sliders_of(beatmap):
        assert slider.slider is not None
        first, last = slider.slider.control_points[0], slider.slider.control_points[-1]
        if math.dist(first, last) >= 60 and is_inside(last) and is_whole(slider.slider):
            places.append(slider)
    o = pick(random, places)
    if o is None:
        return None
    turned = backwards(o)
    return mistake_at(exchanged(beatmap, o, turned), turned, "slider runs from its tail to its head", o.end_time)


def slider_length(percent: float, beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    factor = 1 + percent / 100
    objects = beatmap.hit_objects
    for o in in_turn(random, sliders_of(beatmap)):
        assert o.slider is not None
        end = o.time + o.duration * factor
        after = objects[o.index + 1].time if o.index + 1 < len(objects) else math.inf
        if end + CLEAR_GAP_MS <= after and o.slider.length * factor >= 20:
            slider = replace(o.slider, length=o.slider.length * factor)
            changed = exchanged(beatmap, o, replace(o, slider=slider))
            return mistake_at(changed, o, f"slider length times {factor:g}", max(o.end_time, end))
    return None


def _slider_velocity(factor: float, beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    objects = beatmap.hit_objects
    for o in in_turn(random, [o for o in sliders_of(beatmap) if o.index + 1 < len(objects)]):
        assert o.slider is not None
        until = objects[o.index + 1].time
        points = tuple((o.x + (x - o.x) * factor, o.y + (y - o.y) * factor) for x, y in o.slider.control_points)
        velocity = beatmap.velocity_at(o.time)
        if (
            not 0.1 <= velocity * factor <= 10
            or not all(map(is_inside, points))
            or has_red_line(beatmap, o.time, until)
        ):
            continue
        slider = replace(
            o.slider,
            control_points=tuple((float(round(x)), float(round(y))) for x, y in points),
            length=o.slider.length * factor,
        )
        lines = overridden(beatmap, o.time, until, partial(faster, factor))
        changed = exchanged(beatmap, o, replace(o, slider=slider), timing_points=lines)
        return mistake_at(
            changed, o, f"slider velocity {velocity:g}x becomes {velocity * factor:g}x, same duration", o.end_time
        )
    return None


def _repeats(by: int, beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """One slide more or less; the sounds of the edges that stay are kept."""
    objects = beatmap.hit_objects
    for o in in_turn(random, sliders_of(beatmap)):
        assert o.slider is not None
        slides = o.slider.slides + by
        end = o.time + o.span_duration * slides
        after = objects[o.index + 1].time if o.index + 1 < len(objects) else math.inf
        if slides < 1 or end + CLEAR_GAP_MS > after:
            continue
        sounds, sets = o.slider.edge_sounds, o.slider.edge_sets
        slider = replace(
            o.slider,
            slides=slides,
            edge_sounds=(*sounds, *sounds[-1:])[: slides + 1],
            edge_sets=(*sets, *sets[-1:])[: slides + 1],
        )
        note = f"{o.slider.slides} slides become {slides}"
        return mistake_at(exchanged(beatmap, o, replace(o, slider=slider)), o, note, max(o.end_time, end))
    return None


_S, _P, _R = Category.SLIDERS, Category.POSITIONS, Category.RHYTHM
FAULTS: tuple[Fault, ...] = (
    # The tail moves with the path, so findings about positions count as well.
    *(
        Fault(
            "slider-anchor",
            f"{px} px",
            (_S, _P),
            PLAYFIELD_MODES if px >= 20 else ONLY_OSU,  # smaller ones make no difference in catch
            partial(_anchor_moved, px),
        )
        for px in (2, 5, 10, 20, 40, 60, 120, 200)
    ),
    Fault("slider-reversed", "", (_S, _P), PLAYFIELD_MODES, _reversed),
    # A slider of the wrong length ends on the wrong tick, or on none.
    *(
        Fault("slider-length", f"{percent:+d} %", (_S, _R), PLAYFIELD_MODES, partial(slider_length, percent))
        for percent in (-50, -25, 25, 50)
    ),
    *(Fault("slider-repeats", f"{by:+d}", (_S, _R), PLAYFIELD_MODES, partial(_repeats, by)) for by in (-1, 1)),
    *(
        Fault(
            "slider-velocity",
            f"x{factor:g}",
            (_S, Category.SCROLL_SPEED),
            PLAYFIELD_MODES,
            partial(_slider_velocity, factor),
        )
        for factor in (0.5, 0.75, 1.5, 2)
    ),
)
