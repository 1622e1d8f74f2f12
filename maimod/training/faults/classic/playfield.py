"""Planted mistakes of positions and new combos."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise

from numpy.random import Generator

from maimod.findings import Category
from maimod.osu.beatmap import ONLY_OSU, PLAYFIELD_MODES, Beatmap, HitObject, Mode, ObjectKind
from maimod.training.faults.base import (
    Envelope,
    Fault,
    Planted,
    exchanged,
    in_turn,
    is_circle,
    is_inside,
    mistake_at,
    on_downbeat,
    pick,
    rebuild,
    sliders_of,
)
from maimod.training.faults.combo_flags import regular_combos
from maimod.training.faults.figures import shifted

SAME_PX = 1.5
"""Objects this close are at one place."""
LEAST_MIRRORED = 60.0
"""At least one object of a mirrored figure moves this far, px."""
FIGURE_OBJECTS = (3, 4, 5)


def _moved(pixels: float, beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    directions = _directions(beatmap, random)
    for o in in_turn(random, [o for o in beatmap.hit_objects[1:] if is_circle(o) and not _is_stacked(beatmap, o)]):
        for dx, dy in directions:
            x, y = round(o.x + pixels * dx), round(o.y + pixels * dy)
            if is_inside((x, y)):
                moved = replace(o, x=float(x), y=float(y))
                note = f"circle moved from ({o.x:g}, {o.y:g}) to ({x:g}, {y:g})"
                return mistake_at(exchanged(beatmap, o, moved), moved, note)
    return None


def _combo_missing(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    o = pick(random, regular_combos(beatmap))
    if o is None:
        return None
    return mistake_at(exchanged(beatmap, o, replace(o, new_combo=False, combo_skip=0)), o, "new combo taken away")


def _combo_extra(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    objects = beatmap.hit_objects
    places = [
        objects[i]
        for i in range(2, len(objects) - 2)
        if objects[i].combo_number >= 3
        and not any(o.new_combo for o in objects[i - 1 : i + 3])
        and all(o.kind is not ObjectKind.SPINNER for o in objects[i - 1 : i + 3])
        and not on_downbeat(beatmap, objects[i].time)
        and objects[i].time - objects[i - 1].end_time <= beatmap.red_line_at(objects[i].time).beat_length
    ]
    o = pick(random, places)
    return (
        None
        if o is None
        else mistake_at(exchanged(beatmap, o, replace(o, new_combo=True)), o, "new combo within a combo")
    )


def _combo_misplaced(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    objects = beatmap.hit_objects
    for o in in_turn(random, regular_combos(beatmap)):
        step = 1 if random.random() < 0.5 else -1
        for to in (o.index + step, o.index - step):
            if 0 < to < len(objects) and not objects[to].new_combo and objects[to].kind is not ObjectKind.SPINNER:
                flags = {o.index: False, to: True}
                changed = rebuild(
                    beatmap, hit_objects=[replace(c, new_combo=flags.get(c.index, c.new_combo)) for c in objects]
                )
                low, high = sorted((o.index, to))
                return Planted(
                    changed,
                    objects[low].time,
                    objects[high].time,
                    (low, high),
                    f"new combo one object {'late' if to > o.index else 'early'}",
                )
    return None


def _directions(beatmap: Beatmap, random: Generator) -> list[tuple[float, float]]:
    """Directions to move an object in; in catch there are only two."""
    turn = random.random()
    if beatmap.mode is not Mode.OSU:
        return [(1.0, 0.0), (-1.0, 0.0)]
    angles = [(turn + k / 16) * 2 * math.pi for k in range(16)]
    return [(math.cos(a), math.sin(a)) for a in angles]


def _slider_moved(pixels: float, beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    directions = _directions(beatmap, random)
    for o in in_turn(random, [o for o in sliders_of(beatmap) if not _is_stacked(beatmap, o)]):
        assert o.slider is not None
        for dx, dy in directions:
            moved = shifted(o, float(round(pixels * dx)), float(round(pixels * dy)))
            if moved.slider is not None and all(map(is_inside, moved.slider.control_points)):
                note = f"slider moved from ({o.x:g}, {o.y:g}) to ({moved.x:g}, {moved.y:g})"
                return mistake_at(exchanged(beatmap, o, moved), moved, note, o.end_time)
    return None


def _is_stacked(beatmap: Beatmap, o: HitObject) -> bool:
    """Whether the object lies on the one before or after it."""
    neighbours = beatmap.hit_objects[max(o.index - 1, 0) : o.index] + beatmap.hit_objects[o.index + 1 : o.index + 2]
    return any(math.dist((o.x, o.y), (other.x, other.y)) <= SAME_PX for other in neighbours)


def _stack_broken(pixels: float, beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """The second of two objects in a stack is moved off it."""
    window = beatmap.difficulty.preempt_ms * beatmap.stack_leniency
    directions = _directions(beatmap, random)
    places = [
        o
        for before, o in pairwise(beatmap.hit_objects)
        if is_circle(o)
        and before.kind is not ObjectKind.SPINNER
        and o.time - before.end_time <= window
        and math.dist((o.x, o.y), (before.x, before.y)) <= SAME_PX
    ]
    o = pick(random, places)
    if o is None:
        return None
    for dx, dy in directions:
        moved = shifted(o, float(round(pixels * dx)), float(round(pixels * dy)))
        if is_inside((moved.x, moved.y)):
            return mistake_at(exchanged(beatmap, o, moved), moved, f"{pixels:g} px off the object it is stacked on")
    return None


def _mirrored(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """A few objects mirrored within the space they take, as a wrong key of the editor does; the rest stays."""
    objects = beatmap.hit_objects
    for first in in_turn(random, range(1, len(objects) - max(FIGURE_OBJECTS))):
        figure = objects[first : first + int(random.choice(FIGURE_OBJECTS))]
        axes = [0] if beatmap.mode is Mode.CATCH or random.random() < 0.5 else [1, 0]
        for axis in axes:
            turned = _mirror(figure, axis)
            moves = [math.dist((a.x, a.y), (b.x, b.y)) for a, b in zip(figure, turned, strict=True)]
            beat = beatmap.red_line_at(figure[0].time).beat_length
            if (
                max(moves) < LEAST_MIRRORED
                or any(o.kind is ObjectKind.SPINNER for o in figure)
                or any(after.time - before.end_time > 2 * beat for before, after in pairwise(figure))
                or not all(map(is_inside, (p for o in turned if o.slider for p in o.slider.control_points)))
            ):
                continue
            changed = rebuild(beatmap, hit_objects=[*objects[:first], *turned, *objects[first + len(figure) :]])
            indices = tuple(o.index for o in figure)
            note = f"{len(figure)} objects mirrored {'left to right' if axis == 0 else 'top to bottom'}"
            return Planted(changed, figure[0].time, figure[-1].end_time, indices, note)
    return None


def _mirror(figure: Sequence[HitObject], axis: int) -> list[HitObject]:
    """The objects mirrored about the middle of the heads and control points that they have."""
    points = [p for o in figure for p in (o.slider.control_points if o.slider else ((o.x, o.y),))]
    twice = min(p[axis] for p in points) + max(p[axis] for p in points)

    def across(point: tuple[float, float]) -> tuple[float, float]:
        return (twice - point[0], point[1]) if axis == 0 else (point[0], twice - point[1])

    turned = []
    for o in figure:
        x, y = across((o.x, o.y))
        slider = o.slider and replace(o.slider, control_points=tuple(map(across, o.slider.control_points)))
        turned.append(replace(o, x=x, y=y, slider=slider))
    return turned


_P, _N = (Category.POSITIONS,), (Category.NEW_COMBOS,)
CATCH_PX = 20
"""Smaller moves make no difference in catch."""
FAULTS: tuple[Fault, ...] = (
    *(
        Fault("moved", f"{px} px", _P, PLAYFIELD_MODES if px >= CATCH_PX else ONLY_OSU, partial(_moved, px))
        for px in (2, 5, 10, 20, 40, 60, 120, 200)
    ),
    *(
        Fault("slider-moved", f"{px} px", (*_P, Category.SLIDERS), ONLY_OSU, partial(_slider_moved, px))
        for px in (5, 20, 60, 120)
    ),
    *(Fault("stack-broken", f"{px} px", _P, ONLY_OSU, partial(_stack_broken, px)) for px in (2, 5, 10, 15)),
    Fault("figure-mirrored", "", (*_P, Category.SLIDERS), PLAYFIELD_MODES, _mirrored),
    Fault("combo-missing", "", _N, PLAYFIELD_MODES, _combo_missing),
    Fault("combo-extra", "", _N, PLAYFIELD_MODES, _combo_extra),
    Fault("combo-misplaced", "", _N, PLAYFIELD_MODES, _combo_misplaced),
)
