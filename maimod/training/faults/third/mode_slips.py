"""Planted mistakes that only taiko, catch or mania can have: colours of bursts, hyperdashes one fruit late,
torn chords, repeated columns and holds."""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise

from numpy.random import Generator

from maimod.findings import Category
from maimod.osu import catch
from maimod.osu.beatmap import ONLY_CATCH, ONLY_MANIA, ONLY_TAIKO, WIDTH, Beatmap, HitObject, ObjectKind
from maimod.training.faults.base import (
    CLEAR_GAP_MS,
    SAME_MS,
    Envelope,
    Fault,
    Planted,
    Row,
    exchanged,
    in_turn,
    is_circle,
    is_on_tick,
    mistake_at,
    moved_in_time,
    over,
    pick,
    rebuild,
    rows_of,
    with_objects,
)
from maimod.training.faults.bursts import bursts_of
from maimod.training.faults.colours import coloured, is_kat
from maimod.training.faults.columns import are_free, columns_of, holds_of, moved_to, rows_in
from maimod.training.faults.passages import COPY_MEASURES

LEAST_ALIKE = 3
"""A colour pattern that occurs so often in bursts is the map's habit."""
RARE_REPEATS = 0.1
"""Share of beats whose columns repeat those of the beat before, above which this is the map's style."""
LEAST_ROWS = 3


# ---------------------------------------------------------------------------------------------------------------------
# Taiko


def _colours(burst: Sequence[HitObject]) -> tuple[bool, ...]:
    return tuple(is_kat(o) for o in burst)


def _note_bursts(beatmap: Beatmap) -> list[list[HitObject]]:
    """Bursts of notes, without drum rolls."""
    return [[row.objects[0] for row in rows] for rows in bursts_of(beatmap) if all(is_circle(row.only) for row in rows)]


def _recoloured(beatmap: Beatmap, burst: Sequence[HitObject], colours: Sequence[bool], note: str) -> Planted:
    new = {o.index: coloured(o, kat) for o, kat in zip(burst, colours, strict=True)}
    return over(with_objects(beatmap, new), burst[0].time, burst[-1].time + 2 * SAME_MS, note)


