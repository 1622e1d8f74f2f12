"""Planted mistakes of what a command of the editor does to a selection, and of single clicks and drags: circles
in reverse order, objects merged, pasted on top of themselves, at half speed or on one line, places one object late."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import pairwise

from numpy.random import Generator

from maimod.findings import Category
from maimod.osu.beatmap import HEIGHT, ONLY_OSU, PLAYFIELD_MODES, WIDTH, Beatmap, HitObject, ObjectKind
from maimod.training.faults.base import (
    CLEAR_GAP_MS,
    NO_ONSET,
    SAME_MS,
    Envelope,
    Fault,
    Planted,
    best_in_turn,
    crosses_point,
    distance,
    edited,
    exchanged,
    has_copy,
    has_red_line,
    in_turn,
    is_circle,
    is_on_tick,
    mistake_at,
    moved_in_time,
    onset_strengths,
    over,
    rebuild,
    sliders_of,
    starting_in,
    stretches,
)
from maimod.training.faults.figures import are_inside, even_figures, figures_of, shifted, way_between, with_figure
from maimod.training.faults.passages import is_closed, pasted, ticks_of
from maimod.training.faults.paths import is_whole

LEAST_CHANGED = 3
BACKWARD_OBJECTS = (4, 5, 6)
LATE_OBJECTS = (4, 5, 6, 7)
LEAST_LEAP_PX = 100.0
"""By this the ways into and out of misplaced objects become longer."""
LEAST_SPACING_PX = 40.0
PASTED_OBJECTS = (3, 4, 5)
PAUSE_BEATS, CLEAR_BEATS = (2.0, 6.0), 0.75
"""Length of a pause, and what stays free around a click in it."""
AT_ONE_PLACE_PX = 100.0
FLAT_PX, FLAT_OBJECTS, RARE_FLAT = 6.0, 4, 0.02
LEAST_HEIGHT_PX = 100.0


def _with_one_velocity(beatmap: Beatmap, start: float, end: float) -> bool:
    """Whether sliders are as fast in all of a stretch [ms]."""
    times = [point.time for point in beatmap.timing_points if start < point.time < end - SAME_MS]
    return len({beatmap.velocity_at(time) for time in (start, *times)}) == 1


# ---------------------------------------------------------------------------------------------------------------------
# Passages


def _at_half_speed(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """A measure was pasted as from a map at half the tempo: its objects are twice as far apart, and fill the next measure too."""
    for start, end in best_in_turn(random, stretches(beatmap, 2, 3), lambda place: has_copy(beatmap, *place)):
        middle = (start + end) / 2
        source = starting_in(beatmap, start, middle)
        if (
            len(source) <= LEAST_CHANGED
            or not starting_in(beatmap, middle, end)
            or not is_closed(beatmap, start, middle)
            or not is_closed(beatmap, middle, end)
            or not _with_one_velocity(beatmap, start, end)
        ):
            continue
        new = [moved_in_time(o, float(round(o.time - start))) for o in source]
        planted = pasted(beatmap, start, end, new, f"{len(new)} objects of a measure over two measures")
        if (
            new[-1].end_time + CLEAR_GAP_MS <= end
            and len(ticks_of(beatmap, start, end) ^ ticks_of(planted.beatmap, start, end)) >= LEAST_CHANGED
        ):
            return planted
    return None


def _on_top(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """A few objects were pasted a half or a quarter of a beat late among themselves: both the objects and their copies stay."""
    for figure in figures_of(beatmap, random, PASTED_OBJECTS):
        beat = beatmap.red_line_of(figure[0].time).beat_length
        after = beatmap.hit_objects[figure[-1].index + 1]
        for beats in (0.5, 0.25):
            by = float(round(beats * beat))
            copies = [replace(moved_in_time(o, by), new_combo=False, combo_skip=0) for o in figure]
            if (
                copies[0].time < figure[-1].time
                and _are_apart([*figure, *copies, after])
                and _with_one_velocity(beatmap, figure[0].time, copies[-1].end_time)
                and not has_red_line(beatmap, figure[0].time, copies[-1].end_time + SAME_MS)
            ):
                last = figure[-1].index + 1
                objects = (*beatmap.hit_objects[:last], *copies, *beatmap.hit_objects[last:])
                changed = rebuild(beatmap, hit_objects=objects)
                note = f"{len(figure)} objects pasted {beats:g} beats late on top of themselves"
                return over(changed, figure[0].time, copies[-1].end_time + SAME_MS, note)
    return None


def _are_apart(objects: Iterable[HitObject]) -> bool:
    """Whether each of the objects ends before the next begins."""
    in_order = sorted(objects, key=lambda o: o.time)
    return all(b.time - a.end_time >= CLEAR_GAP_MS for a, b in pairwise(in_order))


def _flattened(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """All objects of a measure are at one height, as if pasted from a difficulty of catch; only in a map that hardly has such
    rows."""
    objects = beatmap.hit_objects
    rows = [objects[i : i + FLAT_OBJECTS] for i in range(len(objects) - FLAT_OBJECTS + 1)]
    if sum(_height(row) <= FLAT_PX < _width(row) for row in rows) > RARE_FLAT * len(rows):
        return None
    for start, end in in_turn(random, stretches(beatmap, 1, FLAT_OBJECTS)):
        inside = starting_in(beatmap, start, end)
        if (
            any(o.kind is ObjectKind.SPINNER for o in inside)
            or _height(inside) < LEAST_HEIGHT_PX
            or _width(inside) < LEAST_HEIGHT_PX
        ):
            continue
        y = float(round(sum(o.y for o in inside) / len(inside)))
        new = [shifted(o, 0.0, y - o.y) for o in inside]
        if are_inside(new):
            return with_figure(beatmap, inside, new, f"{len(inside)} objects of a measure at one height")
    return None


def _height(objects: Sequence[HitObject]) -> float:
    return max(o.y for o in objects) - min(o.y for o in objects)


def _width(objects: Sequence[HitObject]) -> float:
    return max(o.x for o in objects) - min(o.x for o in objects)


# ---------------------------------------------------------------------------------------------------------------------
# Figures


def _at_places_of(figure: Sequence[HitObject], others: Sequence[HitObject]) -> list[HitObject]:
    return [replace(o, x=there.x, y=there.y) for o, there in zip(figure, others, strict=True)]


def _figure_backwards(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """Some circles of an even rhythm were selected and reversed: the way through them is the same, those into and out of them are
    longer."""
    for figure in even_figures(beatmap, random, BACKWARD_OBJECTS):
        before, after = beatmap.hit_objects[figure[0].index - 1], beatmap.hit_objects[figure[-1].index + 1]
        new = _at_places_of(figure, figure[::-1])
        old_way = distance(beatmap, before, figure[0]) + distance(beatmap, figure[-1], after)
        new_way = distance(beatmap, before, new[0]) + distance(beatmap, new[-1], after)
        if new_way - old_way >= 2 * LEAST_LEAP_PX:
            return with_figure(beatmap, figure, new, f"{len(figure)} circles in reverse order")
    return None


def _places_late(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """The places of some circles of an even rhythm are one object late: the first lies on the circle before, and the last place
    is lost."""
    for figure in even_figures(beatmap, random, LATE_OBJECTS):
        before, after = beatmap.hit_objects[figure[0].index - 1], beatmap.hit_objects[figure[-1].index + 1]
        new = _at_places_of(figure, (before, *figure[:-1]))
        ways = [distance(beatmap, a, b) for a, b in pairwise((before, *figure))]
        if (
            min(ways) >= LEAST_SPACING_PX
            and distance(beatmap, new[-1], after) - distance(beatmap, figure[-1], after) >= LEAST_LEAP_PX
        ):
            return with_figure(beatmap, figure, new, f"places of {len(figure)} circles one object late")
    return None


# ---------------------------------------------------------------------------------------------------------------------
# Single objects


def _click_in_pause(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """A circle between the beats of a pause of the map, at any place: a click that was not meant. Only where the song has no
    onset."""
    places = []
    for before, after in pairwise(beatmap.hit_objects):
        red = beatmap.red_line_of(before.time)
        beat = red.beat_length
        low, high = before.end_time + CLEAR_BEATS * beat, after.time - CLEAR_BEATS * beat
        if (
            ObjectKind.SPINNER in (before.kind, after.kind)
            or not PAUSE_BEATS[0] * beat - SAME_MS <= after.time - before.end_time <= PAUSE_BEATS[1] * beat + SAME_MS
            or has_red_line(beatmap, before.time, after.time + SAME_MS)
            or any(pause.start < after.time and pause.end > before.time for pause in beatmap.breaks)
        ):
            continue
        first, last = (math.ceil((low - red.time) / beat * 4), math.floor((high - red.time) / beat * 4))
        ticks = [float(round(red.time + k * beat / 4)) for k in range(first, last + 1) if k % 4]
        places += [(before, after, time) for time in ticks]
    if envelope is not None and places:
        strengths = onset_strengths(beatmap, envelope, [time for _, _, time in places])
        places = [place for place, strength in zip(places, strengths, strict=True) if strength <= NO_ONSET]
    for before, after, time in in_turn(random, places):
        x, y = float(random.integers(int(WIDTH) + 1)), float(random.integers(int(HEIGHT) + 1))
        o = replace(
            before,
            kind=ObjectKind.CIRCLE,
            slider=None,
            time=time,
            end_time=time,
            x=x,
            y=y,
            new_combo=False,
            combo_skip=0,
        )
        extra = replace(o, hitsound=0)
        if min(distance(beatmap, extra, before), distance(beatmap, extra, after)) >= AT_ONE_PLACE_PX:
            changed = exchanged(beatmap, before, before, extra)
            return mistake_at(changed, extra, f"circle clicked into a pause at ({x:g}, {y:g})")
    return None


def _past_next(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """A circle was dragged past the next object, into the gap after it: a gap is left, and the way through the objects is
    longer."""
    objects = beatmap.hit_objects
    for i in in_turn(random, range(1, len(objects) - 2)):
        before, o, passed, after = objects[i - 1 : i + 3]
        beat = beatmap.red_line_of(o.time).beat_length
        time = float(round((passed.end_time + after.time) / 2))
        old_way = way_between(before, o) + way_between(o, passed) + way_between(passed, after)
        new_way = way_between(before, passed) + way_between(passed, o) + way_between(o, after)
        if (
            is_circle(o)
            and not (o.new_combo or passed.new_combo)
            and all(one.kind is not ObjectKind.SPINNER for one in (before, passed, after))
            and after.time - before.end_time <= 4 * beat + SAME_MS
            and passed.time - o.time <= beat + SAME_MS
            and after.time - passed.end_time >= 2 * CLEAR_GAP_MS
            and is_on_tick(beatmap, time, 4)
            and not crosses_point(beatmap, o.time, time)
            and new_way - old_way >= LEAST_LEAP_PX
        ):
            changed = exchanged(beatmap, o, moved_in_time(o, time - o.time))
            return Planted(changed, o.time, time, (i, i + 1), "circle dragged past the next object")
    return None


def _merged(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """A slider and the object after it were merged to one slider, which ends at the last tick that both bodies and the way between
    them reach."""
    objects = beatmap.hit_objects
    for a in in_turn(random, [o for o in sliders_of(beatmap) if o.index and o.index + 2 < len(objects)]):
        assert a.slider is not None
        b = objects[a.index + 1]
        points = [_as_bezier(o) for o in (a, b)]
        if (
            a.slider.slides > 1
            or not points[0]
            or not points[1]
            or b.new_combo
            or b.time - a.end_time > beatmap.red_line_of(a.time).beat_length + SAME_MS
            or way_between(a, b) < LEAST_SPACING_PX
            or crosses_point(beatmap, a.time, b.end_time)
        ):
            continue
        # The corners at the end of one and the head of the other are red anchors.
        head = points[1][:1] * 2 if len(points[1]) > 1 else ()
        path = (*points[0], points[0][-1], *(head or points[1]), *points[1][1:])
        slider = replace(
            a.slider,
            curve="B",
            control_points=path,
            edge_sounds=(*(a.slider.edge_sounds or (a.hitsound,))[:1], b.hitsound),
            edge_sets=tuple((o.sample.normal_set, o.sample.addition_set) for o in (a, b)),
        )
        without = exchanged(beatmap, b)
        new = edited(without, without.hit_objects[a.index], slider)
        if new is not None and new.end_time - a.end_time >= 2 * CLEAR_GAP_MS and are_inside([new]):
            changed = exchanged(without, without.hit_objects[a.index], new)
            note = f"slider and the {b.kind} after it merged to one slider"
            return mistake_at(changed, a, note, max(b.end_time, new.end_time))
    return None


def _as_bezier(o: HitObject) -> tuple[tuple[float, float], ...]:
    """Control points of a Bezier curve along a circle or a slider; none for objects that have no such."""
    if is_circle(o):
        return ((o.x, o.y),)
    if o.slider is None or o.slider.slides > 1 or o.slider.segment_types or not is_whole(o.slider):
        return ()
    points = o.slider.control_points
    if o.slider.curve == "L":
        return (points[0], *(p for inner in points[1:-1] for p in (inner, inner)), points[-1])
    return points if o.slider.curve == "B" else ()


_R, _P, _S = Category.RHYTHM, Category.POSITIONS, Category.SLIDERS
FAULTS: tuple[Fault, ...] = (
    Fault("half-speed", "1 measure", (_R,), PLAYFIELD_MODES, _at_half_speed),
    Fault("pasted-on-top", "", (_R, _P), PLAYFIELD_MODES, _on_top),
    Fault("flattened", "1 measure", (_P,), ONLY_OSU, _flattened),
    Fault("figure-backwards", "", (_P,), ONLY_OSU, _figure_backwards),
    Fault("places-late", "1 object", (_P,), PLAYFIELD_MODES, _places_late),
    Fault("click-in-pause", "", (_R, _P), PLAYFIELD_MODES, _click_in_pause),
    Fault("dragged-past-next", "", (_R, _P), PLAYFIELD_MODES, _past_next),
    Fault("objects-merged", "", (_R, _S), PLAYFIELD_MODES, _merged),
)
