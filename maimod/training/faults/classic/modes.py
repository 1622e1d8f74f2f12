"""Planted mistakes that only taiko, catch or mania can have."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from itertools import pairwise

from numpy.random import Generator

from maimod.findings import Category
from maimod.osu.beatmap import ONLY_CATCH, ONLY_MANIA, ONLY_TAIKO, WIDTH, Beatmap, HitObject, ObjectKind
from maimod.training.faults.base import (
    CLAP,
    CLEAR_GAP_MS,
    FINISH,
    Envelope,
    Fault,
    Planted,
    column_x,
    exchanged,
    in_turn,
    is_circle,
    mistake_at,
    pick,
    rebuild,
    rows_of,
)
from maimod.training.faults.classic.sliders import slider_length
from maimod.training.faults.colours import KAT
from maimod.training.faults.columns import holds_of, is_column_free

FRAME_MS = 1000 / 60
CATCHER_WIDTH = 106.75
"""Px at circle size 5 (lazer, `Catcher.BASE_SIZE`)."""
LONGEST_JUMP_MS = 400.0


def _colour(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    o = pick(random, [row.only for row in rows_of(beatmap)[1:-1] if row.only is not None and is_circle(row.only)])
    if o is None:
        return None
    is_kat = bool(o.hitsound & KAT)
    changed = replace(o, hitsound=o.hitsound & ~KAT if is_kat else o.hitsound | CLAP)
    return mistake_at(exchanged(beatmap, o, changed), o, "kat becomes don" if is_kat else "don becomes kat")


def _column(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    notes = [o for o in beatmap.hit_objects[1:-1] if o.kind is ObjectKind.CIRCLE]
    for o in in_turn(random, notes):
        near = [n for n in beatmap.hit_objects if n.time - CLEAR_GAP_MS < o.time < n.end_time + CLEAR_GAP_MS]
        column = pick(random, sorted(set(range(beatmap.keys)) - {beatmap.column(n) for n in near}))
        if column is not None:
            moved = replace(o, x=column_x(beatmap, column))
            return mistake_at(
                exchanged(beatmap, o, moved), moved, f"note of column {beatmap.column(o)} in column {column}"
            )
    return None


# ---------------------------------------------------------------------------------------------------------------------
# Taiko


def _finisher(dose: str, beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    is_big = dose == "lost"
    notes = [row.only for row in rows_of(beatmap)[1:-1] if row.only is not None and is_circle(row.only)]
    o = pick(random, [o for o in notes if bool(o.hitsound & FINISH) is is_big])
    if o is None:
        return None
    return mistake_at(exchanged(beatmap, o, replace(o, hitsound=o.hitsound ^ FINISH)), o, f"finisher {dose}")


# ---------------------------------------------------------------------------------------------------------------------
# Mania


def _columns_swapped(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """Two notes that follow each other change columns."""
    pairs = [(a.only, b.only) for a, b in pairwise(rows_of(beatmap)[1:-1])]
    for one, two in in_turn(random, pairs):
        if one is None or two is None or not is_circle(one) or not is_circle(two):
            continue
        columns = beatmap.column(one), beatmap.column(two)
        if (
            columns[0] == columns[1]
            or not is_column_free(beatmap, columns[1], one.time, one.time, but=two)
            or not is_column_free(beatmap, columns[0], two.time, two.time, but=one)
        ):
            continue
        x = {one.line: two.x, two.line: one.x}
        changed = rebuild(beatmap, hit_objects=[replace(o, x=x.get(o.line, o.x)) for o in beatmap.hit_objects])
        note = f"notes of columns {columns[0]} and {columns[1]} swapped"
        return Planted(changed, one.time, two.time, (one.index, two.index), note)
    return None


def _chord_note(dose: str, beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    rows = rows_of(beatmap)[1:-1]
    for row in in_turn(random, rows):
        o = pick(random, [o for o in row.objects if is_circle(o)])
        if o is None:
            continue
        if dose == "removed":
            if len(row.objects) < 2:
                continue
            changed = exchanged(beatmap, o)
            left = tuple(c.index for c in changed.hit_objects if c.line in {o.line for o in row.objects})
            return Planted(changed, o.time, o.time, left, f"note of column {beatmap.column(o)} taken from a chord")
        free = [c for c in range(beatmap.keys) if is_column_free(beatmap, c, o.time, o.time)]
        column = pick(random, free)
        if column is not None:
            added = replace(o, x=column_x(beatmap, column))
            return mistake_at(exchanged(beatmap, o, o, added), added, f"note added in column {column}")
    return None


def _hold_end(beats: float, beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    for o in in_turn(random, holds_of(beatmap)):
        beat = beatmap.red_line_at(o.end_time).beat_length
        end = float(round(o.end_time + beats * beat))
        if end - o.time >= beat / 4 - 1 and (
            beats < 0 or is_column_free(beatmap, beatmap.column(o), o.end_time, end, but=o)
        ):
            longer = replace(o, end_time=end)
            note = f"hold note ends 1/4 beat {'late' if beats > 0 else 'early'}"
            return mistake_at(exchanged(beatmap, o, longer), o, note, max(end, o.end_time))
    return None


def _hold_to_note(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    o = pick(random, holds_of(beatmap))
    if o is None:
        return None
    note = replace(o, kind=ObjectKind.CIRCLE, end_time=o.time)
    return mistake_at(exchanged(beatmap, o, note), note, "hold note became a note", o.end_time)


def _note_to_hold(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """A note is held for half a beat."""
    for o in in_turn(random, [o for o in beatmap.hit_objects[1:-1] if is_circle(o)]):
        end = float(round(o.time + beatmap.red_line_at(o.time).beat_length / 2))
        if is_column_free(beatmap, beatmap.column(o), o.time, end, but=o):
            held = replace(o, kind=ObjectKind.HOLD, end_time=end)
            return mistake_at(exchanged(beatmap, o, held), held, "note became a hold note", end)
    return None


# ---------------------------------------------------------------------------------------------------------------------
# Catch


def _hyperdash(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """A fruit is so far from the one before that the jump to it becomes a hyperdash (lazer, `CatchBeatmapProcessor`)."""
    half = CATCHER_WIDTH * (1 - 0.7 * (beatmap.difficulty.circle_size - 5) / 5) / 2

    def reach(before: HitObject, o: HitObject) -> float:
        """Px that the catcher can move and still catch."""
        return o.time - before.time - FRAME_MS / 4 + half

    def jumps(jump: tuple[HitObject, HitObject]) -> Iterator[float]:
        before, o = jump
        # Ten px more, because the catcher stands where the jumps before have brought it.
        return (x for side in (1, -1) if 0 <= (x := float(round(before.x + side * (reach(before, o) + 10)))) <= WIDTH)

    places = [
        jump
        for jump in pairwise(beatmap.hit_objects[:-1])
        if all(map(is_circle, jump))
        and jump[1].time - jump[0].time <= LONGEST_JUMP_MS
        and abs(jump[1].x - jump[0].x) < reach(*jump) - half
        and any(True for _ in jumps(jump))
    ]
    jump = pick(random, places)
    if jump is None:
        return None
    x = next(jumps(jump))
    moved = replace(jump[1], x=x)
    note = f"fruit moved from x {jump[1].x:g} to {x:g}: a hyperdash"
    return mistake_at(exchanged(beatmap, jump[1], moved), moved, note)


_H, _P, _R = Category.HITSOUNDS, Category.POSITIONS, Category.RHYTHM
FAULTS: tuple[Fault, ...] = (
    Fault("taiko-colour", "", (_H,), ONLY_TAIKO, _colour),
    *(Fault("taiko-finisher", dose, (_H,), ONLY_TAIKO, partial(_finisher, dose)) for dose in ("lost", "added")),
    *(
        Fault(
            "drum-roll-length", f"{percent:+d} %", (_R, Category.SLIDERS), ONLY_TAIKO, partial(slider_length, percent)
        )
        for percent in (-50, -25, 25, 50)
    ),
    Fault("mania-column", "", (_P,), ONLY_MANIA, _column),
    Fault("columns-swapped", "", (_P,), ONLY_MANIA, _columns_swapped),
    *(Fault("chord-note", dose, (_R, _P), ONLY_MANIA, partial(_chord_note, dose)) for dose in ("added", "removed")),
    *(
        Fault("hold-end", f"{name} beat", (_R,), ONLY_MANIA, partial(_hold_end, beats))
        for name, beats in (("-1/4", -0.25), ("+1/4", 0.25))
    ),
    Fault("hold-to-note", "", (_R,), ONLY_MANIA, _hold_to_note),
    Fault("note-to-hold", "", (_R,), ONLY_MANIA, _note_to_hold),
    Fault("hyperdash", "", (_P,), ONLY_CATCH, _hyperdash),
)