def _burst_reversed(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """A burst has its colours backwards, in a map where others have them forwards and none backwards."""
    of = _note_bursts(beatmap)
    counts = Counter(map(_colours, of))
    for burst in in_turn(random, of):
        colours = _colours(burst)
        if counts[colours] >= LEAST_ALIKE and not counts[colours[::-1]]:
            return _recoloured(beatmap, burst, colours[::-1], f"colours of a burst of {len(burst)} notes backwards")
    return None


def _burst_pasted(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """A burst has the colours of another, where the one some measures before or after has those that it had."""
    of = _note_bursts(beatmap)
    by_start = {round(burst[0].time): _colours(burst) for burst in of}

    def has_alike(burst: Sequence[HitObject]) -> bool:
        red = beatmap.red_line_of(burst[0].time)
        steps = [sign * count * red.beat_length * red.meter for count in COPY_MEASURES for sign in (-1, 1)]
        starts = [round(burst[0].time + step) + off for step in steps for off in (-1, 0, 1)]
        return any(by_start.get(start) == _colours(burst) for start in starts)

    for burst in in_turn(random, of):
        own = _colours(burst)
        others = {_colours(one) for one in of if len(one) == len(burst)}
        colours = pick(random, [one for one in sorted(others) if sum(map(operator.ne, one, own)) >= 2])
        if colours is not None and has_alike(burst):
            return _recoloured(beatmap, burst, colours, f"colours of another burst of {len(burst)} notes")
    return None


# ---------------------------------------------------------------------------------------------------------------------
# Catch


def _hyperdash_late(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """A hyperdash is one fruit late: the short way comes before the wide one."""
    ways = catch.movements(beatmap)
    for one, two in in_turn(random, list(pairwise(ways))):
        o = one.after.hit_object
        if not (
            one.is_hyperdash
            and not two.is_hyperdash
            and one.after.part is catch.Part.FRUIT
            and two.after.part in (catch.Part.FRUIT, catch.Part.HEAD)
            and not (one.over_spinner or two.over_spinner)
        ):
            continue
        x = float(round(one.before.x + two.after.x - one.after.x))
        if not 0 <= x <= WIDTH:
            continue
        changed = exchanged(beatmap, o, replace(o, x=x))
        later = {way.after.time: way for way in catch.movements(changed)}
        if not later[o.time].is_hyperdash and later[two.after.time].is_hyperdash:
            after = two.after.hit_object
            note = f"fruit moved from x {o.x:g} to {x:g}: the hyperdash is one fruit late"
            return Planted(changed, o.time, after.time, (o.index, after.index), note)
    return None


# ---------------------------------------------------------------------------------------------------------------------
# Mania


def _chord_torn(beats: float, beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """A note of a chord is some ticks off the rest."""
    rows = rows_of(beatmap)
    sign = 1 if random.random() < 0.5 else -1
    for i in in_turn(random, range(1, len(rows) - 1)):
        notes = [o for o in rows[i].objects if is_circle(o)]
        if len(rows[i].objects) < 2 or not notes:
            continue
        o = notes[int(random.integers(len(notes)))]
        by = beats * beatmap.red_line_of(o.time).beat_length
        for move in (float(round(sign * by)), float(round(-sign * by))):
            moved = moved_in_time(o, move)
            if (
                rows[i - 1].time + CLEAR_GAP_MS <= moved.time <= rows[i + 1].time - CLEAR_GAP_MS
                and abs(move) >= CLEAR_GAP_MS
                and beatmap.red_line_of(moved.time) is beatmap.red_line_of(o.time)
                and are_free(beatmap, [moved])
            ):
                planted = mistake_at(exchanged(beatmap, o, moved), moved, f"note of a chord {move:+g} ms off it")
                return replace(planted, start=min(o.time, moved.time), end=max(o.time, moved.time))
    return None


def _beat_repeated(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """The beat before was pasted over a beat of the same rhythm, in a map that hardly ever repeats a beat."""
    places, repeats = [], 0
    for row in rows_of(beatmap):
        red = beatmap.red_line_of(row.time)
        beat = red.beat_length
        if not is_on_tick(beatmap, row.time, 1) or row.time - beat < red.time - SAME_MS:
            continue
        before, own = (rows_in(beatmap, start, start + beat) for start in (row.time - beat, row.time))
        if len(own) >= LEAST_ROWS and _have_one_rhythm(before, own, beat):
            others = sum(columns_of(beatmap, a) != columns_of(beatmap, b) for a, b in zip(before, own, strict=True))
            repeats += others == 0
            if others >= 2:
                places.append((before, own))
    if repeats > RARE_REPEATS * (len(places) + repeats):
        return None
    for before, own in in_turn(random, places):
        pasted = [
            replace(moved_in_time(o, b.time - a.time), new_combo=False, combo_skip=0)
            for a, b in zip(before, own, strict=True)
            for o in a.objects
        ]
        gone = {o.index for row in own for o in row.objects}
        kept = [o for o in beatmap.hit_objects if o.index not in gone]
        apart = rebuild(beatmap, hit_objects=kept)
        if are_free(apart, [replace(o, index=-1 - k) for k, o in enumerate(pasted)]):
            changed = rebuild(beatmap, hit_objects=[*kept, *pasted])
            note = f"the beat before pasted over {len(own)} rows"
            return over(changed, own[0].time, own[-1].time + 2 * SAME_MS, note)
    return None


def _have_one_rhythm(before: Sequence[Row], own: Sequence[Row], beat: float) -> bool:
    """Whether two beats have notes at the same times, and no holds."""
    return len(before) == len(own) and all(
        abs(b.time - a.time - beat) < SAME_MS and all(is_circle(o) for o in (*a.objects, *b.objects))
        for a, b in zip(before, own, strict=True)
    )


def _hold_moved(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """A hold note is one column off."""
    sign = 1 if random.random() < 0.5 else -1
    for o in in_turn(random, holds_of(beatmap)):
        for column in (beatmap.column(o) + sign, beatmap.column(o) - sign):
            moved = moved_to(beatmap, o, column)
            if 0 <= column < beatmap.keys and are_free(beatmap, [moved]):
                note = f"hold note of column {beatmap.column(o)} in column {column}"
                return mistake_at(exchanged(beatmap, o, moved), moved, note, o.end_time)
    return None


def _hold_to_ends(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """Notes where a hold note began and ended."""
    for o in in_turn(random, holds_of(beatmap)):
        if o.duration < beatmap.red_line_of(o.time).beat_length / 2 - SAME_MS:
            continue
        head = replace(o, kind=ObjectKind.CIRCLE, end_time=o.time)
        last = replace(head, time=o.end_time, end_time=o.end_time, new_combo=False, combo_skip=0, hitsound=0)
        planted = mistake_at(exchanged(beatmap, o, head, last), head, "notes at both ends of a hold note", o.end_time)
        index = next(c.index for c in planted.beatmap.hit_objects if c.line == o.line and c.time == last.time)
        return replace(planted, objects=(planted.objects[0], index))
    return None


def _notes_joined(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """Two notes of a column, half a beat to two beats apart, are one hold note."""
    by_column: dict[int, list[HitObject]] = {}
    for o in beatmap.hit_objects[1:-1]:
        by_column.setdefault(beatmap.column(o), []).append(o)
    pairs = [pair for column in by_column.values() for pair in pairwise(column) if all(map(is_circle, pair))]
    for a, b in in_turn(random, pairs):
        beat = beatmap.red_line_of(a.time).beat_length
        if beat / 2 - SAME_MS <= b.time - a.time <= 2 * beat + SAME_MS:
            held = replace(a, kind=ObjectKind.HOLD, end_time=b.time)
            changed = with_objects(beatmap, {a.index: held, b.index: None})
            return mistake_at(changed, held, f"two notes of column {beatmap.column(a)} joined", b.time)
    return None


def _hold_uneven(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """One of the hold notes that end together ends an eighth of a beat early."""
    ends: dict[int, list[HitObject]] = {}
    for o in holds_of(beatmap):
        ends.setdefault(round(o.end_time), []).append(o)
    for o in in_turn(random, [o for group in ends.values() if len(group) >= 2 for o in group]):
        by = beatmap.red_line_of(o.end_time).beat_length / 8
        if o.duration >= 3 * by and by >= CLEAR_GAP_MS:
            shorter = replace(o, end_time=float(round(o.end_time - by)))
            note = "one of the hold notes that end together ends 1/8 beat early"
            return mistake_at(exchanged(beatmap, o, shorter), o, note, o.end_time)
    return None


_H, _P, _R = Category.HITSOUNDS, Category.POSITIONS, Category.RHYTHM
FAULTS: tuple[Fault, ...] = (
    Fault("burst-reversed", "", (_H,), ONLY_TAIKO, _burst_reversed),
    Fault("burst-pasted", "", (_H,), ONLY_TAIKO, _burst_pasted),
    Fault("hyperdash-late", "", (_P,), ONLY_CATCH, _hyperdash_late),
    *(
        Fault("chord-torn", f"{name} beat", (_R,), ONLY_MANIA, partial(_chord_torn, beats))
        for name, beats in (("1/4", 0.25), ("1/8", 0.125))
    ),
    Fault("beat-repeated", "", (_P, _R), ONLY_MANIA, _beat_repeated),
    Fault("hold-moved", "", (_P,), ONLY_MANIA, _hold_moved),
    Fault("hold-to-ends", "", (_R,), ONLY_MANIA, _hold_to_ends),
    Fault("notes-joined", "", (_R,), ONLY_MANIA, _notes_joined),
    Fault("hold-uneven", "1/8 beat", (_R,), ONLY_MANIA, _hold_uneven),
)
