"""Corruption: many small changes in a good map, which the discriminator learns to detect.

Each change is labelled with its kind and its slots. The kinds are typical slips of mappers. Amounts and places are
drawn from wide ranges, without the code of :mod:`maimod.training.faults`, which evaluates the rules.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.random import Generator

from maimod.discriminator.features import COLUMN, NUMBER, SLOT_TICKS, SLOTS_PER_BEAT, Grid
from maimod.discriminator.prediction import KINDS
from maimod.osu.beatmap import Beatmap, HitObject, Mode, ObjectKind
from maimod.osu.slider_path import flatten, tail

KIND = {name: place for place, name in enumerate(KINDS)}
APART_SLOTS = 7
"""Slots between changes, so that each has unchanged surroundings."""
SLOTS_PER_CHANGE = 26
SLOTS_PER_STRETCH = 400
"""Slots for each change of a whole stretch: a paste, lost hitsounds, the same slip in every phrase."""
MEASURE_SLOTS = 4 * SLOTS_PER_BEAT
CLEAR_MS = 35.0


@dataclass
class Tampered:
    """A changed copy under construction."""

    beatmap: Beatmap
    grid: Grid
    random: Generator
    objects: list[HitObject | None]
    """Objects by time; None is removed."""
    added: list[HitObject]
    labels: np.ndarray
    """(n_slots, len(KINDS)) bool."""
    starts: np.ndarray
    """(n_objects,) slots of the objects."""
    taken: np.ndarray
    """(n_slots,) bool: too close to another change."""

    def mark(self, kind: str, *times: float) -> None:
        slots, _ = self.grid.locate(times)
        self.labels[slots, KIND[kind]] = True

    def beat(self, time: float) -> float:
        return self.beatmap.red_line_of(time).beat_length

    def keep_clear(self, first: int, last: int) -> None:
        """No other change from `APART_SLOTS` before slot `first` to as many after `last`."""
        self.taken[max(first - APART_SLOTS, 0) : last + APART_SLOTS + 1] = True

    def is_clear(self, first: int, last: int) -> bool:
        """Whether no slot from `first` to `last` is too close to another change."""
        return not self.taken[max(first, 0) : last + 1].any()

    def between(self, first: int, last: int) -> list[int]:
        """Objects that are left in the slots `first` to `last`, spinners excepted."""
        low, high = np.searchsorted(self.starts, [first, last + 1])
        return [k for k in range(low, high) if (o := self.objects[k]) is not None and o.kind is not ObjectKind.SPINNER]

    def around(self, i: int) -> tuple[HitObject | None, HitObject | None]:
        """The objects before and after; None at the ends of the map."""
        return self.objects[i - 1] if i else None, self.objects[i + 1] if i + 1 < len(self.objects) else None


def corrupt(beatmap: Beatmap, grid: Grid, random: Generator) -> tuple[Beatmap, np.ndarray]:
    """Corrupt a map.

    Returns:
        The changed map with objects by time, and (n_slots, len(KINDS)) bool: kinds of change in each slot.
    """
    in_order = sorted(beatmap.hit_objects, key=lambda o: (o.time, o.index))
    objects: list[HitObject | None] = [*in_order]
    starts, _ = grid.locate([o.time for o in in_order])
    copy = Tampered(
        beatmap,
        grid,
        random,
        objects,
        [],
        np.zeros((grid.count, len(KINDS)), dtype=bool),
        starts,
        np.zeros(grid.count, dtype=bool),
    )
    _change_stretches(copy)
    changes = CHANGES[beatmap.mode]
    weights = np.array([weight for _, weight in changes])
    wanted = max(2, grid.count // SLOTS_PER_CHANGE)
    for _ in range(2 * wanted):
        i = int(random.integers(len(objects)))
        slot = int(starts[i])
        if copy.objects[i] is None or copy.taken[slot]:
            continue
        change, _ = changes[int(random.choice(len(changes), p=weights / weights.sum()))]
        if change(copy, i):
            copy.keep_clear(slot, slot)
            wanted -= 1
            if not wanted:
                break
    changed = [o for o in copy.objects if o is not None] + copy.added
    changed.sort(key=lambda o: o.time)
    return replace(beatmap, hit_objects=tuple(replace(o, index=index) for index, o in enumerate(changed))), copy.labels


def corrupt_lines(
    categories: np.ndarray, numbers: np.ndarray, mode: Mode, labels: np.ndarray, random: Generator
) -> None:
    """Move borders of kiai, and change scroll speeds, volumes and sample sets of stretches, in the slots themselves."""
    _change_line_sounds(categories, numbers, labels, random)
    kiai = categories[:, COLUMN["kiai"]]
    borders = np.flatnonzero(np.diff(kiai.astype(np.int8))) + 1
    for border in borders:
        if random.random() < 0.4:
            by = int(random.choice([2, 4, 4, 8, 8, 12, 16])) * int(random.choice([-1, 1]))
            low, high = max(min(border, border + by), 0), min(max(border, border + by), len(kiai))
            kiai[low:high] = kiai[border] if by < 0 else kiai[border - 1]
            labels[low:high, KIND["kiai"]] = True
    if random.random() < 0.3 and len(borders):
        at, length = int(random.integers(len(kiai))), int(random.choice([4, 8, 16]))
        kiai[at : at + length] ^= 1
        labels[at : at + length, KIND["kiai"]] = True
    if mode in (Mode.TAIKO, Mode.MANIA):
        for _ in range(len(kiai) // 200):
            at, length = int(random.integers(len(kiai))), int(random.choice([1, 2, 4, 8, 16, 16, 16]))
            numbers[at : at + length, NUMBER["velocity"]] += random.choice(
                [-1.0, -0.7, -0.4, -0.25, 0.25, 0.4, 0.58, 1.0]
            )
            labels[at : at + length, KIND["velocity"]] = True


def _change_line_sounds(categories: np.ndarray, numbers: np.ndarray, labels: np.ndarray, random: Generator) -> None:
    """Give some stretches the volume or the sample set of another line, as a line does that was left or mistyped."""
    count = len(categories)
    for _ in range(int(random.poisson(count / (2 * SLOTS_PER_STRETCH)))):
        first, length = int(random.integers(count)), int(random.choice([4, 8, 16, 16, 32, 64]))
        at = slice(first, first + length)
        sounding = categories[at, COLUMN["hit"]] > 0
        if not sounding.any() or labels[at].any():
            continue
        if random.random() < 0.5:
            numbers[at, NUMBER["volume"]] = np.clip(
                numbers[at, NUMBER["volume"]] * random.choice([0.3, 0.5, 0.6, 0.7, 0.8, 1.3, 1.6]), 0.05, 1.0
            )
            labels[at, KIND["volume"]] |= sounding
            continue
        now = int(categories[first, COLUMN["line_set"]])
        other = int(random.choice([s for s in (1, 2, 3) if s != now]))
        for name in ("line_set", "normal_set", "addition_set"):
            sets = categories[at, COLUMN[name]]
            sets[(sets == now) & (sets > 0)] = other
        labels[at, KIND["sample_set"]] |= sounding & (categories[at, COLUMN["normal_set"]] == other)


# ---------------------------------------------------------------------------------------------------------------------
# Stretches


def _change_stretches(copy: Tampered) -> None:
    """Change whole stretches of a map, some of its phrases or none."""
    stretches = STRETCHES[copy.beatmap.mode]
    for _ in range(int(copy.random.poisson(copy.grid.count / SLOTS_PER_STRETCH))):
        i = int(copy.random.integers(len(copy.objects)))
        stretches[int(copy.random.integers(len(stretches)))](copy, i)


def _sounds_lost(copy: Tampered, i: int) -> bool:
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


def _colours_lost(copy: Tampered, i: int) -> bool:
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


def _late_paste(copy: Tampered, i: int) -> bool:
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


def _in_every_phrase(copy: Tampered, i: int) -> bool:
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


def _figure_moved(copy: Tampered, i: int) -> bool:
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


def _columns_mirrored(copy: Tampered, i: int) -> bool:
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


# ---------------------------------------------------------------------------------------------------------------------
# Rhythm


def _on_grid(copy: Tampered, time: float, like: float) -> float:
    """The tick of 1/4, 1/3 or 1/8 nearest to a time."""
    divisor = float(copy.random.choice([1, 2, 4, 4, 4, 8, 3, 6])) if like <= 0 else like
    red = copy.beatmap.red_line_of(time)
    step = red.beat_length / divisor
    return float(round(red.time + round((time - red.time) / step) * step))


def _extra(copy: Tampered, i: int) -> bool:
    o, (_, after) = copy.objects[i], copy.around(i)
    if o is None or after is None or o.kind is ObjectKind.SPINNER:
        return False
    gap = after.time - o.end_time
    if copy.beatmap.mode is Mode.MANIA:
        gap = after.time - o.time
    if not 2 * CLEAR_MS <= gap <= 4 * copy.beat(o.time):
        return False
    begin = after.time - gap
    if copy.random.random() < 0.6:
        time = float(round(begin + gap / 2))
    else:
        time = _on_grid(copy, begin + float(copy.random.uniform(0.1, 0.9)) * gap, 0)
    if time - begin < CLEAR_MS or after.time - time < CLEAR_MS:
        return False
    share = (time - begin) / gap
    end = tail(o.slider) if o.slider else (o.x, o.y)
    spread = float(copy.random.choice([0, 0, 20, 60]))
    x, y = (
        round(e + (a - e) * share + float(copy.random.normal()) * spread)
        for e, a in zip(end, (after.x, after.y), strict=True)
    )
    if copy.beatmap.mode is Mode.MANIA:
        x, y = round(512 * (int(copy.random.integers(copy.beatmap.keys)) + 0.5) / copy.beatmap.keys), 192
    hitsound = 0 if copy.random.random() < 0.6 else o.hitsound
    if copy.beatmap.mode is Mode.TAIKO:
        hitsound = int(copy.random.choice([0, 8]))
    copy.added.append(
        HitObject(
            o.index,
            o.line,
            ObjectKind.CIRCLE,
            time,
            time,
            float(min(max(x, 0), 512)),
            float(min(max(y, 0), 384)),
            False,
            0,
            1,
            hitsound,
            replace(o.sample, filename=""),
            None,
        )
    )
    copy.mark("extra", time)
    return True


def _missing(copy: Tampered, i: int) -> bool:
    o, (before, after) = copy.objects[i], copy.around(i)
    if o is None or before is None or after is None or o.kind is ObjectKind.SPINNER:
        return False
    if after.time - before.end_time > 3 * copy.beat(o.time) or (o.slider and copy.random.random() < 0.6):
        return False
    if o.new_combo and copy.random.random() < 0.8:
        return False
    if copy.beatmap.mode is Mode.MANIA and copy.starts[i] in (copy.starts[i - 1], copy.starts[i + 1]):
        return False
    copy.objects[i] = None
    copy.mark("missing", o.time)
    return True


def _moved_in_time(copy: Tampered, i: int) -> bool:
    o, (before, after) = copy.objects[i], copy.around(i)
    if (
        o is None
        or before is None
        or after is None
        or o.kind is ObjectKind.SPINNER
        or (o.slider and copy.random.random() < 0.5)
    ):
        return False
    sign = 1 if copy.random.random() < 0.5 else -1
    room = after.time - o.end_time if sign > 0 else o.time - before.end_time
    by = sign * (
        room / 2
        if copy.random.random() < 0.5
        else copy.beat(o.time) * float(copy.random.choice([0.125, 0.25, 0.25, 1 / 3, 0.5]))
    )
    if abs(by) > room - CLEAR_MS or abs(by) < 20:
        return False
    by = round(o.time + by) - o.time
    slot, _ = copy.grid.locate([o.time + by])
    if slot[0] == copy.starts[i]:
        copy.mark("extra", o.time)
    else:
        copy.mark("missing", o.time)
        copy.mark("extra", o.time + by)
    copy.objects[i] = replace(o, time=o.time + by, end_time=o.end_time + by)
    return True


def _is_column_free(copy: Tampered, i: int, column: int, start: float, end: float) -> bool:
    """Whether a mania column has no note but object i from `start` to `end` [ms] and close to them."""
    near = (copy.objects[k] for k in range(max(i - 24, 0), min(i + 24, len(copy.objects))) if k != i)
    return not any(
        n and copy.beatmap.column(n) == column and n.time - CLEAR_MS < end and n.end_time + CLEAR_MS > start
        for n in near
    )


def _chord(copy: Tampered, i: int) -> bool:
    """Mania: a note is taken from a chord, or added to a row."""
    o, keys = copy.objects[i], copy.beatmap.keys
    if o is None or o.kind is not ObjectKind.CIRCLE:
        return False
    row = [k for k in range(max(i - 9, 0), min(i + 10, len(copy.objects))) if copy.starts[k] == copy.starts[i]]
    if copy.random.random() < 0.5:
        if len(row) < 2:
            return False
        copy.objects[i] = None
        copy.mark("missing", o.time)
        return True
    column = int(copy.random.integers(keys))
    if column == copy.beatmap.column(o) or not _is_column_free(copy, i, column, o.time, o.time):
        return False
    copy.added.append(replace(o, x=float(round(512 * (column + 0.5) / keys))))
    copy.mark("extra", o.time)
    return True


def _hold(copy: Tampered, i: int) -> bool:
    """Mania: a hold note ends early or late or becomes a note, or a note is held."""
    o = copy.objects[i]
    if o is None or copy.random.random() < 0.5:
        # Hold notes are rare in most maps; half of these changes look for one close by.
        holds = [
            k
            for k in range(max(i - 12, 0), min(i + 12, len(copy.objects)))
            if (n := copy.objects[k]) is not None and n.kind is ObjectKind.HOLD and not copy.taken[copy.starts[k]]
        ]
        if not holds:
            return False
        i = int(copy.random.choice(holds))
        o = copy.objects[i]
    if o is None:
        return False
    beat = copy.beat(o.time)
    if o.kind is ObjectKind.HOLD and copy.random.random() < 0.3:
        changed = replace(o, kind=ObjectKind.CIRCLE, end_time=o.time)
    elif o.kind is ObjectKind.HOLD:
        end = float(round(o.end_time + beat * float(copy.random.choice([-1, -0.5, -0.25, -0.25, 0.25, 0.25, 0.5, 1]))))
        if end < o.time + beat / 4 - 2 or not _is_column_free(copy, i, copy.beatmap.column(o), o.time, end):
            return False
        changed = replace(o, end_time=end)
    elif o.kind is ObjectKind.CIRCLE:
        end = float(round(o.time + beat * float(copy.random.choice([0.25, 0.5, 0.5, 1, 2]))))
        if not _is_column_free(copy, i, copy.beatmap.column(o), o.time, end):
            return False
        changed = replace(o, kind=ObjectKind.HOLD, end_time=end)
    else:
        return False
    copy.objects[i] = changed
    copy.mark("length", o.time)
    copy.keep_clear(int(copy.starts[i]), int(copy.starts[i]))
    return True


def _to_circle(copy: Tampered, i: int) -> bool:
    """A slider or drum roll becomes a circle."""
    o = _slider(copy, i)
    if o is None or o.slider is None:
        return False
    circle = replace(o, kind=ObjectKind.CIRCLE, end_time=o.time, slider=None)
    _exchange(copy, o, circle)
    copy.mark("length", o.time)
    return True


# ---------------------------------------------------------------------------------------------------------------------
# Flags and sounds


def _combo(copy: Tampered, i: int) -> bool:
    o = copy.objects[i]
    if o is None or i == 0:
        return False
    draw = copy.random.random()
    if draw < 0.5:  # a flag gone, or moved
        flags = [
            k for k in range(max(i - 12, 1), min(i + 12, len(copy.objects))) if (p := copy.objects[k]) and p.new_combo
        ]
        if not flags:
            return False
        i = int(copy.random.choice(flags))
        o = copy.objects[i]
        if o is None or o.kind is ObjectKind.SPINNER or copy.taken[copy.starts[i]]:
            return False
        if draw < 0.25:
            k = i + int(copy.random.choice([-2, -1, 1, 2]))
            other = copy.objects[k] if 0 < k < len(copy.objects) else None
            if other is None or other.new_combo:
                return False
            copy.objects[k] = replace(other, new_combo=True)
            copy.mark("combo", other.time)
    elif o.new_combo or o.kind is ObjectKind.SPINNER:
        return False
    copy.objects[i] = replace(o, new_combo=not o.new_combo)
    copy.mark("combo", o.time)
    copy.taken[max(copy.starts[i] - APART_SLOTS, 0) : copy.starts[i] + APART_SLOTS] = True
    return True


def _addition(copy: Tampered, i: int) -> bool:
    o = copy.objects[i]
    if o is None or o.kind is ObjectKind.SPINNER:
        return False
    if copy.beatmap.mode is Mode.TAIKO:
        bits = (
            o.hitsound ^ 4 if copy.random.random() < 0.2 else (o.hitsound & ~10 if o.hitsound & 10 else o.hitsound | 8)
        )
        copy.objects[i] = replace(o, hitsound=bits)
        copy.mark("addition", o.time)
        return True
    edge = 0
    edges = list(o.slider.edge_sounds) if o.slider else []
    if o.slider and copy.random.random() < 0.4:
        edge = o.slider.slides
    edges = edges + [o.hitsound] * (o.slider.slides + 1 - len(edges)) if o.slider else []
    bits = edges[edge] if o.slider else o.hitsound
    if not bits & 14 and copy.random.random() < 0.75:  # mostly at slots with objects
        return False
    wrong = int(copy.random.choice([0, 0, 0, 2, 4, 8, 8, 10, 6, 12]))
    if wrong == bits & 14:
        return False
    wrong |= bits & ~14
    if o.slider:
        edges[edge] = wrong
        copy.objects[i] = replace(o, slider=replace(o.slider, edge_sounds=tuple(edges)))
    else:
        copy.objects[i] = replace(o, hitsound=wrong)
    copy.mark("addition", o.edge_times()[edge] if o.slider else o.time)
    return True


def _sample_set(copy: Tampered, i: int) -> bool:
    o = copy.objects[i]
    if o is None or o.kind is ObjectKind.SPINNER or o.sample.filename:
        return False
    now = o.slider.edge_sets[0][0] if o.slider and o.slider.edge_sets else o.sample.normal_set
    now = now or copy.beatmap.timing_point_at(o.time + 3.0).sample_set or 1
    wrong = int(copy.random.choice([s for s in (1, 2, 3) if s != now]))
    if o.slider and o.slider.edge_sets:
        sets = ((wrong, o.slider.edge_sets[0][1]), *o.slider.edge_sets[1:])
        copy.objects[i] = replace(o, slider=replace(o.slider, edge_sets=sets))
    else:
        copy.objects[i] = replace(o, sample=replace(o.sample, normal_set=wrong))
    copy.mark("sample_set", o.time)
    return True


def _volume(copy: Tampered, i: int) -> bool:
    o = copy.objects[i]
    if o is None:
        return False
    now = o.sample.volume or copy.beatmap.timing_point_at(o.time + 3.0).volume
    factor = float(copy.random.choice([0.2, 0.4, 0.5, 0.6, 0.7, 0.8, 1.3, 1.6]))
    other = min(max(round(now * factor), 5), 100)
    if abs(other - now) < 8:
        return False
    copy.objects[i] = replace(o, sample=replace(o.sample, volume=other))
    copy.mark("volume", o.time)
    return True


# ---------------------------------------------------------------------------------------------------------------------
# Places and sliders


def _place(copy: Tampered, i: int) -> bool:
    o, (before, _) = copy.objects[i], copy.around(i)
    if o is None or o.kind is ObjectKind.SPINNER:
        return False
    if copy.beatmap.mode is Mode.MANIA:
        keys = copy.beatmap.keys
        column = int(copy.random.integers(keys))
        near = [copy.objects[k] for k in range(max(i - 8, 0), min(i + 8, len(copy.objects))) if k != i]
        if column == copy.beatmap.column(o) or any(
            n and copy.beatmap.column(n) == column and n.time - CLEAR_MS < o.end_time and n.end_time + CLEAR_MS > o.time
            for n in near
        ):
            return False
        copy.objects[i] = replace(o, x=float(round(512 * (column + 0.5) / keys)))
        copy.mark("place", o.time)
        return True
    if before is None or (o.slider and copy.random.random() < 0.4):
        return False
    amount = float(np.exp(copy.random.uniform(math.log(16), math.log(260))))
    for _ in range(12):
        angle = float(copy.random.uniform(0, 2 * math.pi))
        dx, dy = round(amount * math.cos(angle)), round(amount * math.sin(angle))
        if copy.beatmap.mode is Mode.CATCH:
            dx, dy = round(math.copysign(amount, dx)), 0
        points = o.slider.control_points if o.slider else ((o.x, o.y),)
        if all(0 <= x + dx <= 512 and 0 <= y + dy <= 384 for x, y in (points[0], points[-1])):
            slider = replace(o.slider, control_points=tuple((x + dx, y + dy) for x, y in points)) if o.slider else None
            copy.objects[i] = replace(o, x=o.x + dx, y=o.y + dy, slider=slider)
            copy.mark("place", o.time)
            return True
    return False


def _slider(copy: Tampered, i: int) -> HitObject | None:
    """The object, or one soon after, that is a slider."""
    for k in range(i, min(i + 4, len(copy.objects))):
        o = copy.objects[k]
        if o is not None and o.slider and o.duration > 0 and not copy.taken[copy.starts[k]]:
            return o
    return None


def _exchange(copy: Tampered, old: HitObject, new: HitObject) -> None:
    k = next(k for k, o in enumerate(copy.objects) if o is old)
    copy.objects[k] = new
    slot = copy.starts[k]
    copy.taken[max(slot - APART_SLOTS, 0) : slot + APART_SLOTS] = True


def _length(copy: Tampered, i: int) -> bool:
    o = _slider(copy, i)
    if o is None or o.slider is None:
        return False
    after = next((p.time for p in copy.objects if p is not None and p.time > o.time), math.inf)
    if copy.random.random() < 0.25:
        slides = o.slider.slides + int(copy.random.choice([-1, 1]))
        factor, changed = slides / o.slider.slides, replace(o.slider, slides=slides)
    else:
        factor = float(copy.random.choice([0.5, 0.5, 2 / 3, 0.75, 1.25, 1.5, 1.5, 2.0]))
        changed = replace(o.slider, length=o.slider.length * factor)
    end = o.time + o.duration * factor
    if changed.slides < 1 or end + CLEAR_MS > after or changed.length < 15:
        return False
    _exchange(copy, o, replace(o, slider=changed, end_time=end))
    copy.mark("length", o.time)
    return True


def _shape(copy: Tampered, i: int) -> bool:
    o = _slider(copy, i)
    if o is None or o.slider is None or copy.beatmap.mode in (Mode.TAIKO, Mode.MANIA):
        return False
    points, draw = o.slider.control_points, copy.random.random()
    if draw < 0.35:  # runs the other way
        path = flatten(o.slider)
        along = [tuple(float(v) for v in np.round(p)) for p in path.at(np.linspace(path.length, 0, len(points)))]
        turned = tuple((x, y) for x, y in along)
        if math.dist(turned[0], points[0]) < 30:
            return False
        changed = replace(o.slider, control_points=turned)
    elif draw < 0.65:  # a control point dragged away
        k, amount, angle = (
            int(copy.random.integers(1, len(points))),
            copy.random.uniform(40, 150),
            copy.random.uniform(0, 2 * math.pi),
        )
        x, y = points[k][0] + round(amount * math.cos(angle)), points[k][1] + round(amount * math.sin(angle))
        if not (-20 <= x <= 532 and -20 <= y <= 404):
            return False
        changed = replace(o.slider, control_points=(*points[:k], (x, y), *points[k + 1 :]))
    else:  # faster or slower, same duration
        factor = float(copy.random.choice([0.5, 0.67, 0.75, 1.33, 1.5, 2.0]))
        scaled = tuple(
            (points[0][0] + (x - points[0][0]) * factor, points[0][1] + (y - points[0][1]) * factor) for x, y in points
        )
        if not all(-20 <= x <= 532 and -20 <= y <= 404 for x, y in scaled):
            return False
        changed = replace(o.slider, control_points=scaled, length=o.slider.length * factor)
    x, y = changed.control_points[0]
    _exchange(copy, o, replace(o, x=x, y=y, slider=changed))
    copy.mark("shape", o.time)
    return True


Change = Callable[[Tampered, int], bool]
_COMMON: tuple[tuple[Change, float], ...] = ((_extra, 3.0), (_missing, 3.0), (_moved_in_time, 3.0), (_volume, 1.0))
_SAMPLES: tuple[tuple[Change, float], ...] = ((_addition, 5.0), (_sample_set, 2.0))
_PLAYFIELD: tuple[tuple[Change, float], ...] = (
    *_COMMON,
    *_SAMPLES,
    (_combo, 3.5),
    (_place, 2.5),
    (_length, 2.5),
    (_to_circle, 0.7),
    (_shape, 2.5),
)
CHANGES: dict[Mode, tuple[tuple[Change, float], ...]] = {
    Mode.OSU: _PLAYFIELD,
    Mode.CATCH: _PLAYFIELD,
    Mode.TAIKO: (*_COMMON, (_addition, 4.0), (_length, 0.7), (_to_circle, 0.3)),
    Mode.MANIA: (*_COMMON, (_place, 4.0), (_chord, 3.0), (_hold, 3.0), (_addition, 1.0), (_sample_set, 0.5)),
}
"""Changes for each mode with their relative frequency."""
STRETCHES: dict[Mode, tuple[Change, ...]] = {
    Mode.OSU: (_sounds_lost, _late_paste, _in_every_phrase, _figure_moved, _figure_moved),
    Mode.CATCH: (_sounds_lost, _late_paste, _in_every_phrase, _figure_moved, _figure_moved),
    Mode.TAIKO: (_colours_lost, _late_paste, _in_every_phrase),
    Mode.MANIA: (_sounds_lost, _late_paste, _in_every_phrase, _columns_mirrored, _columns_mirrored),
}
"""Changes of whole stretches for each mode."""
assert SLOT_TICKS * SLOTS_PER_BEAT == 48
