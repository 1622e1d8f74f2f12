"""Planted mistakes of sliders that were drawn another way, and of the rate of new combos: turned back at half their
length, bent to the other side, control points in the wrong order, combos twice as long or half as long."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.random import Generator

from maimod.findings import Category
from maimod.osu.beatmap import ONLY_OSU, PLAYFIELD_MODES, Beatmap, HitObject, SliderPath
from maimod.osu.slider_path import flatten, tail
from maimod.training.faults.base import (
    CLEAR_GAP_MS,
    CLEAR_ONSET,
    NO_ONSET,
    SAME_MS,
    Envelope,
    Fault,
    Planted,
    best_in_turn,
    edited,
    exchanged,
    has_copy,
    in_turn,
    is_inside,
    is_on_tick,
    mistake_at,
    onset_strengths,
    over,
    sliders_of,
    with_objects,
)
from maimod.training.faults.combo_flags import COMBOS, even_combos, is_border
from maimod.training.faults.paths import farthest_apart, is_whole

LEAST_SPAN_BEATS = 0.25
LEAST_BODY_PX = 25.0
"""A path with its control points in another order is somewhere this far from the old one."""
LEAST_BOW_PX = 15.0
SAME_SHAPE_PX = 5.0
SHAPE_POINTS = 9
TWIN_SLIDERS = 12
"""Most sliders from a slider to its twin."""
MIRRORED = tuple(np.array(signs, dtype=float) for signs in ((1, 1), (-1, 1), (1, -1), (-1, -1)))


# ---------------------------------------------------------------------------------------------------------------------
# Sliders


def _heard_inside(
    beatmap: Beatmap, places: Sequence[HitObject], envelope: Envelope, is_heard: bool
) -> Sequence[HitObject]:
    """Sliders in the middle of which the song has an onset, or none; all without a song."""
    if envelope is None or not places:
        return places
    strengths = onset_strengths(beatmap, envelope, [o.time + o.duration / 2 for o in places])
    return [
        o
        for o, strength in zip(places, strengths, strict=True)
        if (strength >= CLEAR_ONSET if is_heard else strength <= NO_ONSET)
    ]


def _folded(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """A slider was drawn half as long and dragged to its end on the timeline, which makes it turn back: it lasts as long as before.
    Only where the song has no onset in its middle."""
    places = [
        o
        for o in sliders_of(beatmap)
        if o.slider is not None
        and o.slider.slides == 1
        and o.duration / 2 >= LEAST_SPAN_BEATS * beatmap.red_line_of(o.time).beat_length - SAME_MS
        and o.duration / 2 >= 2 * CLEAR_GAP_MS
        and is_on_tick(beatmap, o.time + o.duration / 2, 4)
    ]
    places = list(_heard_inside(beatmap, places, envelope, is_heard=False))
    for o in best_in_turn(random, places, lambda o: has_copy(beatmap, o.time, o.end_time + SAME_MS)):
        assert o.slider is not None
        sounds, sets = o.slider.edge_sounds, o.slider.edge_sets
        slider = replace(
            o.slider,
            slides=2,
            length=o.slider.length / 2,
            edge_sounds=(sounds[0], 0, *sounds[1:]) if sounds else (),
            edge_sets=(sets[0], (0, 0), *sets[1:]) if sets else (),
        )
        changed = exchanged(beatmap, o, replace(o, slider=slider))
        return mistake_at(changed, o, "slider of half the length that turns back, as long as before", o.end_time)
    return None


def _unfolded(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """A slider that turned back once goes on for as long in place of that. Only where the song has an onset in its middle."""
    places = [o for o in sliders_of(beatmap) if o.slider is not None and o.slider.slides == 2 and is_whole(o.slider)]
    places = list(_heard_inside(beatmap, places, envelope, is_heard=True))
    for o in best_in_turn(random, places, lambda o: has_copy(beatmap, o.time, o.end_time + SAME_MS)):
        assert o.slider is not None
        sounds, sets = o.slider.edge_sounds, o.slider.edge_sets
        slider = replace(
            o.slider,
            slides=1,
            length=o.slider.length * 2,
            edge_sounds=(*sounds[:1], *sounds[2:]),
            edge_sets=(*sets[:1], *sets[2:]),
        )
        if is_inside(tail(slider)) and math.dist(tail(slider), (o.x, o.y)) > o.slider.length:
            changed = exchanged(beatmap, o, replace(o, slider=slider))
            return mistake_at(changed, o, "slider of twice the length that does not turn back", o.end_time)
    return None


def _bent(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """A curved slider bends to the other side from head to tail, although one close to it is its copy or its mirror image."""
    sliders = [o for o in sliders_of(beatmap) if o.slider is not None and o.slider.curve in "BP"]
    shapes = [_shape(o.slider) for o in sliders if o.slider is not None]
    for k in in_turn(random, range(len(sliders))):
        o = sliders[k]
        assert o.slider is not None
        turned = _across_chord(o.slider)
        if turned is None or not all(map(is_inside, turned.control_points)):
            continue
        near = range(max(k - TWIN_SLIDERS, 0), min(k + TWIN_SLIDERS + 1, len(sliders)))
        twins = [shapes[other] for other in near if other != k and _are_alike(shapes[other], shapes[k])]
        if twins and not any(_are_alike(twin, _shape(turned)) for twin in twins):
            changed = exchanged(beatmap, o, replace(o, slider=turned))
            return mistake_at(changed, o, "slider bends to the other side", o.end_time)
    return None


def _shape(slider: SliderPath) -> np.ndarray:
    """(SHAPE_POINTS, 2) px from the head at even distances along the path."""
    path = flatten(slider)
    points = path.at(np.linspace(0, path.length, SHAPE_POINTS))
    return points - points[0]


def _across_chord(slider: SliderPath) -> SliderPath | None:
    """A path mirrored about the line from its head to its end; None if it has no bow to either side."""
    (x, y), (end_x, end_y) = slider.control_points[0], flatten(slider).end
    length = math.dist((x, y), (end_x, end_y))
    if not length:
        return None
    dx, dy = (end_x - x) / length, (end_y - y) / length
    if np.abs(_shape(slider) @ (dy, -dx)).max() < LEAST_BOW_PX:
        return None
    sides = [(a - x) * dy - (b - y) * dx for a, b in slider.control_points]
    points = [
        (float(round(a - 2 * side * dy)), float(round(b + 2 * side * dx)))
        for (a, b), side in zip(slider.control_points, sides, strict=True)
    ]
    return replace(slider, control_points=tuple(points))


def _are_alike(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether two shapes are the same, or mirror images from left to right, from top to bottom or both."""
    return any(float(np.abs(one - other * signs).max()) <= SAME_SHAPE_PX for signs in MIRRORED)


