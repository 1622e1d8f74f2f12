"""Changes of whole stretches: what is lost, moved or pasted together, and the same slip in every phrase."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace

import numpy as np
from numpy.random import Generator

from maimod.osu.beatmap import PLAYFIELD_MODES, HitObject, ObjectKind
from maimod.osu.hitsounds import CLAP, FINISH, WHISTLE
from maimod.training.corruption.copy import CLEAR_MS, KIND, MEASURE_SLOTS, CorruptedCopy

ADDITIONS = WHISTLE | FINISH | CLAP


def sounds_changed(copy: CorruptedCopy, i: int) -> bool:
    """One to four measures without additions, without finishes, or with the additions of the hits before or of another kind."""
    first = int(copy.starts[i])
    last = first + int(copy.random.choice([1, 2, 4])) * MEASURE_SLOTS - 1
    if not copy.is_clear(first, last):
        return False
    objects = [(k, o) for k in copy.between(first, last) if (o := copy.objects[k]) is not None]
    edges = [
        o.slider.edge_sounds or (o.hitsound,) * len(o.edge_times()) if o.slider else (o.hitsound,) for _, o in objects
    ]
    before = [bits & ADDITIONS for of_object in edges for bits in of_object]
    after = _other_additions(before, copy.random)
    changed = 0
    for (k, o), bits in zip(objects, edges, strict=True):
        mine, after = after[: len(bits)], after[len(bits) :]
        differing = [time for time, old, new in zip(o.edge_times(), bits, mine, strict=False) if old & ADDITIONS != new]
        if not differing:
            continue
        sounds = tuple(old & ~ADDITIONS | new for old, new in zip(bits, mine, strict=True))
        slider = replace(o.slider, edge_sounds=sounds) if o.slider else None
        copy.objects[k] = replace(o, hitsound=o.hitsound & ~ADDITIONS | (0 if o.slider else mine[0]), slider=slider)
        copy.mark("addition", *differing)
        changed += len(differing)
    if changed:
        copy.keep_clear(first, last)
    return changed > 0


def _other_additions(before: list[int], random: Generator) -> list[int]:
    """Additions of each hit of a stretch after a mistake."""
    draw = random.random()
    if draw < 0.45:
        return [0] * len(before)
    if draw < 0.65:
        by = int(random.choice([1, 1, 2]))
        return [*([0] * by), *before][: len(before)]
    if draw < 0.8:
        return [bits & ~FINISH for bits in before]
    if draw < 0.9:
        return [bits & FINISH | (bits & WHISTLE) << 2 | (bits & CLAP) >> 2 for bits in before]
    return before[:1] * len(before)


def colours_changed(copy: CorruptedCopy, i: int) -> bool:
    """A measure or less of taiko with the other colours, with one colour, or with those of the notes before."""
    first = int(copy.starts[i])
    last = first + int(copy.random.choice([2, 4, 8, MEASURE_SLOTS])) - 1
    if not copy.is_clear(first, last):
        return False
    notes = [(k, o) for k in copy.between(first, last) if (o := copy.objects[k]) and o.kind is ObjectKind.CIRCLE]
    rims, draw = [bool(o.hitsound & (WHISTLE | CLAP)) for _, o in notes], copy.random.random()
    if draw < 0.4:
        other = [draw < 0.2] * len(rims)
    else:
        other = [not rim for rim in rims] if draw < 0.75 else [*rims[:1], *rims[:-1]]
    for (k, o), was, rim in zip(notes, rims, other, strict=True):
        if was is not rim:
            copy.objects[k] = replace(o, hitsound=o.hitsound & ~(WHISTLE | CLAP) | (CLAP if rim else 0))
            copy.mark("addition", o.time)
    copy.keep_clear(first, last)
    return True


def combos_changed(copy: CorruptedCopy, i: int) -> bool:
    """One to four measures without flags of new combos, with many, or with every flag an object early or late."""
    first = int(copy.starts[i])
    last = first + int(copy.random.choice([1, 2, 4])) * MEASURE_SLOTS - 1
    chosen = [k for k in copy.between(first, last) if k]
    before = [bool((o := copy.objects[k]) and o.new_combo) for k in chosen]
    if not any(before) or not copy.is_clear(first, last):
        return False
    draw, later = copy.random.random(), [False, *before[:-1]]
    if draw < 0.4:
        after = [False] * len(before)
    elif draw < 0.8:
        after = later if draw < 0.6 else [*before[1:], False]
    else:
        every = int(copy.random.choice([1, 2]))
        after = [was or k % every == 0 for k, was in enumerate(before)]
    for k, was, new in zip(chosen, before, after, strict=True):
        o = copy.objects[k]
        if o is not None and was is not new:
            copy.objects[k] = replace(o, new_combo=new)
            copy.mark("combo", o.time)
    copy.keep_clear(first, last)
    return True


def spinner_changed(copy: CorruptedCopy, i: int) -> bool:
    """A spinner lost, or one that ends early or late."""
    spinners = [k for k, o in enumerate(copy.objects) if o and o.kind is ObjectKind.SPINNER]
    if not spinners:
        return False
    k = int(copy.random.choice(spinners))
    o, (before, after) = copy.objects[k], copy.around(k)
    slot = int(copy.starts[k])
    if o is None or before is None or after is None or not copy.is_clear(slot, slot):
        return False
    if copy.random.random() < 0.5:
        copy.objects[k] = None
        copy.mark("missing", o.time)
    else:
        end = float(round(o.end_time + copy.beat(o.time) * float(copy.random.choice([-2, -1, -1, -0.5, 0.5, 1]))))
        if not o.time + copy.beat(o.time) <= end <= after.time - CLEAR_MS:
            return False
        copy.objects[k] = replace(o, end_time=end)
        copy.mark("length", o.time)
    copy.keep_clear(slot, slot)
    return True


def late_paste(copy: CorruptedCopy, i: int) -> bool:
    """A half to four measures a quarter, a third or a half of a beat late or early."""
    first = int(copy.starts[i])
    last = first + int(copy.random.choice([0.5, 1, 2, 4]) * MEASURE_SLOTS) - 1
    chosen = copy.between(first, last)
    if len(chosen) < 3 or not copy.is_clear(first, last):
        return False
    moved = [o for k in chosen if (o := copy.objects[k]) is not None]
    by = round(copy.beat(moved[0].time) * float(copy.random.choice([-0.5, -0.25, -0.25, 0.25, 0.25, 1 / 3, 0.5])))
    ends = max(o.end_time for o in moved)
    before, after = copy.around(chosen[0])[0], copy.around(chosen[-1])[1]
    if before is not None and moved[0].time + by < before.end_time + CLEAR_MS:
        return False
    if after is not None and ends + by > after.time - CLEAR_MS:
        return False
    copy.mark("missing", *(o.time for o in moved))
    for k, o in zip(chosen, moved, strict=True):
        copy.objects[k] = replace(o, time=o.time + by, end_time=o.end_time + by)
    times = [o.time + by for o in moved]
    slots, _ = copy.grid.locate(times)
    copy.labels[slots, KIND["missing"]] = False
    copy.mark("extra", *times)
    copy.keep_clear(first - 2, last + 2)
    return True


def in_every_phrase(copy: CorruptedCopy, i: int) -> bool:
    """The same slip at the same place of several phrases: no new combo, no additions or no object."""
    o, period = copy.objects[i], int(copy.random.choice([1, 2, 2, 4, 4, 8])) * MEASURE_SLOTS
    if o is None:
        return False
    wanted = int(copy.random.integers(3, 8))
    places = np.flatnonzero((copy.starts - copy.starts[i]) % period == 0)
    places = places[np.argsort(np.abs(copy.starts[places] - copy.starts[i]), kind="stable")][: 2 * wanted]
    slips = (_no_addition, _no_object, _no_combo)
    slip = slips[int(copy.random.integers(3 if copy.beatmap.mode in PLAYFIELD_MODES else 2))]
    made = 0
    for k in places.tolist():
        slot = int(copy.starts[k])
        if made < wanted and copy.is_clear(slot, slot) and slip(copy, k):
            copy.keep_clear(slot, slot)
            made += 1
    return made > 0


def _no_combo(copy: CorruptedCopy, i: int) -> bool:
    o = copy.objects[i]
    if o is None or i == 0 or not o.new_combo or o.kind is ObjectKind.SPINNER:
        return False
    copy.objects[i] = replace(o, new_combo=False)
    copy.mark("combo", o.time)
    return True


def _no_addition(copy: CorruptedCopy, i: int) -> bool:
    o = copy.objects[i]
    if o is None or o.slider or o.kind is ObjectKind.SPINNER or not o.hitsound & ADDITIONS:
        return False
    copy.objects[i] = replace(o, hitsound=o.hitsound & ~ADDITIONS)
    copy.mark("addition", o.time)
    return True


def _no_object(copy: CorruptedCopy, i: int) -> bool:
    o, (before, after) = copy.objects[i], copy.around(i)
    if o is None or before is None or after is None or o.kind is not ObjectKind.CIRCLE or o.new_combo:
        return False
    copy.objects[i] = None
    copy.mark("missing", o.time)
    return True


def columns_changed(copy: CorruptedCopy, i: int) -> bool:
    """Mania: up to two measures with columns mirrored, exchanged, one to the side, or without the notes of a column."""
    keys, first = copy.beatmap.keys, int(copy.starts[i])
    last = first + int(copy.random.choice([1, 2, 4, 8, MEASURE_SLOTS, 2 * MEASURE_SLOTS])) - 1
    chosen = copy.between(first, last)
    notes = [o for k in chosen if (o := copy.objects[k]) is not None]
    if len(notes) < 2 or any(o.kind is ObjectKind.HOLD for o in notes) or not copy.is_clear(first, last):
        return False
    before = [copy.beatmap.column(o) for o in notes]
    to = _other_columns(keys, before, copy.random)
    after = [to[column] for column in before]
    slots = copy.starts[chosen].tolist()
    kept = Counter(slot for slot, column in zip(slots, after, strict=True) if column is not None)
    was, now = (
        {slot: {column for at, column in zip(slots, columns, strict=True) if at == slot} for slot in slots}
        for columns in (before, after)
    )
    if not kept or any(column is not None and not 0 <= column < keys for column in after):
        return False
    for k, o, column in zip(chosen, notes, after, strict=True):
        slot = int(copy.starts[k])
        copy.objects[k] = None if column is None else replace(o, x=float(round(512 * (column + 0.5) / keys)))
        if was[slot] != now[slot]:
            copy.mark("missing" if None in now[slot] else "place", o.time)
    copy.keep_clear(first, last)
    return True


def _other_columns(keys: int, before: list[int], random: Generator) -> dict[int, int | None]:
    """The column that each column becomes; None where its notes are lost."""
    draw = random.random()
    to: dict[int, int | None] = {column: column for column in range(keys)}
    if draw < 0.3:
        return {column: keys - 1 - column for column in to}
    if draw < 0.6:
        one, two = (int(random.choice(before)) for _ in range(2))
        return to | {one: two, two: one}
    if draw < 0.8:
        by = int(random.choice([-1, 1]))
        return {column: column + by for column in to}
    return to | {int(random.choice(before)): None}


def holds_changed(copy: CorruptedCopy, i: int) -> bool:
    """Mania: the holds of a measure or two end early, become notes, or one of them is let go in between."""
    first = int(copy.starts[i])
    last = first + int(copy.random.choice([1, 2])) * MEASURE_SLOTS - 1
    holds = [
        (k, o) for k in copy.between(first, last) if (o := copy.objects[k]) is not None and o.kind is ObjectKind.HOLD
    ]
    if not holds or not copy.is_clear(first, last):
        return False
    if copy.random.random() < 0.4:
        return _let_go(copy, *holds[int(copy.random.integers(len(holds)))])
    by = float(copy.random.choice([0.25, 0.25, 0.5, math.inf]))
    changed = 0
    for k, o in holds:
        end = max(o.time, float(round(o.end_time - by * copy.beat(o.time)))) if by < math.inf else o.time
        if end <= o.time and by < math.inf:
            continue
        kind = ObjectKind.HOLD if end > o.time else ObjectKind.CIRCLE
        copy.objects[k] = replace(o, kind=kind, end_time=end)
        copy.mark("length", o.time)
        changed += 1
    if changed:
        copy.keep_clear(first, last)
    return changed > 0


def _let_go(copy: CorruptedCopy, k: int, o: HitObject) -> bool:
    """A hold becomes two, with a quarter of a beat between them."""
    beat = copy.beat(o.time)
    parts = int(o.duration / beat * 2)
    if parts < 2:
        return False
    start = float(round(o.time + beat / 2 * int(copy.random.integers(1, parts))))
    if start > o.end_time - CLEAR_MS:
        return False
    copy.objects[k] = replace(o, end_time=float(round(start - beat / 4)))
    copy.added.append(replace(o, time=start))
    copy.mark("length", o.time)
    copy.mark("extra", start)
    copy.keep_clear(*(int(slot) for slot in copy.grid.locate([o.time, o.end_time])[0]))
    return True
