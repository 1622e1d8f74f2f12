"""Notes in the columns of mania: rows, hold notes and free places. Times in ms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from maimod.osu.beatmap import Beatmap, HitObject, ObjectKind
from maimod.osu.timing import TICKS_PER_BEAT
from maimod.training.faults.base import CLEAR_GAP_MS, Planted, Row, column_x, starting_in


def is_column_free(beatmap: Beatmap, column: int, start: float, end: float, but: HitObject | None = None) -> bool:
    """Whether a column has no note from `start` to `end` [ms] and close to them."""
    return not any(
        n is not but
        and beatmap.column(n) == column
        and n.time < end + CLEAR_GAP_MS
        and n.end_time > start - CLEAR_GAP_MS
        for n in beatmap.hit_objects
    )


def holds_of(beatmap: Beatmap) -> list[HitObject]:
    """Hold notes, without the first and the last object."""
    return [o for o in beatmap.hit_objects[1:-1] if o.kind is ObjectKind.HOLD]


def columns_of(beatmap: Beatmap, row: Row) -> set[int]:
    """Columns with a note in the row."""
    return {beatmap.column(o) for o in row.objects}


def moved_to(beatmap: Beatmap, o: HitObject, column: int) -> HitObject:
    """The note in another column."""
    return replace(o, x=column_x(beatmap, column))


def are_free(beatmap: Beatmap, new: Sequence[HitObject]) -> bool:
    """Whether notes in other columns run into no other note, of the map or of themselves."""
    indices = {o.index for o in new}
    first, last = min(o.time for o in new), max(o.end_time for o in new)
    close = [
        o
        for o in beatmap.hit_objects
        if o.index not in indices and o.time < last + CLEAR_GAP_MS and o.end_time > first - CLEAR_GAP_MS
    ]
    every = [*close, *new]
    return not any(
        a is not b
        and beatmap.column(a) == beatmap.column(b)
        and a.time < b.end_time + CLEAR_GAP_MS
        and a.end_time > b.time - CLEAR_GAP_MS
        for a in new
        for b in every
    )


def rows_in(beatmap: Beatmap, start: float, end: float) -> list[Row]:
    """Rows that start in a stretch [ms]."""
    rows: dict[int, list[HitObject]] = {}
    for o in starting_in(beatmap, start, end):
        rows.setdefault(round(o.time), []).append(o)
    return [Row(group[0].time, tuple(group)) for group in rows.values()]


def of_lines(changed: Beatmap, new: Sequence[HitObject], all_: Sequence[HitObject], note: str) -> Planted:
    """A mistake of the notes `new`, over the time of `all_` of them, as they were and as they are."""
    wanted = {(o.line, o.time, o.x) for o in new}
    objects = tuple(o.index for o in changed.hit_objects if (o.line, o.time, o.x) in wanted)
    return Planted(changed, min(o.time for o in all_), max(o.end_time for o in all_), objects, note)


def on_tick(beatmap: Beatmap, time: float, place: float) -> float:
    """A time [ms] on the closest 1/48 beat of the tempo at `place` [ms], in whole ms."""
    red = beatmap.red_line_of(place)
    tick = red.beat_length / TICKS_PER_BEAT
    return float(round(red.time + round((time - red.time) / tick) * tick))