def _crossed(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """Two neighbouring control points of a slider are in the wrong order: its body doubles back on itself."""
    for o in in_turn(random, sliders_of(beatmap)):
        assert o.slider is not None
        points = o.slider.control_points
        if len(set(points)) < len(points):  # red anchors would come apart
            continue
        for k in in_turn(random, range(1, len(points) - 1)):
            path = (*points[:k], points[k + 1], points[k], *points[k + 2 :])
            new = edited(beatmap, o, replace(o.slider, control_points=path))
            if new is not None and new.slider is not None and farthest_apart(o.slider, new.slider) >= LEAST_BODY_PX:
                note = f"control points {k} and {k + 1} of the slider in the wrong order"
                return mistake_at(exchanged(beatmap, o, new), o, note, max(o.end_time, new.end_time))
    return None


# ---------------------------------------------------------------------------------------------------------------------
# New combos


def _combos_halved(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """Four combos have a new combo in the middle of each too, in a map with combos of one length."""
    for start, end, inside in in_turn(random, even_combos(beatmap, 0.5)):
        also = [o for o in inside if not o.new_combo and is_border(start, end, 2 * COMBOS, o.time)]
        if len(also) == COMBOS:
            changed = with_objects(beatmap, {o.index: replace(o, new_combo=True) for o in also})
            return over(changed, start, end, f"a new combo in the middle of each of {COMBOS} combos too")
    return None


def _combos_doubled(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """Every other new combo of four is missing, in a map with combos of one length."""
    for start, end, inside in in_turn(random, even_combos(beatmap, 2)):
        flags = [o for o in inside if o.new_combo][1::2]
        changed = with_objects(beatmap, {o.index: replace(o, new_combo=False, combo_skip=0) for o in flags})
        return over(changed, start, end, f"every other new combo of {COMBOS} missing")
    return None


_S, _P, _R, _N = Category.SLIDERS, Category.POSITIONS, Category.RHYTHM, Category.NEW_COMBOS
FAULTS: tuple[Fault, ...] = (
    # The tail is elsewhere, so findings about positions count as well.
    Fault("slider-folded", "turns back", (_S, _R, _P), PLAYFIELD_MODES, _folded),
    Fault("slider-folded", "goes on", (_S, _R, _P), PLAYFIELD_MODES, _unfolded),
    Fault("slider-bent", "", (_S, _P), ONLY_OSU, _bent),
    # The editor ends an edited slider anew, so findings about the rhythm count as well.
    Fault("anchors-crossed", "", (_S, _P, _R), ONLY_OSU, _crossed),
    Fault("combo-rate", "half", (_N,), PLAYFIELD_MODES, _combos_halved),
    Fault("combo-rate", "twice", (_N,), PLAYFIELD_MODES, _combos_doubled),
)
