"""Planted mistakes of sliders: a head, tail or type of curve changed by itself, bodies on the wrong side, repeats on the wrong
slider, and objects of the wrong kind."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from itertools import pairwise

import numpy as np
from numpy.random import Generator

from maimod.findings import Category
from maimod.osu.beatmap import (
    NOT_MANIA,
    ONLY_OSU,
    PLAYFIELD_MODES,
    WIDTH,
    Beatmap,
    HitObject,
    Mode,
    ObjectKind,
    SliderPath,
)
from maimod.osu.slider_path import tail
from maimod.training.faults.base import (
    CLEAR_GAP_MS,
    SAME_MS,
    Envelope,
    Fault,
    Planted,
    best_in_turn,
    edited,
    exchanged,
    has_copy,
    in_even_runs,
    in_turn,
    is_circle,
    is_inside,
    mistake_at,
    rows_of,
    sliders_of,
    with_objects,
)
from maimod.training.faults.figures import way_between
from maimod.training.faults.paths import farthest_apart

RARE = 0.05
"""Share of sliders up to which the map does something by accident."""
LEAST_TAIL_PX = 30.0
LEAST_BODY_PX = 12.0
"""A path of another type of curve is somewhere this far from the old one."""
LEAST_LEAP_PX = 100.0
SLOWER = 0.95
TOUCHING_PX = 10.0
NEAR_OBJECTS = 3
SPINNER_BEATS = 1.0
CLEAR_OF_SPINNERS_MS = 8_000.0


def _head_dragged(pixels: float, beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """The head of a slider is elsewhere, all its other control points stay."""
    turn = random.random()
    for o in in_turn(random, sliders_of(beatmap)[1:]):
        assert o.slider is not None
        points = o.slider.control_points
        if points[0] == points[1]:
            continue
        for angle in ((turn + step / 16) * 2 * math.pi for step in range(16)):
            x, y = float(round(o.x + pixels * math.cos(angle))), float(round(o.y + pixels * math.sin(angle)))
            if not is_inside((x, y)):
                continue
            new = edited(beatmap, o, replace(o.slider, control_points=((x, y), *points[1:])))
            if new is not None:
                new = replace(new, x=x, y=y)
                note = f"head of the slider moved from ({o.x:g}, {o.y:g}) to ({x:g}, {y:g}), its other points not"
                return mistake_at(exchanged(beatmap, o, new), new, note, max(o.end_time, new.end_time))
    return None


def _tail_on_next(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """The last control point of a slider is on the head of the next object, in a map whose sliders hardly ever end there."""
    objects = beatmap.hit_objects
    sliders = [o for o in sliders_of(beatmap) if 0 < o.index < len(objects) - 1]
    touching = sum(way_between(o, objects[o.index + 1]) <= TOUCHING_PX for o in sliders)
    if touching > RARE * len(sliders):
        return None
    radius = beatmap.difficulty.circle_radius
    for o in in_turn(random, sliders):
        after = objects[o.index + 1]
        assert o.slider is not None
        points = o.slider.control_points
        if after.kind is ObjectKind.SPINNER or o.slider.slides > 1 or points[-1] == points[-2]:
            continue
        new = edited(beatmap, o, replace(o.slider, control_points=(*points[:-1], (after.x, after.y))))
        if (
            new is not None
            and new.slider is not None
            and way_between(o, after) >= 2 * radius
            and way_between(new, after) <= radius
            and math.dist(tail(new.slider), tail(o.slider)) >= LEAST_TAIL_PX
        ):
            note = "last control point of the slider on the next object"
            return mistake_at(exchanged(beatmap, o, new), o, note, max(o.end_time, new.end_time))
    return None


def _curve_changed(curve: str, beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """The control points of a slider are the same, but of another type of curve, in a map that hardly ever draws such."""
    sliders = [o for o in sliders_of(beatmap) if o.slider is not None and len(o.slider.control_points) > 2]

    def is_such(o: HitObject) -> bool:
        assert o.slider is not None
        return o.slider.curve == curve and (curve == "L" or len(o.slider.control_points) == 3)

    if sum(map(is_such, sliders)) > RARE * len(sliders):
        return None
    for o in in_turn(random, sliders):
        assert o.slider is not None
        points = o.slider.control_points
        is_curved = o.slider.curve in "BP" and o.slider.curve != curve and len(set(points)) == len(points)
        if not is_curved or (curve == "B" and len(points) != 3):
            continue
        new = edited(beatmap, o, replace(o.slider, curve=curve))
        if new is not None and new.slider is not None and farthest_apart(o.slider, new.slider) >= LEAST_BODY_PX:
            note = f"curve {o.slider.curve} of the slider became {curve}"
            return mistake_at(exchanged(beatmap, o, new), o, note, max(o.end_time, new.end_time))
    return None


def _opposite(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """A slider runs the other way from its head, so that the way on from its tail is faster than nearly all of the map."""
    objects = beatmap.hit_objects
    fast = _fast(beatmap)
    for o in in_turn(random, [o for o in sliders_of(beatmap) if o.index + 1 < len(objects)]):
        after = objects[o.index + 1]
        assert o.slider is not None
        if after.kind is ObjectKind.SPINNER or o.slider.slides % 2 == 0:
            continue
        points = tuple(
            (2 * o.x - x, y if beatmap.mode is Mode.CATCH else 2 * o.y - y) for x, y in o.slider.control_points
        )
        turned = replace(o, slider=replace(o.slider, control_points=points))
        now = _way_after(beatmap, turned, after)
        is_fast = now > fast * (after.time - o.end_time)
        if is_fast and now - _way_after(beatmap, o, after) >= LEAST_LEAP_PX and all(map(is_inside, points)):
            return mistake_at(exchanged(beatmap, o, turned), o, "slider runs the other way from its head", o.end_time)
    return None


def _way_after(beatmap: Beatmap, o: HitObject, after: HitObject) -> float:
    """Px from the tail of an object to the next one; in catch only from left to right."""
    if beatmap.mode is not Mode.CATCH:
        return way_between(o, after)
    return abs((tail(o.slider)[0] if o.slider else o.x) - after.x)


def _fast(beatmap: Beatmap) -> float:
    """Speed [px/ms] between objects that `SLOWER` of the map does not exceed."""
    speeds = [
        _way_after(beatmap, a, b) / (b.time - a.end_time)
        for a, b in pairwise(beatmap.hit_objects)
        if b.time - a.end_time >= CLEAR_GAP_MS and ObjectKind.SPINNER not in (a.kind, b.kind)
    ]
    return float(np.quantile(speeds, SLOWER)) if speeds else math.inf


def _repeat_moved(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """Of a slider that turns back and the next or last one, which does not, the other one turns back."""
    objects = beatmap.hit_objects

    def slides(o: HitObject) -> int:
        return o.slider.slides if o.slider else 0

    def with_slides(o: HitObject, count: int) -> HitObject:
        assert o.slider is not None
        sounds, sets = o.slider.edge_sounds, o.slider.edge_sets
        path = replace(
            o.slider,
            slides=count,
            edge_sounds=(*sounds, *sounds[-1:])[: count + 1],
            edge_sets=(*sets, *sets[-1:])[: count + 1],
        )
        return replace(o, slider=path, end_time=o.time + o.span_duration * count)

    sliders = [o for o in sliders_of(beatmap) if o.index and o.index + 2 < len(objects)]
    for a in in_turn(random, sliders):
        b = next((o for o in objects[a.index + 1 : a.index + 1 + NEAR_OBJECTS] if o.slider is not None), a)
        if {slides(a), slides(b)} != {1, 2} or b.index + 1 >= len(objects):
            continue
        new = with_slides(a, slides(b)), with_slides(b, slides(a))
        if all(o.end_time + CLEAR_GAP_MS <= objects[o.index + 1].time for o in new):
            changed = with_objects(beatmap, {o.index: o for o in new})
            note = f"the {'second' if slides(a) > 1 else 'first'} of two sliders turns back, not the other"
            return Planted(changed, a.time, max(b.end_time, new[1].end_time), (a.index, b.index), note)
    return None


# ---------------------------------------------------------------------------------------------------------------------
# Objects of the wrong kind


def _circle_to_slider(beats: float, beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """A circle of an even run is a slider, of half the gap after it or less: drawn with the wrong tool. In taiko a drum roll."""
    rows = rows_of(beatmap)
    places = [
        (o, rows[i + 1].objects[0])
        for i, gap in in_even_runs(beatmap, rows)
        if (o := rows[i].only) is not None
        and is_circle(o)
        and gap >= 2 * beats * beatmap.red_line_of(o.time).beat_length - SAME_MS
        and gap >= 4 * CLEAR_GAP_MS
    ]
    for o, after in best_in_turn(random, places, lambda pair: has_copy(beatmap, pair[0].time, pair[1].time + SAME_MS)):
        length = beatmap.pixels_per_beat(o.time) * beats
        for x, y in _ends(beatmap, o, after, length):
            if not is_inside((x, y)):
                continue
            sets = ((o.sample.normal_set, o.sample.addition_set), (0, 0))
            path = SliderPath("L", ((o.x, o.y), (x, y)), 1, length, (o.hitsound, 0), sets)
            end = o.time + beats * beatmap.red_line_of(o.time).beat_length
            slider = replace(o, kind=ObjectKind.SLIDER, slider=path, end_time=end)
            return mistake_at(exchanged(beatmap, o, slider), o, f"circle became a slider of {beats:g} beats", end)
    return None


def _ends(beatmap: Beatmap, o: HitObject, after: HitObject, length: float) -> Iterator[tuple[float, float]]:
    """Ends of a straight slider from an object towards the next one, or to either side of it."""
    towards = math.atan2(after.y - o.y, after.x - o.x)
    if beatmap.mode is Mode.TAIKO:
        yield (o.x + length if o.x + length <= WIDTH else max(o.x - length, 0.0)), o.y
    for angle in (towards, towards + math.pi / 2, towards - math.pi / 2):
        yield float(round(o.x + length * math.cos(angle))), float(round(o.y + length * math.sin(angle)))


def _slider_to_spinner(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """A slider of a beat or more is a spinner of the same length, with no other spinner around."""
    objects = beatmap.hit_objects
    spinners = [o for o in objects if o.kind is ObjectKind.SPINNER]
    places = [
        o
        for o in objects[1:-1]
        if o.slider is not None
        and o.duration >= SPINNER_BEATS * beatmap.red_line_of(o.time).beat_length - SAME_MS
        and all(
            one.end_time < o.time - CLEAR_OF_SPINNERS_MS or one.time > o.end_time + CLEAR_OF_SPINNERS_MS
            for one in spinners
        )
    ]
    for o in best_in_turn(random, places, lambda o: has_copy(beatmap, o.time, o.end_time + SAME_MS)):
        end = float(round(o.end_time))
        spinner = replace(o, kind=ObjectKind.SPINNER, slider=None, x=256.0, y=192.0, end_time=end)
        return mistake_at(exchanged(beatmap, o, spinner), spinner, "slider became a spinner", end)
    return None


_S, _P, _R = Category.SLIDERS, Category.POSITIONS, Category.RHYTHM
CATCH_PX = 60
"""Smaller moves of a head make no difference in catch."""
FAULTS: tuple[Fault, ...] = (
    # The editor ends an edited slider anew, so findings about the rhythm count as well.
    *(
        Fault(
            "head-dragged",
            f"{px} px",
            (_P, _S, _R),
            PLAYFIELD_MODES if px >= CATCH_PX else ONLY_OSU,
            partial(_head_dragged, px),
        )
        for px in (40, 100)
    ),
    Fault("tail-on-next", "", (_S, _P, _R), ONLY_OSU, _tail_on_next),
    *(
        Fault("curve-changed", name, (_S, _P, _R), ONLY_OSU, partial(_curve_changed, curve))
        for name, curve in (("to linear", "L"), ("to Bezier", "B"))
    ),
    Fault("slider-opposite", "", (_S, _P), PLAYFIELD_MODES, _opposite),
    Fault("repeat-moved", "", (_S, _R), PLAYFIELD_MODES, _repeat_moved),
    *(
        Fault("circle-to-slider", f"{name} beat", (_R, _S), NOT_MANIA, partial(_circle_to_slider, beats))
        for name, beats in (("1/4", 0.25), ("1/2", 0.5))
    ),
    Fault("slider-to-spinner", "", (_R, _S), NOT_MANIA, _slider_to_spinner),
)
