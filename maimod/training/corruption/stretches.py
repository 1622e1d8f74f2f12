"""Changes of whole stretches: what is lost, moved or pasted together, and the same slip in every phrase."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from maimod.osu.beatmap import HitObject, Mode, ObjectKind
from maimod.training.corruption.copy import CLEAR_MS, KIND, MEASURE_SLOTS, Tampered


def sounds_lost(copy: Tampered, i: int) -> bool:
    """No additions in one to four measures."""
    first = int(copy.starts[i])
    last = first + int(copy.random.choice([1, 2, 4])) * MEASURE_SLOTS - 1
    if not copy.is_clear(first, last):
        return False
    lost = 0
    for k in copy.between(first, last):
        o = copy.objects[k]
        if o is None:
            continue
        times = o.edge_times()
        edges = o.slider.edge_sounds or (o.hitsound,) * len(times) if o.slider else (o.hitsound,)
        played = [time for time, bits in zip(times, edges, strict=False) if bits & 14]
        if not played:
            continue
        silent = replace(o.slider, edge_sounds=tuple(bits & ~14 for bits in edges)) if o.slider else None
        copy.objects[k] = replace(o, hitsound=o.hitsound & ~14, slider=silent)
        copy.mark("addition", *played)
        lost += len(played)
    if lost:
        copy.keep_clear(first, last)
    return lost > 0


def colours_lost(copy: Tampered, i: int) -> bool:
    """A measure or less of taiko with the other colours, or with one colour."""
    first = int(copy.starts[i])
    last = first + int(copy.random.choice([2, 4, 8, MEASURE_SLOTS])) - 1
    if not copy.is_clear(first, last):
        return False
    draw = copy.random.random()
    for k in copy.between(first, last):
        o = copy.objects[k]
        if o is None or o.kind is not ObjectKind.CIRCLE:
            continue
        bits = o.hitsound & ~10 if o.hitsound & 10 else o.hitsound | 8
        if draw < 0.5:
            bits = o.hitsound & ~10 if draw < 0.25 else o.hitsound & ~10 | 8
        if bool(bits & 10) is not bool(o.hitsound & 10):
            copy.objects[k] = replace(o, hitsound=bits)
            copy.mark("addition", o.time)
    copy.keep_clear(first, last)
    return True


def late_paste(copy: Tampered, i: int) -> bool:
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


def in_every_phrase(copy: Tampered, i: int) -> bool:
    """The same slip at the same place of several phrases: no new combo, no additions or no object."""
    o, period = copy.objects[i], int(copy.random.choice([1, 2, 2, 4, 4, 8])) * MEASURE_SLOTS
    if o is None:
        return False
    wanted = int(copy.random.integers(3, 8))
    places = np.flatnonzero((copy.starts - copy.starts[i]) % period == 0)
    places = places[np.argsort(np.abs(copy.starts[places] - copy.starts[i]), kind="stable")][: 2 * wanted]
    slips = (_no_addition, _no_object, _no_combo)
    slip = slips[int(copy.random.integers(3 if copy.beatmap.mode in (Mode.OSU, Mode.CATCH) else 2))]
    made = 0
    for k in places.tolist():
        slot = int(copy.starts[k])
        if made < wanted and copy.is_clear(slot, slot) and slip(copy, k):
            copy.keep_clear(slot, slot)
            made += 1
    return made > 0


def _no_combo(copy: Tampered, i: int) -> bool:
    o = copy.objects[i]
    if o is None or i == 0 or not o.new_combo or o.kind is ObjectKind.SPINNER:
        return False
    copy.objects[i] = replace(o, new_combo=False)
    copy.mark("combo", o.time)
    return True


def _no_addition(copy: Tampered, i: int) -> bool:
    o = copy.objects[i]
    if o is None or o.slider or o.kind is ObjectKind.SPINNER or not o.hitsound & 14:
        return False
    copy.objects[i] = replace(o, hitsound=o.hitsound & ~14)
    copy.mark("addition", o.time)
    return True


def _no_object(copy: Tampered, i: int) -> bool:
    o, (before, after) = copy.objects[i], copy.around(i)
    if o is None or before is None or after is None or o.kind is not ObjectKind.CIRCLE or o.new_combo:
        return False
    copy.objects[i] = None
    copy.mark("missing", o.time)
    return True


def figure_moved(copy: Tampered, i: int) -> bool:
    """Two to six objects moved together or mirrored."""
    chosen = list(range(i, min(i + int(copy.random.integers(2, 7)), len(copy.objects))))
    first, last = int(copy.starts[chosen[0]]), int(copy.starts[chosen[-1]])
    if last - first > 2 * MEASURE_SLOTS or not copy.is_clear(first, last):
        return False
    figure = [copy.objects[k] for k in chosen]
    dx, dy = (float(round(v)) for v in copy.random.normal(0, 60, size=2))
    mirror_x, mirror_y = bool(copy.random.random() < 0.4), bool(copy.random.random() < 0.3)
    if copy.beatmap.mode is Mode.CATCH:
        dy, mirror_y = 0.0, False
    if mirror_x or mirror_y:
        dx = dy = 0.0
    elif abs(dx) + abs(dy) < 12:
        return False

    def at(point: tuple[float, float]) -> tuple[float, float]:
        x, y = point
        return (512 - x if mirror_x else x) + dx, (384 - y if mirror_y else y) + dy

    changed: list[HitObject] = []
    for o in figure:
        if o is None or o.kind is ObjectKind.SPINNER:
            return False
        slider = replace(o.slider, control_points=tuple(map(at, o.slider.control_points))) if o.slider else None
        x, y = at((o.x, o.y))
        end_x, end_y = slider.control_points[-1] if slider else (x, y)
        if not all(0 <= v <= limit for v, limit in ((x, 512), (end_x, 512), (y, 384), (end_y, 384))):
            return False
        changed.append(replace(o, x=x, y=y, slider=slider))
    for k, o in zip(chosen, changed, strict=True):
        copy.objects[k] = o
        copy.mark("place", o.time)
    copy.keep_clear(first, last)
    return True


def columns_mirrored(copy: Tampered, i: int) -> bool:
    """Mania: up to a measure with its columns mirrored, or two notes in turn with each other's column."""
    keys, first = copy.beatmap.keys, int(copy.starts[i])
    last = first + int(copy.random.choice([1, 2, 4, 8, MEASURE_SLOTS])) - 1
    chosen = copy.between(first, last)
    held = {o.kind for k in chosen if (o := copy.objects[k]) is not None}
    if len(chosen) < 2 or ObjectKind.HOLD in held or not copy.is_clear(first, last):
        return False
    for k in chosen:
        o = copy.objects[k]
        column = keys - 1 - copy.beatmap.column(o) if o is not None else 0
        if o is not None and column != copy.beatmap.column(o):
            copy.objects[k] = replace(o, x=float(round(512 * (column + 0.5) / keys)))
            copy.mark("place", o.time)
    copy.keep_clear(first, last)
    return True
