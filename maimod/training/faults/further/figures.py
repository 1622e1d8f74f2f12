"""Planted mistakes of geometry: whole figures and passages moved, turned, scaled, mirrored or pasted over each other."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise

from numpy.random import Generator

from maimod.findings import Category
from maimod.osu.beatmap import HEIGHT, ONLY_OSU, PLAYFIELD_MODES, WIDTH, Beatmap, HitObject, Mode, ObjectKind
from maimod.osu.slider_path import tail
from maimod.training.faults.base import (
    SAME_MS,
    Envelope,
    Fault,
    Planted,
    edited,
    exchanged,
    in_turn,
    is_circle,
    is_inside,
    mistake_at,
    pick,
    sliders_of,
    starting_in,
    stretches,
)
from maimod.training.faults.figures import Change, Point, are_inside, figures_of, relocated, way_between, with_figure

FIGURE_OBJECTS = (2, 3, 4, 5)
LEAST_MOVE_PX = 25.0
"""At least one object of a turned or scaled figure moves this far."""
LEAST_LEAP_PX = 100.0
"""By this a mirrored passage lengthens the way into or out of it."""
LEAST_COPY_PX = 60.0
SAME_SPACING = 0.1
LEAST_SPACING_PX = 50.0
LEAST_TAIL_PX = 15.0
"""Changes of bodies that move the tail less would not be seen."""


def _shifted(pixels: float, beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """A figure moved as a whole, to another line of the editor's grid."""
    angles = [(random.random() + k / 8) * 2 * math.pi for k in range(8)]
    directions = [(1, 0), (-1, 0)] if beatmap.mode is Mode.CATCH else [(math.cos(a), math.sin(a)) for a in angles]
    for figure in figures_of(beatmap, random, FIGURE_OBJECTS):
        for dx, dy in directions:

            def there(point: Point, dx: float = pixels * dx, dy: float = pixels * dy) -> Point:
                return point[0] + dx, point[1] + dy

            new = [relocated(o, there) for o in figure]
            if are_inside(new):
                return with_figure(beatmap, figure, new, f"{len(figure)} objects moved together by {pixels:g} px")
    return None


def _around_middle(figure: Sequence[HitObject], factor: float, angle: float) -> Change:
    """Turned by `angle` and scaled by `factor` about the middle of the heads."""
    middle = sum(o.x for o in figure) / len(figure), sum(o.y for o in figure) / len(figure)
    cos, sin = factor * math.cos(angle), factor * math.sin(angle)

    def change(point: Point) -> Point:
        x, y = point[0] - middle[0], point[1] - middle[1]
        return middle[0] + cos * x - sin * y, middle[1] + sin * x + cos * y

    return change


