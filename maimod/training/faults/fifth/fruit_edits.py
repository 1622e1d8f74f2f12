"""Planted mistakes of catch: fruits dragged in time until a hyperdash arises, measures with the places of another of
the same rhythm or without places, only the juice streams mirrored, figures turned upright, distances from the wrong end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from numpy.random import Generator

from maimod.findings import Category
from maimod.osu import catch
from maimod.osu.beatmap import ONLY_CATCH, WIDTH, Beatmap, HitObject, ObjectKind
from maimod.osu.slider_path import tail
from maimod.training.faults.base import (
    CLEAR_GAP_MS,
    SAME_MS,
    Envelope,
    Fault,
    Planted,
    best_in_turn,
    crosses_point,
    exchanged,
    has_copy,
    in_turn,
    is_circle,
    mistake_at,
    moved_in_time,
    sliders_of,
    starting_in,
    stretches,
)
from maimod.training.faults.fifth.drum_edits import of_one_rhythm
from maimod.training.faults.figures import are_inside, even_figures, relocated, with_figure

LEAST_LEAP_PX = 100.0
"""By this the ways through misplaced objects become longer."""
LEAST_WIDTH_PX = 100.0
MIDDLE_X = WIDTH / 2
LEAST_FRUITS = 4
COLUMN_PX, RARE_COLUMNS = 20.0, 0.05
TURNED_FRUITS = (4, 5, 6)
LEAST_MIRRORED = 2


def _end_x(o: HitObject) -> float:
    """x [px] at which an object ends."""
    return tail(o.slider)[0] if o.slider and o.slider.slides % 2 else o.x


def _way(objects: Sequence[HitObject]) -> float:
    """Px from the end of each object to the next, together."""
    return sum(abs(b.x - _end_x(a)) for a, b in pairwise(objects))


def _around(beatmap: Beatmap, figure: Sequence[HitObject]) -> tuple[HitObject, HitObject] | None:
    """The objects before and after a figure, if there are such that are no spinners, within two beats of it."""
    first, last, objects = figure[0].index, figure[-1].index, beatmap.hit_objects
    if first == 0 or last + 1 >= len(objects):
        return None
    before, after = objects[first - 1], objects[last + 1]
    pause = 2 * beatmap.red_line_of(figure[0].time).beat_length + SAME_MS
    is_near = figure[0].time - before.end_time <= pause and after.time - figure[-1].end_time <= pause
    return (before, after) if is_near and ObjectKind.SPINNER not in (before.kind, after.kind) else None


def _is_column(objects: Sequence[HitObject]) -> bool:
    return max(o.x for o in objects) - min(o.x for o in objects) <= COLUMN_PX


def _has_columns(beatmap: Beatmap) -> bool:
    """Whether the map has fruits in columns as its style."""
    objects = beatmap.hit_objects
    rows = [objects[i : i + LEAST_FRUITS] for i in range(len(objects) - LEAST_FRUITS + 1)]
    return sum(_is_column(row) and all(map(is_circle, row)) for row in rows) > RARE_COLUMNS * len(rows)


# ---------------------------------------------------------------------------------------------------------------------
# Fruits


def _dragged_to_hyperdash(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """A fruit was dragged a quarter or half of a beat early in the timeline and has its place: the way to it is a hyperdash."""
    for one in in_turn(random, catch.movements(beatmap)):
        o = one.after.hit_object
        beat = beatmap.red_line_of(o.time).beat_length
        if one.after.part is not catch.Part.FRUIT or one.over_spinner or one.is_hyperdash:
            continue
        for beats in (0.25, 0.5):
            by = float(round(beats * beat))
            if (
                one.to_hyperdash < by
                and o.time - by - one.before.hit_object.end_time >= CLEAR_GAP_MS
                and not crosses_point(beatmap, o.time - by, o.time)
            ):
                early = moved_in_time(o, -by)
                note = f"fruit {beats:g} beats early, which makes a hyperdash"
                return replace(mistake_at(exchanged(beatmap, o, early), early, note), end=o.time)
    return None


def _upright(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """Some fruits of an even rhythm were turned by 90 degrees, as a key of the editor does: what went across goes down, so that they
    fall in a column. Only in a map without columns."""
    if _has_columns(beatmap):
        return None
    for figure in even_figures(beatmap, random, TURNED_FRUITS):
        xs, ys = [o.x for o in figure], [o.y for o in figure]
        x, y = (min(xs) + max(xs)) / 2, (min(ys) + max(ys)) / 2
        new = [replace(o, x=float(round(x + y - o.y)), y=float(round(y + o.x - x))) for o in figure]
        if max(xs) - min(xs) >= LEAST_WIDTH_PX and _is_column(new) and are_inside(new):
            return with_figure(beatmap, figure, new, f"{len(figure)} fruits turned by 90 degrees, in a column")
    return None


def _from_head(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """A fruit is as far from the head of the juice stream before it as it should be from its end: a fruit became the stream after
    the next one was placed."""
    for stream in in_turn(random, sliders_of(beatmap)):
        o = next(iter(beatmap.hit_objects[stream.index + 1 : stream.index + 2]), None)
        if (
            o is None
            or not is_circle(o)
            or o.time - stream.end_time > beatmap.red_line_of(o.time).beat_length + SAME_MS
        ):
            continue
        x = float(round(stream.x + o.x - _end_x(stream)))
        moved = replace(o, x=x)
        if 0 <= x <= WIDTH and _way((stream, moved)) - _way((stream, o)) >= LEAST_LEAP_PX:
            note = f"fruit at x {x:g} in place of {o.x:g}, placed from the head of the stream before"
            return mistake_at(exchanged(beatmap, o, moved), moved, note)
    return None


# ---------------------------------------------------------------------------------------------------------------------
# Measures


def _places_pasted(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """A measure was pasted over another of the same rhythm: the ways into and out of it are longer."""
    for inside, source in of_one_rhythm(beatmap, random):
        around = _around(beatmap, inside)
        new = [replace(s, line=o.line, index=o.index) for o, s in zip(inside, source, strict=True)]
        if around is None:
            continue
        before, after = around
        leap = _way((before, new[0])) + _way((new[-1], after)) - _way((before, inside[0])) - _way((inside[-1], after))
        if leap >= 2 * LEAST_LEAP_PX:
            return with_figure(
                beatmap, inside, new, f"{len(new)} objects at the places of a measure of the same rhythm"
            )
    return None


def _rhythm_only(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """The fruits of a measure are in the middle of the playfield: their rhythm was copied from taiko, and they have no places yet.
    Only in a map without columns."""
    if _has_columns(beatmap):
        return None
    places = stretches(beatmap, 1, LEAST_FRUITS)
    for start, end in best_in_turn(random, places, lambda place: has_copy(beatmap, *place)):
        inside = starting_in(beatmap, start, end)
        xs = [o.x for o in inside]
        if (
            all(map(is_circle, inside))
            and max(xs) - min(xs) >= LEAST_WIDTH_PX
            and inside[-1].index + 1 < len(beatmap.hit_objects)
        ):
            new = [replace(o, x=MIDDLE_X, y=192.0) for o in inside]
            return with_figure(beatmap, inside, new, f"{len(new)} fruits of a measure in the middle")
    return None


def _streams_mirrored(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """Only the juice streams of two measures were mirrored about the middle of the playfield, the fruits among them were not."""
    for start, end in in_turn(random, stretches(beatmap, 2)):
        inside = starting_in(beatmap, start, end)
        around = _around(beatmap, inside)
        streams = [o for o in inside if o.slider is not None]
        if around is None or len(streams) < LEAST_MIRRORED or sum(map(is_circle, inside)) < LEAST_MIRRORED:
            continue
        new = {o.index: relocated(o, lambda p: (WIDTH - p[0], p[1])) for o in streams}
        before, after = around
        placed = [new.get(o.index, o) for o in inside]
        if (
            all(o.kind is not ObjectKind.SPINNER for o in inside)
            and _way((before, *placed, after)) - _way((before, *inside, after)) >= 2 * LEAST_LEAP_PX
            and are_inside(list(new.values()))
        ):
            return with_figure(
                beatmap, inside, placed, f"{len(streams)} streams mirrored without the fruits among them"
            )
    return None


_P, _R, _S = Category.POSITIONS, Category.RHYTHM, Category.SLIDERS
FAULTS: tuple[Fault, ...] = (
    Fault("dragged-to-hyperdash", "", (_R, _P), ONLY_CATCH, _dragged_to_hyperdash),
    Fault("figure-upright", "", (_P,), ONLY_CATCH, _upright),
    Fault("placed-from-head", "", (_P,), ONLY_CATCH, _from_head),
    Fault("places-pasted", "1 measure", (_P, _S, Category.HITSOUNDS, Category.NEW_COMBOS), ONLY_CATCH, _places_pasted),
    Fault("rhythm-only", "1 measure", (_P,), ONLY_CATCH, _rhythm_only),
    Fault("streams-mirrored", "2 measures", (_P, _S), ONLY_CATCH, _streams_mirrored),
)
