"""More planted mistakes that only taiko, catch or mania can have: colours of a measure, hyperdashes, chords, hands, holds."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from itertools import pairwise

from numpy.random import Generator

from maimod.findings import Category
from maimod.osu import catch
from maimod.osu.beatmap import ONLY_CATCH, ONLY_MANIA, ONLY_TAIKO, WIDTH, Beatmap, HitObject, ObjectKind
from maimod.training.faults.base import (
    CLEAR_GAP_MS,
    FINISH,
    Envelope,
    Fault,
    Planted,
    best_in_turn,
    exchanged,
    has_copy,
    in_turn,
    is_circle,
    mistake_at,
    over,
    rows_of,
    starting_in,
    stretches,
    with_objects,
)
from maimod.training.faults.colours import coloured, is_kat
from maimod.training.faults.columns import are_free, columns_of, holds_of, moved_to

LEAST_NOTES = 4
LEAST_HOLDS = 3
RARE_JACKS = 0.25
"""Share of rows that repeat a column of the row before, above which jacks are the map's style."""
HYPERDASH_TO_PX = 12.0
"""Px that a lost hyperdash is short of one."""


# ---------------------------------------------------------------------------------------------------------------------
# Taiko


def _colours(dose: str, beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """Don and kat of a measure exchanged, or all colours one note late."""
    places = stretches(beatmap, 1, LEAST_NOTES)
    for place in best_in_turn(random, places, lambda place: has_copy(beatmap, *place)):
        notes = [o for o in starting_in(beatmap, *place) if is_circle(o)]
        kats = [is_kat(o) for o in notes]
        other = [not kat for kat in kats] if dose == "exchanged" else [kats[-1], *kats[:-1]]
        if len(notes) < LEAST_NOTES or sum(a != b for a, b in zip(kats, other, strict=True)) < 2 or len(set(kats)) < 2:
            continue
        new = {o.index: coloured(o, kat) for o, kat in zip(notes, other, strict=True)}
        how = "exchanged" if dose == "exchanged" else "one note late"
        return over(with_objects(beatmap, new), *place, f"colours of a measure {how}")
    return None


def _finisher_late(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """A finisher is on the note after its own."""
    pairs = [
        (a, b)
        for a, b in pairwise(beatmap.hit_objects[1:-1])
        if is_circle(a)
        and is_circle(b)
        and a.hitsound & FINISH
        and not b.hitsound & FINISH
        and CLEAR_GAP_MS < b.time - a.time <= beatmap.red_line_of(a.time).beat_length * 1.05
    ]
    for a, b in in_turn(random, pairs):
        new = {o.index: replace(o, hitsound=o.hitsound ^ FINISH) for o in (a, b)}
        return Planted(with_objects(beatmap, new), a.time, b.time, (a.index, b.index), "finisher one note late")
    return None


# ---------------------------------------------------------------------------------------------------------------------
# Catch


def _hyperdash_lost(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """A fruit is closer to the one before, so that a hyperdash becomes a hard dash."""
    jumps = [
        one
        for one in catch.movements(beatmap)
        if one.is_hyperdash and one.after.part is catch.Part.FRUIT and not one.over_spinner
    ]
    for jump in in_turn(random, jumps):
        o = jump.after.hit_object
        x = float(round(jump.after.x + jump.direction * (jump.to_hyperdash - HYPERDASH_TO_PX)))
        if (x - jump.before.x) * jump.direction > 0 and 0 <= x <= WIDTH:
            moved = replace(o, x=x)
            note = f"fruit moved from x {o.x:g} to {x:g}: no hyperdash"
            return mistake_at(exchanged(beatmap, o, moved), moved, note)
    return None


# ---------------------------------------------------------------------------------------------------------------------
# Mania


def _jack(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """A single note repeats the column of the note before it, in a map with few such jacks."""
    rows = rows_of(beatmap)
    jacks = sum(bool(columns_of(beatmap, a) & columns_of(beatmap, b)) for a, b in pairwise(rows))
    if jacks > RARE_JACKS * len(rows):
        return None
    for i in in_turn(random, range(1, len(rows) - 1)):
        before, o = rows[i - 1].only, rows[i].only
        beat = beatmap.red_line_of(rows[i].time).beat_length
        if (
            before is None
            or o is None
            or not (is_circle(before) and is_circle(o))
            or rows[i].time - before.time > beat / 2 + 3
            or beatmap.column(before) == beatmap.column(o)
        ):
            continue
        moved = moved_to(beatmap, o, beatmap.column(before))
        if are_free(beatmap, [moved]):
            note = f"note of column {beatmap.column(o)} in column {beatmap.column(moved)}: a jack"
            return mistake_at(exchanged(beatmap, o, moved), moved, note)
    return None


def _chord_shifted(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """All notes of a chord are one column off."""
    by = 1 if random.random() < 0.5 else -1
    for row in in_turn(random, [row for row in rows_of(beatmap)[1:-1] if len(row.objects) >= 2]):
        for step in (by, -by):
            columns = [beatmap.column(o) + step for o in row.objects]
            if not all(is_circle(o) for o in row.objects) or min(columns) < 0 or max(columns) >= beatmap.keys:
                continue
            new = [moved_to(beatmap, o, column) for o, column in zip(row.objects, columns, strict=True)]
            if are_free(beatmap, new):
                changed = with_objects(beatmap, {o.index: o for o in new})
                return Planted(changed, row.time, row.time, tuple(o.index for o in new), f"chord {step:+d} column")
    return None


def _columns_exchanged(dose: str, beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """The hands of a measure, or two columns beside each other, are exchanged."""
    for start, end in in_turn(random, stretches(beatmap, 1, LEAST_NOTES)):
        inside = starting_in(beatmap, start, end)
        first = int(random.integers(max(beatmap.keys - 1, 1)))
        other = {first: first + 1, first + 1: first}
        new = []
        for o in inside:
            column = beatmap.column(o)
            to = beatmap.keys - 1 - column if dose == "hands" else other.get(column, column)
            if to != column:
                new.append(moved_to(beatmap, o, to))
        if len(new) < 2 or max(o.end_time for o in inside) > end + CLEAR_GAP_MS:
            continue
        changed = with_objects(beatmap, {o.index: o for o in new})
        if are_free(beatmap, new) and changed != beatmap and _differs(beatmap, changed, start, end):
            return over(changed, start, end, f"{dose} of a measure exchanged")
    return None


def _differs(beatmap: Beatmap, changed: Beatmap, start: float, end: float) -> bool:
    """Whether the rows of a stretch have other columns than before."""

    def columns(one: Beatmap) -> list[tuple[float, int]]:
        return sorted((o.time, one.column(o)) for o in starting_in(one, start, end))

    return columns(beatmap) != columns(changed)


def _column_lost(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """A column has no notes for a measure, in which the measures around it have some."""
    for start, end in in_turn(random, stretches(beatmap, 1, LEAST_NOTES)):
        length = end - start

        def of(column: int, low: float, high: float) -> list[HitObject]:
            return [o for o in starting_in(beatmap, low, high) if beatmap.column(o) == column]

        for column in in_turn(random, range(beatmap.keys)):
            lost = of(column, start, end)
            if len(lost) >= 2 and of(column, start - length, start) and of(column, end, end + length):
                changed = with_objects(beatmap, dict.fromkeys([o.index for o in lost]))
                last = max(o.end_time for o in lost)
                planted = over(changed, lost[0].time, max(last, lost[-1].time + CLEAR_GAP_MS), "")
                note = f"{len(lost)} notes of column {column} deleted"
                places = tuple((o.time, o.time) for o in lost)
                beside = planted.objects or (min(lost[0].index, len(changed.hit_objects) - 1),)
                return replace(planted, note=note, objects=beside, places=places)
    return None


def _hold_broken(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """A hold note of a beat or more in two parts, a quarter beat apart."""
    for o in in_turn(random, holds_of(beatmap)):
        beat = beatmap.red_line_of(o.time).beat_length
        half = o.time + round(o.duration / beat / 2 * 4) / 4 * beat
        first_end = half - beat / 4
        if o.duration < beat - 3 or first_end - o.time < beat / 4 - 1 or o.end_time - half < beat / 4 - 1:
            continue
        one = replace(o, end_time=float(round(first_end)))
        two = replace(o, time=float(round(half)), new_combo=False, combo_skip=0, hitsound=0)
        planted = mistake_at(exchanged(beatmap, o, one, two), one, "hold note in two parts", o.end_time)
        index = next(c.index for c in planted.beatmap.hit_objects if c.line == o.line and c.time == two.time)
        return replace(planted, objects=(planted.objects[0], index))
    return None


def _holds_shortened(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """All hold notes of two measures end a quarter beat early."""
    for start, end in in_turn(random, stretches(beatmap, 2)):
        inside = starting_in(beatmap, start, end)
        by = beatmap.red_line_of(start).beat_length / 4
        holds = [o for o in inside if o.kind is ObjectKind.HOLD and o.duration >= 2 * by - 1]
        if len(holds) >= LEAST_HOLDS and 2 * len(holds) >= sum(o.kind is ObjectKind.HOLD for o in inside):
            changed = with_objects(
                beatmap, {o.index: replace(o, end_time=float(round(o.end_time - by))) for o in holds}
            )
            planted = over(changed, start, end, f"{len(holds)} hold notes end 1/4 beat early")
            return replace(planted, end=max(end, *(o.end_time for o in holds)))
    return None


_H, _P, _R = Category.HITSOUNDS, Category.POSITIONS, Category.RHYTHM
FAULTS: tuple[Fault, ...] = (
    *(Fault("taiko-colours", dose, (_H,), ONLY_TAIKO, partial(_colours, dose)) for dose in ("exchanged", "one late")),
    Fault("finisher-late", "", (_H,), ONLY_TAIKO, _finisher_late),
    Fault("hyperdash-lost", "", (_P,), ONLY_CATCH, _hyperdash_lost),
    Fault("accidental-jack", "", (_P,), ONLY_MANIA, _jack),
    Fault("chord-shifted", "", (_P,), ONLY_MANIA, _chord_shifted),
    *(
        Fault("columns-exchanged", dose, (_P,), ONLY_MANIA, partial(_columns_exchanged, dose))
        for dose in ("hands", "two columns")
    ),
    Fault("column-lost", "", (_R, _P), ONLY_MANIA, _column_lost),
    Fault("hold-broken", "", (_R,), ONLY_MANIA, _hold_broken),
    Fault("holds-shortened", "2 measures", (_R,), ONLY_MANIA, _holds_shortened),
)