def _turned(degrees: float, beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    angle = math.radians(degrees) * (1 if random.random() < 0.5 else -1)
    return _reshaped(1.0, angle, f"turned by {degrees:g} degrees", False, beatmap, random)


def _scaled(factor: float, beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    # Sliders would get another duration.
    return _reshaped(factor, 0.0, f"scaled by {factor:g}", True, beatmap, random)


def _reshaped(
    factor: float, angle: float, note: str, only_circles: bool, beatmap: Beatmap, random: Generator
) -> Planted | None:
    for figure in figures_of(beatmap, random, FIGURE_OBJECTS[1:], only_circles):
        change = _around_middle(figure, factor, angle)
        new = [relocated(o, change) for o in figure]
        farthest = max(math.dist((a.x, a.y), (b.x, b.y)) for a, b in zip(figure, new, strict=True))
        if farthest >= LEAST_MOVE_PX and are_inside(new):
            return with_figure(beatmap, figure, new, f"{len(figure)} objects {note}")
    return None


def _left(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """A copied figure stays where its original is, in a map that does not do so anywhere."""
    objects = beatmap.hit_objects

    def lies_on(figure: Sequence[HitObject]) -> bool:
        back = objects[figure[0].index - len(figure) : figure[0].index]
        return all(math.dist((a.x, a.y), (b.x, b.y)) < LEAST_COPY_PX / 4 for a, b in zip(back, figure, strict=True))

    figures = [f for f in figures_of(beatmap, random, FIGURE_OBJECTS[1:3], True) if f[0].index >= len(f)]
    if any(map(lies_on, figures)):
        return None
    for figure in figures:
        original = objects[figure[0].index - len(figure) : figure[0].index]
        moves = [math.dist((a.x, a.y), (b.x, b.y)) for a, b in zip(original, figure, strict=True)]
        gaps = [b.time - a.time for a, b in pairwise((*original, *figure))]
        if all(map(is_circle, original)) and min(moves) >= LEAST_COPY_PX and max(gaps) - min(gaps) < 2 * SAME_MS:
            new = [replace(b, x=a.x, y=a.y) for a, b in zip(original, figure, strict=True)]
            return with_figure(beatmap, figure, new, f"a copy of {len(figure)} circles lies on its original")
    return None


def _jump_scaled(factor: float, beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """A circle is nearer to or farther from the one before, where the jump before has the spacing of this one."""
    objects = beatmap.hit_objects
    for i in in_turn(random, range(2, len(objects) - 1)):
        first, before, o = objects[i - 2 : i + 1]
        if not all(map(is_circle, (first, before, o))) or abs(first.time + o.time - 2 * before.time) > 2 * SAME_MS:
            continue
        spacings = math.dist((first.x, first.y), (before.x, before.y)), math.dist((before.x, before.y), (o.x, o.y))
        if min(spacings) < LEAST_SPACING_PX or abs(spacings[0] - spacings[1]) > SAME_SPACING * spacings[1]:
            continue
        x, y = (float(round(a + (b - a) * factor)) for a, b in ((before.x, o.x), (before.y, o.y)))
        if is_inside((x, y)):
            moved = replace(o, x=x, y=y)
            note = f"spacing of {spacings[1]:.0f} px times {factor:g}"
            return mistake_at(exchanged(beatmap, o, moved), moved, note)
    return None


def _passage_mirrored(measures: int, beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """Whole measures mirrored about the middle of the playfield: only the ways into and out of them change."""
    objects = beatmap.hit_objects
    for start, end in in_turn(random, stretches(beatmap, measures, 3)):
        inside = starting_in(beatmap, start, end)
        if inside[0].index == 0 or any(o.kind is ObjectKind.SPINNER for o in inside):
            continue
        before, after = objects[inside[0].index - 1], objects[inside[-1].index + 1]
        beat = beatmap.red_line_of(start).beat_length
        axes = [(True, False)] if beatmap.mode is Mode.CATCH else [(True, False), (False, True), (True, True)]
        for x_too, y_too in in_turn(random, axes):

            def across(point: Point, x_too: bool = x_too, y_too: bool = y_too) -> Point:
                return (WIDTH - point[0] if x_too else point[0]), (HEIGHT - point[1] if y_too else point[1])

            new = [relocated(o, across) for o in inside]
            leaps = (
                way_between(before, new[0]) - way_between(before, inside[0]),
                way_between(new[-1], after) - way_between(inside[-1], after),
            )
            if (
                max(leaps) >= LEAST_LEAP_PX
                and inside[0].time - before.end_time <= beat + SAME_MS
                and after.time - inside[-1].end_time <= beat + SAME_MS
                and are_inside(new)
            ):
                way = "turned upside down" if x_too and y_too else "mirrored"
                return with_figure(beatmap, inside, new, f"{measures} measures {way} about the middle")
    return None


# ---------------------------------------------------------------------------------------------------------------------
# Bodies of sliders


def _body(
    change: Callable[[tuple[Point, ...], Generator], tuple[Point, ...] | None],
    curves: str,
    note: str,
    is_edited: bool,
    beatmap: Beatmap,
    random: Generator,
    envelope: Envelope,
) -> Planted | None:
    """A slider with other control points.

    Args:
        change: of the control points; None if they cannot have the mistake.
        curves: types of curves that can.
        note: what is done.
        is_edited: whether the editor ends the slider anew, at the last tick that the path reaches.
        beatmap, random, envelope: as in :meth:`Fault.inject`.
    """
    for o in in_turn(random, [o for o in sliders_of(beatmap) if o.slider is not None and o.slider.curve in curves]):
        assert o.slider is not None
        points = change(o.slider.control_points, random)
        if points is None or not all(map(is_inside, points)):
            continue
        curve = "L" if len(points) == 2 else o.slider.curve
        slider = replace(o.slider, control_points=points, curve=curve)
        new = edited(beatmap, o, slider) if is_edited else replace(o, slider=slider)
        if new is not None and new.slider is not None and math.dist(tail(new.slider), tail(o.slider)) >= LEAST_TAIL_PX:
            return mistake_at(exchanged(beatmap, o, new), o, note, max(o.end_time, new.end_time))
    return None


def _without_point(points: tuple[Point, ...], random: Generator) -> tuple[Point, ...] | None:
    """One inner control point less; red anchors, which are two points, stay."""
    inner = [k for k in range(1, len(points) - 1) if points[k] not in (points[k - 1], points[k + 1])]
    k = pick(random, inner)
    return None if k is None else (*points[:k], *points[k + 1 :])


def _anchor_exchanged(points: tuple[Point, ...], random: Generator) -> tuple[Point, ...] | None:
    """A red anchor becomes white or, without one, a white one red."""
    red = [k for k in range(1, len(points) - 1) if points[k] == points[k + 1]]
    k = pick(random, red or range(1, len(points) - 1))
    if k is None:
        return None
    return (*points[:k], *points[k + 1 :]) if red else (*points[: k + 1], *points[k:])


def _body_turned(degrees: float, points: tuple[Point, ...], random: Generator) -> tuple[Point, ...] | None:
    angle = math.radians(degrees) * (1 if random.random() < 0.5 else -1)
    cos, sin = math.cos(angle), math.sin(angle)
    x, y = points[0]
    return tuple(
        (float(round(x + cos * (a - x) - sin * (b - y))), float(round(y + sin * (a - x) + cos * (b - y))))
        for a, b in points
    )


_P, _S = Category.POSITIONS, Category.SLIDERS
CATCH_PX = 60
"""Smaller shifts of a figure make no difference in catch."""
FAULTS: tuple[Fault, ...] = (
    *(
        Fault(
            "figure-shifted", f"{px} px", (_P,), PLAYFIELD_MODES if px >= CATCH_PX else ONLY_OSU, partial(_shifted, px)
        )
        for px in (16, 40, 100)
    ),
    *(Fault("figure-turned", f"{deg} degrees", (_P,), ONLY_OSU, partial(_turned, deg)) for deg in (30, 90)),
    *(Fault("figure-scaled", f"x{factor:g}", (_P,), ONLY_OSU, partial(_scaled, factor)) for factor in (0.7, 1.4)),
    Fault("figure-left", "", (_P,), ONLY_OSU, _left),
    *(Fault("jump-scaled", f"x{factor:g}", (_P,), ONLY_OSU, partial(_jump_scaled, factor)) for factor in (0.6, 1.5)),
    *(
        Fault("passage-mirrored", f"{n} measures", (_P,), PLAYFIELD_MODES, partial(_passage_mirrored, n))
        for n in (1, 2)
    ),
    Fault(
        "anchor-lost", "", (_S, _P), ONLY_OSU, partial(_body, _without_point, "BP", "a control point is missing", True)
    ),
    Fault(
        "anchor-exchanged",
        "",
        (_S, _P),
        ONLY_OSU,
        partial(_body, _anchor_exchanged, "B", "an anchor is red for white or white for red", True),
    ),
    *(
        Fault(
            "body-turned",
            f"{degrees} degrees",
            (_S, _P),
            ONLY_OSU,
            partial(_body, partial(_body_turned, degrees), "BLP", f"slider turned by {degrees} degrees", False),
        )
        for degrees in (15, 45)
    ),
)
