"""Planted mistakes of places: objects that were never placed, on the wrong side, not mirrored with the rest of their figure,
and new combos where the mapper had them before."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
from numpy.random import Generator

from maimod.findings import Category
from maimod.osu.beatmap import HEIGHT, ONLY_OSU, PLAYFIELD_MODES, WIDTH, Beatmap, HitObject, Mode, ObjectKind
from maimod.osu.combos import chosen_combos
from maimod.training.faults.base import (
    CLEAR_GAP_MS,
    SAME_MS,
    Envelope,
    Fault,
    Planted,
    distance,
    exchanged,
    in_turn,
    is_circle,
    is_inside,
    mistake_at,
    moved_in_time,
    on_downbeat,
    with_objects,
)
from maimod.training.faults.combo_flags import regular_combos
from maimod.training.faults.figures import are_inside, relocated, shifted, way_between

MIDDLE = WIDTH / 2, HEIGHT / 2
NEAR_MIDDLE_PX = 8.0
RARE, RARE_COMBOS = 0.02, 0.05
"""Shares of objects, and of new combos, up to which the map does something by accident."""
LEAST_MOVE_PX = 100.0
LEAST_LEAP_PX = 100.0
"""By this the way through a misplaced object and its neighbours becomes longer."""
LEAST_SPACING_PX = 40.0
FLOWING_COSINE = 0.7
"""Two ways with a cosine above this go in about the same direction."""
STACKED_PX = 4.0
NOT_PLACED = (3, 4)
LEAST_MIRRORED_OBJECTS = 4
LEAST_MIRRORED_PX = 80.0
SAME_FIGURE_PX = 6.0
FARTHEST_MIRROR = 32
"""Most objects from an object to its mirror image."""
COMBO_OBJECTS = range(3, 9)


def _vector(beatmap: Beatmap, a: HitObject, b: HitObject) -> tuple[float, float]:
    """(x, y) in px from one head to the other; in catch only from left to right."""
    return b.x - a.x, 0.0 if beatmap.mode is Mode.CATCH else b.y - a.y


# ---------------------------------------------------------------------------------------------------------------------
# Positions


def _in_middle(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """An object is in the middle of the playfield, where objects are that were added without a place."""
    objects = beatmap.hit_objects

    def from_middle(o: HitObject) -> float:
        return math.dist((o.x, o.y), MIDDLE)

    if sum(from_middle(o) <= NEAR_MIDDLE_PX for o in objects) > RARE * len(objects):
        return None
    for i in in_turn(random, range(1, len(objects) - 1)):
        before, o, after = objects[i - 1 : i + 2]
        beat = beatmap.red_line_of(o.time).beat_length
        if (
            all(one.kind is not ObjectKind.SPINNER for one in (before, o, after))
            and o.time - before.end_time <= beat + SAME_MS
            and from_middle(o) >= LEAST_MOVE_PX
            and min(from_middle(before), from_middle(after)) >= LEAST_SPACING_PX
        ):
            moved = shifted(o, MIDDLE[0] - o.x, MIDDLE[1] - o.y)
            if are_inside([moved]):
                note = f"{o.kind} from ({o.x:g}, {o.y:g}) in the middle of the playfield"
                return mistake_at(exchanged(beatmap, o, moved), moved, note, o.end_time)
    return None


def _wrong_side(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """A circle of a row that goes on in one direction is as far from the one before, but back where the row came from."""
    objects = beatmap.hit_objects
    for i in in_turn(random, range(2, len(objects) - 1)):
        first, before, o, after = objects[i - 2 : i + 2]
        if not all(map(is_circle, (first, before, o, after))) or distance(beatmap, before, o) < LEAST_SPACING_PX:
            continue
        gaps = before.time - first.time, o.time - before.time, after.time - o.time
        steps = [_vector(beatmap, a, b) for a, b in pairwise((first, before, o, after))]
        x, y = (2 * before.x - o.x, o.y if beatmap.mode is Mode.CATCH else 2 * before.y - o.y)
        moved = replace(o, x=x, y=y)
        if (
            max(gaps) - min(gaps) < 2 * SAME_MS
            and gaps[0] <= beatmap.red_line_of(o.time).beat_length + SAME_MS
            and all(_cosine(a, b) >= FLOWING_COSINE for a, b in pairwise(steps))
            and distance(beatmap, moved, after) - distance(beatmap, o, after) >= LEAST_LEAP_PX
            and is_inside((x, y))
        ):
            note = f"circle at ({x:g}, {y:g}), on the other side of the one before, not at ({o.x:g}, {o.y:g})"
            return mistake_at(exchanged(beatmap, o, moved), moved, note, after.time)
    return None


def _cosine(a: tuple[float, float], b: tuple[float, float]) -> float:
    lengths = math.hypot(*a) * math.hypot(*b)
    return (a[0] * b[0] + a[1] * b[1]) / lengths if lengths else 0.0


def _not_placed(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """Circles of an even run lie on the one before them: they have their rhythm but no places yet. Only in a map without
    such stacks."""
    objects, count = beatmap.hit_objects, int(random.choice(NOT_PLACED))

    def is_stacked(i: int, least: int) -> bool:
        stack = objects[i : i + least + 1]
        return len(stack) > least and all(
            is_circle(b) and distance(beatmap, a, b) <= STACKED_PX for a, b in pairwise(stack)
        )

    if any(is_stacked(i, count) for i in range(len(objects))):
        return None
    for i in in_turn(random, range(1, len(objects) - count - 1)):
        first, run, after = objects[i], objects[i + 1 : i + 1 + count], objects[i + 1 + count]
        gaps = [b.time - a.time for a, b in pairwise((first, *run))]
        moves = [distance(beatmap, first, o) for o in run]
        if (
            all(is_circle(o) for o in (first, *run))
            and not any(o.new_combo for o in run)
            and max(gaps) - min(gaps) < 2 * SAME_MS
            and gaps[0] <= beatmap.red_line_of(first.time).beat_length + SAME_MS
            and max(moves) >= LEAST_SPACING_PX * 2
            and min(moves[0], distance(beatmap, first, after)) > STACKED_PX
        ):
            changed = with_objects(beatmap, {o.index: replace(o, x=first.x, y=first.y) for o in run})
            indices = tuple(o.index for o in (*run, after))
            return Planted(changed, run[0].time, after.time, indices, f"{count} circles still on the one before them")
    return None


def _not_mirrored(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """One object of a passage that mirrors one before it was left out: it is where it was before the rest was mirrored."""
    axes = [(True, False)] if beatmap.mode is Mode.CATCH else [(True, False), (False, True), (True, True)]
    for is_x, is_y in in_turn(random, axes):
        images = [(o, image) for image in _images(beatmap, is_x, is_y) for o in image[1:-1]]
        for o, image in in_turn(random, images):
            back = _across(o, image, is_x, is_y)
            if distance(beatmap, o, back) >= LEAST_MIRRORED_PX and are_inside([back]):
                note = f"{o.kind} of {len(image)} mirrored objects at ({back.x:g}, {back.y:g}), not mirrored"
                return mistake_at(exchanged(beatmap, o, back), back, note, o.end_time)
    return None


def _across(o: HitObject, figure: Sequence[HitObject], is_x: bool, is_y: bool) -> HitObject:
    """An object mirrored within the space of its figure, from left to right, from top to bottom, or both."""
    x, y = (min(places) + max(places) for places in ([one.x for one in figure], [one.y for one in figure]))
    return relocated(o, lambda p: (x - p[0] if is_x else p[0], y - p[1] if is_y else p[1]))


def _images(beatmap: Beatmap, is_x: bool, is_y: bool) -> list[Sequence[HitObject]]:
    """Passages of several places that mirror one before them, about any middle, with the same kinds and rhythm."""
    objects = beatmap.hit_objects
    axes = [0] if beatmap.mode is Mode.CATCH else [0, 1]
    places = np.array([(o.x, o.y) for o in objects]).reshape(-1, 2)[:, axes]
    signs = np.array([1.0 if is_x else -1.0, 1.0 if is_y else -1.0])[axes]
    times, kinds = np.array([o.time for o in objects]), np.array([o.kind.value for o in objects])
    found: list[Sequence[HitObject]] = []
    for by in range(LEAST_MIRRORED_OBJECTS, min(FARTHEST_MIRROR, len(objects) - 1) + 1):
        # An image and its original have one sum of places, or one difference where they are not mirrored.
        middles, apart = places[by:] + signs * places[:-by], times[by:] - times[:-by]
        goes_on = (
            (np.abs(np.diff(middles, axis=0)).max(axis=1) <= SAME_FIGURE_PX)
            & (np.abs(np.diff(apart)) < 2 * SAME_MS)
            & (kinds[by:] == kinds[:-by])[1:]
        )
        borders = np.flatnonzero(~goes_on)
        for start, end in pairwise((-1, *borders.tolist(), len(goes_on))):
            image = objects[start + 1 + by : end + 1 + by][:by]
            if len(image) >= LEAST_MIRRORED_OBJECTS and len({(o.x, o.y) for o in image}) >= LEAST_MIRRORED_OBJECTS:
                found.append(image)
    return [image for image in found if all(o.kind is not ObjectKind.SPINNER for o in image)]


def _combos_exchanged(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """Two combos of the same rhythm that follow each other are in the wrong order."""
    objects = beatmap.hit_objects
    starts = [o.index for o in chosen_combos(beatmap)]
    for k in in_turn(random, range(len(starts) - 2)):
        one, two = objects[starts[k] : starts[k + 1]], objects[starts[k + 1] : starts[k + 2]]
        if len(one) not in COMBO_OBJECTS or not _are_alike(beatmap, one, two):
            continue
        new = [
            replace(moved_in_time(o, there.time - o.time), new_combo=there.new_combo, combo_skip=there.combo_skip)
            for o, there in zip((*two, *one), (*one, *two), strict=True)
        ]
        around = objects[one[0].index - 1], objects[two[-1].index + 1]
        old_way = way_between(around[0], one[0]) + way_between(one[-1], two[0]) + way_between(two[-1], around[1])
        new_way = way_between(around[0], two[0]) + way_between(two[-1], one[0]) + way_between(one[-1], around[1])
        if new_way - old_way >= 2 * LEAST_LEAP_PX:
            changed = with_objects(beatmap, {o.index: n for o, n in zip((*one, *two), new, strict=True)})
            indices = tuple(o.index for o in (*one, *two, around[1]))
            note = f"two combos of {len(one)} objects in the wrong order"
            return Planted(changed, one[0].time, around[1].time, indices, note)
    return None


def _are_alike(beatmap: Beatmap, one: Sequence[HitObject], two: Sequence[HitObject]) -> bool:
    """Whether two groups have the same kinds, durations and velocities in the same rhythm."""
    by = two[0].time - one[0].time
    return len(one) == len(two) and all(
        a.kind is b.kind
        and a.kind is not ObjectKind.SPINNER
        and abs(b.time - a.time - by) < SAME_MS
        and abs(b.duration - a.duration) < SAME_MS
        and beatmap.velocity_at(a.time) == beatmap.velocity_at(b.time)
        for a, b in zip(one, two, strict=True)
    )


# ---------------------------------------------------------------------------------------------------------------------
# New combos


def _combo_twice(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """The object beside a new combo has one too: the flag was moved, and one of the two forgotten. Only in a map with next
    to no combos of one object."""
    objects = beatmap.hit_objects
    flags = [o.index for o in objects if o.new_combo]
    if sum(b - a == 1 for a, b in pairwise(flags)) > RARE_COMBOS * len(flags):
        return None
    for o in in_turn(random, regular_combos(beatmap)):
        step = 1 if random.random() < 0.5 else -1
        for to in (o.index + step, o.index - step):
            around = [one for one in objects[max(to - 1, 0) : to + 2] if one.index != o.index]
            if 1 <= to < len(objects) - 1 and all(
                not one.new_combo and one.kind is not ObjectKind.SPINNER for one in around
            ):
                also = objects[to]
                changed = exchanged(beatmap, also, replace(also, new_combo=True))
                low, high = sorted((o, also), key=lambda one: one.time)
                note = f"new combo {'after' if to > o.index else 'before'} one too"
                return Planted(changed, low.time, high.time, (low.index, high.index), note)
    return None


def _combo_half_off(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """The new combo of a downbeat is half a measure early or late."""
    objects = beatmap.hit_objects
    for o in in_turn(random, [o for o in regular_combos(beatmap) if on_downbeat(beatmap, o.time)]):
        red = beatmap.red_line_of(o.time)
        half = red.beat_length * red.meter / 2
        sign = 1 if random.random() < 0.5 else -1
        for by in (sign * half, -sign * half):
            to = objects[beatmap.closest_object(o.time + by)]
            low, high = sorted((o, to), key=lambda one: one.time)
            if (
                abs(to.time - o.time - by) < SAME_MS
                and high.time - low.time > CLEAR_GAP_MS
                and high.index - low.index >= 2
                and beatmap.red_line_of(to.time) is red
                and all(one is o or not one.new_combo for one in objects[low.index - 1 : high.index + 2])
                and all(one.kind is not ObjectKind.SPINNER for one in objects[low.index : high.index + 1])
            ):
                flags = {o.index: replace(o, new_combo=False, combo_skip=0), to.index: replace(to, new_combo=True)}
                note = f"new combo half a measure {'late' if by > 0 else 'early'}"
                places = (low.time, low.time), (high.time, high.time)
                return Planted(
                    with_objects(beatmap, flags), low.time, high.time, (low.index, high.index), note, places=places
                )
    return None


_P, _N = (Category.POSITIONS,), (Category.NEW_COMBOS,)
_PS = (Category.POSITIONS, Category.SLIDERS)
FAULTS: tuple[Fault, ...] = (
    Fault("left-in-middle", "", _PS, ONLY_OSU, _in_middle),
    Fault("wrong-side", "", _P, PLAYFIELD_MODES, _wrong_side),
    Fault("not-placed", "", _P, ONLY_OSU, _not_placed),
    Fault("not-mirrored", "", _PS, PLAYFIELD_MODES, _not_mirrored),
    Fault("combos-exchanged", "", _P, ONLY_OSU, _combos_exchanged),
    Fault("combo-twice", "", _N, PLAYFIELD_MODES, _combo_twice),
    Fault("combo-half-off", "", _N, PLAYFIELD_MODES, _combo_half_off),
)
