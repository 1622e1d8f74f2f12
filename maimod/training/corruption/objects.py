"""Changes of single objects: their time, kind, flag, sounds, place and shape."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from maimod.osu.beatmap import HEIGHT, PLAYFIELD_MODES, WIDTH, HitObject, Mode, ObjectKind
from maimod.osu.slider_path import flatten, tail
from maimod.training.corruption.copy import APART_SLOTS, CLEAR_MS, CorruptedCopy, exchange, is_column_free, slider_from

# ---------------------------------------------------------------------------------------------------------------------
# Rhythm


def _on_grid(copy: CorruptedCopy, time: float, like: float) -> float:
    """The tick of 1/4, 1/3 or 1/8 nearest to a time."""
    divisor = float(copy.random.choice([1, 2, 4, 4, 4, 8, 3, 6])) if like <= 0 else like
    red = copy.beatmap.red_line_of(time)
    step = red.beat_length / divisor
    return float(round(red.time + round((time - red.time) / step) * step))


def extra(copy: CorruptedCopy, i: int) -> bool:
    """An object that is not in the map."""
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


def missing(copy: CorruptedCopy, i: int) -> bool:
    """An object taken away."""
    o, (before, after) = copy.objects[i], copy.around(i)
    if o is None or before is None or after is None or o.kind is ObjectKind.SPINNER:
        return False
    if after.time - before.end_time > 3 * copy.beat(o.time) or (o.slider and copy.random.random() < 0.4):
        return False
    if o.new_combo and copy.random.random() < 0.8:
        return False
    if copy.beatmap.mode is Mode.MANIA and copy.starts[i] in (copy.starts[i - 1], copy.starts[i + 1]):
        return False
    copy.objects[i] = None
    copy.mark("missing", o.time)
    return True


def moved_in_time(copy: CorruptedCopy, i: int) -> bool:
    """An object on another tick."""
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


def chord(copy: CorruptedCopy, i: int) -> bool:
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
    if column == copy.beatmap.column(o) or not is_column_free(copy, i, column, o.time, o.time):
        return False
    copy.added.append(replace(o, x=float(round(512 * (column + 0.5) / keys))))
    copy.mark("extra", o.time)
    return True


def hold(copy: CorruptedCopy, i: int) -> bool:
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
        if end < o.time + beat / 4 - 2 or not is_column_free(copy, i, copy.beatmap.column(o), o.time, end):
            return False
        changed = replace(o, end_time=end)
    elif o.kind is ObjectKind.CIRCLE:
        end = float(round(o.time + beat * float(copy.random.choice([0.25, 0.5, 0.5, 1, 2]))))
        if not is_column_free(copy, i, copy.beatmap.column(o), o.time, end):
            return False
        changed = replace(o, kind=ObjectKind.HOLD, end_time=end)
    else:
        return False
    copy.objects[i] = changed
    copy.mark("length", o.time)
    copy.keep_clear(int(copy.starts[i]), int(copy.starts[i]))
    return True


def to_circle(copy: CorruptedCopy, i: int) -> bool:
    """A slider or drum roll becomes a circle."""
    o = slider_from(copy, i)
    if o is None or o.slider is None:
        return False
    circle = replace(o, kind=ObjectKind.CIRCLE, end_time=o.time, slider=None)
    exchange(copy, o, circle)
    copy.mark("length", o.time)
    return True


# ---------------------------------------------------------------------------------------------------------------------
# Flags and sounds


def combo(copy: CorruptedCopy, i: int) -> bool:
    """A new combo set, moved or taken away."""
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


def addition(copy: CorruptedCopy, i: int) -> bool:
    """An addition set, changed or taken away; in taiko another colour."""
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


def sample_set(copy: CorruptedCopy, i: int) -> bool:
    """Another sample set."""
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


def volume(copy: CorruptedCopy, i: int) -> bool:
    """Another volume."""
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


def place(copy: CorruptedCopy, i: int) -> bool:
    """An object elsewhere on the playfield, or in another column."""
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
        if all(0 <= x + dx <= WIDTH and 0 <= y + dy <= HEIGHT for x, y in (points[0], points[-1])):
            slider = replace(o.slider, control_points=tuple((x + dx, y + dy) for x, y in points)) if o.slider else None
            copy.objects[i] = replace(o, x=o.x + dx, y=o.y + dy, slider=slider)
            copy.mark("place", o.time)
            return True
    return False


def length(copy: CorruptedCopy, i: int) -> bool:
    """A slider that ends elsewhere."""
    o = slider_from(copy, i)
    if o is None or o.slider is None:
        return False
    after = next((p.time for p in copy.objects if p is not None and p.time > o.time), math.inf)
    if copy.random.random() < 0.4:
        slides = o.slider.slides + int(copy.random.choice([-1, 1]))
        factor, changed = slides / o.slider.slides, replace(o.slider, slides=slides)
    else:
        factor = float(copy.random.choice([0.5, 0.5, 2 / 3, 0.75, 1.25, 1.5, 1.5, 2.0]))
        changed = replace(o.slider, length=o.slider.length * factor)
    end = o.time + o.duration * factor
    if changed.slides < 1 or end + CLEAR_MS > after or changed.length < 15:
        return False
    exchange(copy, o, replace(o, slider=changed, end_time=end))
    copy.mark("length", o.time)
    return True


def shape(copy: CorruptedCopy, i: int) -> bool:
    """A slider with another body."""
    o = slider_from(copy, i)
    if o is None or o.slider is None or copy.beatmap.mode not in PLAYFIELD_MODES:
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
    exchange(copy, o, replace(o, x=x, y=y, slider=changed))
    copy.mark("shape", o.time)
    return True
