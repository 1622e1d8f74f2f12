"""Planted mistakes of figures and bodies of osu!: streams on the coarse grid, bunched up or with every other circle
aside, spacings against the rhythm, sliders from the clipboard, with a control point lost from the file or clicked by accident."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
from numpy.random import Generator

from maimod.findings import Category
from maimod.osu.beatmap import ONLY_OSU, Beatmap, HitObject, ObjectKind, SliderPath
from maimod.osu.slider_path import flatten, tail
from maimod.training.faults.base import (
    CLEAR_GAP_MS,
    SAME_MS,
    Envelope,
    Fault,
    Planted,
    best_in_turn,
    distance,
    edited,
    exchanged,
    has_copy,
    in_turn,
    is_circle,
    is_inside,
    mistake_at,
    sliders_of,
    with_objects,
)
from maimod.training.faults.fifth.timeline_slips import UNLIKE_GAPS
from maimod.training.faults.figures import Point, are_inside, figures_of, way_between
from maimod.training.faults.paths import farthest_apart

RUN_OBJECTS = (4, 5, 6, 8)
EVEN_SPACING, UNEVEN_SPACING = 0.25, 0.5
"""Range of the spacings of a run, as a share of their mean, up to which they are even, and from which everyone sees that they are
not."""
SPACINGS_PX = (12.0, 120.0)
GRID_PX = 32.0
"""Lines of the coarsest grid of the editor."""
BUNCHED = 1.5
ASIDE_PX = 24.0
LEAST_SPACING_PX = 20.0
SAME_RATIO = 1.35
"""Spacings follow the gaps if the ratios of both are so alike."""
CLIPBOARD_SLIDERS = 24
LEAST_LEAP_PX = 80.0
LEAST_BODY_PX = 25.0
LOST_SHARE = 0.85
"""A path that lost a control point is at most this share of the length of its slider."""
STRAY_PX = 40.0


# ---------------------------------------------------------------------------------------------------------------------
# Runs of circles


def _even_runs(beatmap: Beatmap, random: Generator) -> list[tuple[HitObject, ...]]:
    """Runs of circles in an even rhythm and with even spacings, in a random order."""
    found = []
    for count in in_turn(random, RUN_OBJECTS):
        for run in figures_of(beatmap, random, (count,), only_circles=True):
            gaps = [b.time - a.time for a, b in pairwise(run)]
            spacings = _spacings(beatmap, run)
            mean = sum(spacings) / len(spacings)
            if (
                max(gaps) - min(gaps) < 2 * SAME_MS
                and SPACINGS_PX[0] <= mean <= SPACINGS_PX[1]
                and max(spacings) - min(spacings) <= EVEN_SPACING * mean
            ):
                found.append(run)
    return found


def _spacings(beatmap: Beatmap, run: Sequence[HitObject]) -> list[float]:
    return [distance(beatmap, a, b) for a, b in pairwise(run)]


def _at(o: HitObject, point: Point) -> HitObject:
    """A circle elsewhere, on whole pixels."""
    return replace(o, x=float(round(point[0])), y=float(round(point[1])))


def _with_run(beatmap: Beatmap, new: Sequence[HitObject], note: str) -> Planted | None:
    """The map with other circles in a run; None if its spacings are still about even. The way from the last circle to the next object
    is part of the mistake."""
    spacings = _spacings(beatmap, new)
    if not are_inside(new) or max(spacings) - min(spacings) < UNEVEN_SPACING * sum(spacings) / len(spacings):
        return None
    moved = [o for o in new if o != beatmap.hit_objects[o.index]]
    after = beatmap.hit_objects[moved[-1].index + 1]
    indices = tuple(o.index for o in (*moved, after))
    return Planted(with_objects(beatmap, {o.index: o for o in moved}), moved[0].time, after.time, indices, note)


def _on_grid(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """A run of even spacings was placed with the coarse grid on, so that each circle is on the closest line and the spacings are
    uneven."""
    for run in _even_runs(beatmap, random):
        new = [_at(o, (round(o.x / GRID_PX) * GRID_PX, round(o.y / GRID_PX) * GRID_PX)) for o in run]
        planted = _with_run(beatmap, new, f"{len(run)} circles on a grid of {GRID_PX:g} px")
        if planted is not None:
            return planted
    return None


def _bunched(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """The first half of a run of even spacings was placed with too high a multiplier of the distance snap; the rest of its way had to
    do for the second half."""
    for run in _even_runs(beatmap, random):
        ways = np.concatenate([[0.0], np.cumsum(_spacings(beatmap, run))])
        shares = ways / ways[-1]
        # From half of the run on at (2 - BUNCHED) times the spacing, so that it ends where it did.
        late = np.where(shares <= 0.5, shares * BUNCHED, 1 - (1 - shares) * (2 - BUNCHED)) * ways[-1]
        places = [np.interp(late, ways, [getattr(o, axis) for o in run]) for axis in "xy"]
        new = [_at(o, (float(x), float(y))) for o, x, y in zip(run, *places, strict=True)]
        planted = _with_run(beatmap, new, f"first half of {len(run)} circles {BUNCHED:g} times as far apart")
        if planted is not None:
            return planted
    return None


def _aside(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """Every other circle of a run of even spacings, a layer that was pasted between the others, is moved to one side of them."""
    sign = 1 if random.random() < 0.5 else -1
    for run in _even_runs(beatmap, random):
        length = distance(beatmap, run[0], run[-1])
        if max(_spacings(beatmap, run)) > 3 * ASIDE_PX or length < 3 * ASIDE_PX:
            continue
        across = -(run[-1].y - run[0].y) / length, (run[-1].x - run[0].x) / length
        for way in (sign * ASIDE_PX, -sign * ASIDE_PX):
            new = {o.index: _at(o, (o.x + way * across[0], o.y + way * across[1])) for o in run[1::2]}
            if are_inside(list(new.values())):
                after = beatmap.hit_objects[run[-1].index + 1]
                note = f"every other circle of {len(run)} moved {ASIDE_PX:g} px aside"
                return Planted(with_objects(beatmap, new), run[1].time, after.time, (*new, after.index), note)
    return None


def _not_replaced(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """A circle between a short and a long gap was dragged there on the timeline and not on the playfield: where spacings follow the gaps,
    the longer one comes with the shorter gap."""
    objects = beatmap.hit_objects
    for i in in_turn(random, range(1, len(objects) - 1)):
        before, o, after = objects[i - 1 : i + 2]
        if not is_circle(o) or ObjectKind.SPINNER in (before.kind, after.kind):
            continue
        gaps = o.time - before.end_time, after.time - o.time
        ways = way_between(before, o), way_between(o, after)
        if (
            min(gaps) < CLEAR_GAP_MS
            or min(ways) < LEAST_SPACING_PX
            or sum(gaps) > 3 * beatmap.red_line_of(o.time).beat_length + SAME_MS
            or max(gaps) < UNLIKE_GAPS * min(gaps)
            or abs(math.log(ways[0] / ways[1] * gaps[1] / gaps[0])) > math.log(SAME_RATIO)
        ):
            continue
        x, y = tail(before.slider) if before.slider else (before.x, before.y)
        moved = _at(o, (x + after.x - o.x, y + after.y - o.y))
        if is_inside((moved.x, moved.y)) and distance(beatmap, o, moved) >= LEAST_BODY_PX:
            note = f"spacings of {ways[0]:.0f} and {ways[1]:.0f} px around a circle in the other order"
            return mistake_at(exchanged(beatmap, o, moved), moved, note, after.time)
    return None


# ---------------------------------------------------------------------------------------------------------------------
# Sliders


def _from_clipboard(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """A slider was pasted from the wrong clipboard: it is a copy of an earlier one with another duration, at the place of that."""
    sliders = sliders_of(beatmap)
    places = [o for o in sliders if 0 < o.index < len(beatmap.hit_objects) - 1]
    for o in best_in_turn(random, places, lambda o: has_copy(beatmap, o.time, o.end_time + SAME_MS)):
        before, after = beatmap.hit_objects[o.index - 1], beatmap.hit_objects[o.index + 1]
        if ObjectKind.SPINNER in (before.kind, after.kind):
            continue
        old_way = way_between(before, o) + way_between(o, after)
        earlier = [one for one in sliders if one.index < o.index][-CLIPBOARD_SLIDERS:]
        for source in in_turn(random, earlier):
            assert source.slider is not None
            end = o.time + beatmap.slider_duration(source.slider, o.time)
            copy = replace(
                source, line=o.line, time=o.time, end_time=end, new_combo=o.new_combo, combo_skip=o.combo_skip
            )
            if (
                abs(source.duration - (end - o.time)) < SAME_MS
                and abs(end - o.end_time) >= 2 * CLEAR_GAP_MS
                and end + CLEAR_GAP_MS <= after.time
                and way_between(before, copy) + way_between(copy, after) - old_way >= LEAST_LEAP_PX
            ):
                note = f"slider is a copy of the one at {source.time:.0f} ms"
                return mistake_at(exchanged(beatmap, o, copy), copy, note, max(o.end_time, end))
    return None


def _last_point_lost(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """The last control point of a slider got lost from its line of the file, its length did not: the body runs straight on from where
    its path ends now."""
    for o in in_turn(random, sliders_of(beatmap)):
        assert o.slider is not None
        points = o.slider.control_points
        if len(points) < 3 or len(set(points[-3:])) < 3:  # a red anchor at the end would stop the body there
            continue
        left = points[:-1]
        slider = replace(o.slider, control_points=left, curve="L" if len(left) == 2 else o.slider.curve)
        if (
            flatten(slider).natural_length <= LOST_SHARE * slider.length
            and farthest_apart(o.slider, slider) >= LEAST_BODY_PX
            and is_inside(flatten(slider).end)
        ):
            note = "last control point of the slider missing, its length as before"
            return mistake_at(exchanged(beatmap, o, replace(o, slider=slider)), o, note, o.end_time)
    return None


def _stray_point(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """A click beside a selected slider gave it another control point, at some distance from its body."""
    sign = 1 if random.random() < 0.5 else -1
    for o in in_turn(random, sliders_of(beatmap)):
        assert o.slider is not None
        points = o.slider.control_points
        for k in in_turn(random, range(1, len(points))):
            (ax, ay), (bx, by) = points[k - 1], points[k]
            length = math.dist(points[k - 1], points[k])
            if length < STRAY_PX or o.slider.curve not in "BPL":
                continue
            for way in (sign * STRAY_PX / length, -sign * STRAY_PX / length):
                stray = float(round((ax + bx) / 2 - way * (by - ay))), float(round((ay + by) / 2 + way * (bx - ax)))
                slider = _with_point(o.slider, k, stray)
                new = edited(beatmap, o, slider)
                if (
                    is_inside(stray)
                    and new is not None
                    and new.slider is not None
                    and farthest_apart(o.slider, new.slider) >= LEAST_BODY_PX / 2
                    and is_inside(tail(new.slider))
                ):
                    note = f"one control point more at ({stray[0]:g}, {stray[1]:g})"
                    return mistake_at(exchanged(beatmap, o, new), o, note, max(o.end_time, new.end_time))
    return None


def _with_point(slider: SliderPath, k: int, point: Point) -> SliderPath:
    """A path with one control point more as number `k`; an arc, which has three, becomes a Bezier curve."""
    points = slider.control_points
    is_polyline = slider.curve == "L" and len(points) > 2
    return replace(slider, curve="L" if is_polyline else "B", control_points=(*points[:k], point, *points[k:]))


_P, _S, _R = Category.POSITIONS, Category.SLIDERS, Category.RHYTHM
FAULTS: tuple[Fault, ...] = (
    Fault("stream-on-grid", f"{GRID_PX:g} px", (_P,), ONLY_OSU, _on_grid),
    Fault("stream-bunched", f"x{BUNCHED:g}", (_P,), ONLY_OSU, _bunched),
    Fault("every-other-aside", f"{ASIDE_PX:g} px", (_P,), ONLY_OSU, _aside),
    Fault("spacings-exchanged", "", (_P,), ONLY_OSU, _not_replaced),
    Fault("slider-from-clipboard", "", (_S, _R, _P), ONLY_OSU, _from_clipboard),
    Fault("last-point-lost", "", (_S, _P), ONLY_OSU, _last_point_lost),
    # The editor ends an edited slider anew, so findings about the rhythm count as well.
    Fault("stray-point", f"{STRAY_PX:g} px", (_S, _P, _R), ONLY_OSU, _stray_point),
)
