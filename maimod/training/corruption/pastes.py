"""Stretches with the content of another stretch, labelled wherever the two differ."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace

from maimod.discriminator.features import SLOTS_PER_BEAT
from maimod.osu.beatmap import PLAYFIELD_MODES, HitObject, Mode, ObjectKind
from maimod.training.corruption.copy import CLEAR_MS, MEASURE_SLOTS, CorruptedCopy

Slots = dict[int, list[HitObject]]
_LENGTHS = (MEASURE_SLOTS // 2, MEASURE_SLOTS, MEASURE_SLOTS, 2 * MEASURE_SLOTS, 4 * MEASURE_SLOTS)


def pasted(copy: CorruptedCopy, i: int) -> bool:
    """Half a measure to four measures replaced by others of the map, often by those before."""
    first, length = int(copy.starts[i]), int(copy.random.choice(_LENGTHS))
    last = copy.grid.count - length - 1
    if copy.random.random() < 0.5:
        source = first - length
    else:
        source = first % SLOTS_PER_BEAT + SLOTS_PER_BEAT * int(copy.random.integers(max(last, 0) // SLOTS_PER_BEAT + 1))
    if source == first or not 0 <= source <= last or first > last:
        return False
    by = float(copy.grid.times[first] - copy.grid.times[source])
    return _replace(copy, first, length, _moved(copy, source, length, by))


def halves_exchanged(copy: CorruptedCopy, i: int) -> bool:
    """The halves of a measure, or of two, in the other order."""
    first, half = int(copy.starts[i]), int(copy.random.choice([1, 1, 2])) * MEASURE_SLOTS // 2
    if first + 2 * half >= copy.grid.count:
        return False
    by = float(copy.grid.times[first + half] - copy.grid.times[first])
    return _replace(copy, first, 2 * half, [*_moved(copy, first + half, half, -by), *_moved(copy, first, half, by)])


def _moved(copy: CorruptedCopy, first: int, length: int, by: float) -> list[HitObject]:
    """The objects of `length` slots from `first` on, `by` [ms] later."""
    found = (copy.objects[k] for k in copy.between(first, first + length - 1))
    return [
        replace(o, time=float(round(o.time + by)), end_time=float(round(o.time + by)) + o.duration) for o in found if o
    ]


def _replace(copy: CorruptedCopy, first: int, length: int, objects: list[HitObject]) -> bool:
    """Replace what is in `length` slots from `first` on, if it fits there and is another rhythm."""
    last = first + length - 1
    old = copy.between(first, last)
    if not old or not objects or not copy.is_clear(first, last):
        return False
    objects.sort(key=lambda o: o.time)
    spans = [(o.time, o.end_time) for k in (old[0] - 1, old[-1] + 1) if (o := _at(copy, k)) is not None]
    begin, end = objects[0].time - CLEAR_MS, max(o.end_time for o in objects) + CLEAR_MS
    is_one_tempo = len({copy.beat(o.time) for o in (objects[0], objects[-1])}) == 1
    if len(spans) < 2 or not is_one_tempo or begin < spans[0][1] or end > spans[1][0]:
        return False
    if old[-1] - old[0] + 1 > len(old):  # with a spinner, or with an object that was removed
        return False
    before, after = _by_slot(copy, (o for k in old if (o := copy.objects[k]))), _by_slot(copy, objects)
    if before.keys() == after.keys():
        return False
    for k in old:
        copy.objects[k] = None
    copy.added += objects
    for slot in sorted(before.keys() | after.keys()):
        _mark(copy, before.get(slot, []), after.get(slot, []))
    copy.keep_clear(first, last)
    return True


def _at(copy: CorruptedCopy, k: int) -> HitObject | None:
    return copy.objects[k] if 0 <= k < len(copy.objects) else None


def _by_slot(copy: CorruptedCopy, objects: Iterable[HitObject]) -> Slots:
    found, of_slot = list(objects), defaultdict(list)
    for o, slot in zip(found, copy.grid.locate([o.time for o in found])[0].tolist(), strict=True):
        of_slot[slot].append(o)
    return of_slot


def _mark(copy: CorruptedCopy, before: list[HitObject], after: list[HitObject]) -> None:
    """Label what differs between the objects of a slot."""
    time = (after or before)[0].time
    if len(before) != len(after):
        copy.mark("extra" if len(after) > len(before) else "missing", time)
        return
    pairs, mode = list(zip(_in_order(before), _in_order(after), strict=True)), copy.beatmap.mode
    is_placed, has_shapes = mode is not Mode.TAIKO, mode in PLAYFIELD_MODES
    differing = {
        "extra": any(b.time != a.time for b, a in pairs),
        "length": any(b.kind is not a.kind or round(b.duration) != round(a.duration) for b, a in pairs),
        "place": is_placed and any((b.x, b.y) != (a.x, a.y) for b, a in pairs),
        "combo": has_shapes and any(b.new_combo is not a.new_combo for b, a in pairs),
        "shape": has_shapes and any(_body(b) != _body(a) for b, a in pairs),
        "addition": any(b.hitsound != a.hitsound for b, a in pairs),
    }
    for name in [name for name, differs in differing.items() if differs]:
        copy.mark(name, time)


def _in_order(objects: list[HitObject]) -> list[HitObject]:
    return sorted(objects, key=lambda o: (o.x, o.y, o.time))


def _body(o: HitObject) -> object:
    """The shape of a slider from its head on."""
    if o.slider is None or o.kind is not ObjectKind.SLIDER:
        return None
    points = tuple((x - o.x, y - o.y) for x, y in o.slider.control_points)
    return points, o.slider.length, o.slider.slides
