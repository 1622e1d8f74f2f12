"""Planting a kind of mistake in a map that has a place for it: the maps, and what a mistake changed in them. Times in ms."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import numpy as np

from maimod.audio.onsets import OnsetEnvelope
from maimod.osu.beatmap import Beatmap, HitObject, Mode
from maimod.training.faults import Fault, Planted, select
from tests.maps import RED_LINE, beatmap

GREEN = "0,-100,4,2,0,70,0,0"
BEAT, MEASURE, FIRST = 500, 2000, 2000
MEASURES = 32


def planted_in(good: Beatmap, name: str, seed: int = 0) -> tuple[Beatmap, Planted]:
    """The map, and a copy with the mistake of a kind in one dose, or the only one, by its name."""
    (fault,) = select([name])
    planted = fault.inject(good, np.random.default_rng(seed))
    assert planted is not None
    return good, planted


def has_no_place(name: str, good: Beatmap, envelope: OnsetEnvelope | None = None) -> bool:
    """Whether a kind of mistake is refused by a map, whatever the seed."""
    (fault,) = select([name])
    return all(fault.inject(good, np.random.default_rng(seed), envelope) is None for seed in range(5))


def objects_of(beatmap: Beatmap, planted: Planted) -> list[HitObject]:
    """The objects of a map with the indices of a mistake."""
    return [beatmap.hit_objects[i] for i in planted.objects]


def varied_map(mode: int = 0) -> Beatmap:
    """The even map with a place for everything: bursts on quarters and thirds of a beat, stacks, repeats, finishers, chords,
    hold notes, sliders with room after them, and a line of its own for every fourth measure, which is not in force for long."""
    lines = []
    for k in range(256):
        time, sound, flag = 2000 + k * 250, 8 if k % 4 == 2 else 0, 4 if k % 8 == 0 else 0
        x, y = 100 + 37 * (k % 9), 80 + 23 * (k % 7)
        if k % 32 == 25:  # between the thirds
            continue
        if k % 64 in (29, 30, 31) and mode != Mode.MANIA:  # room for a slider that gets longer
            continue
        if mode == Mode.TAIKO and k % 16 == 8:
            sound = 4
        if mode == Mode.MANIA:
            x = 64 + 128 * (k % 4)
            if k % 16 == 9:
                lines.append(f"{(x + 256) % 512},{y},{time},1,0,0:0:0:0:")
            if k % 16 == 6:
                lines.append(f"{x},{y},{time},128,{sound},{time + 250}:0:0:0:0:")
                continue
        elif k % 16 == 4:
            lines.append(f"{x},{y},{time},{2 | flag},{sound},L|{x + 35}:{y},2,35,,,0:0:0:0:")
            continue
        elif k % 16 == 12:
            lines.append(f"{x},{y},{time},{2 | flag},{sound},L|{x + 40}:{y}|{x + 70}:{y},1,70,,,0:0:0:0:")
            continue
        elif k % 16 in (5, 13):
            continue
        elif k % 16 in (1, 2):
            x, y = 300, 200
        lines.append(f"{x},{y},{time},{1 | flag},{sound},0:0:0:0:")
        if k % 32 == 8:  # a quarter, before the next object
            lines.append(f"{x},{y},{time + 125},1,0,0:0:0:0:")
        if k % 32 == 24:  # thirds of a beat, in place of the object on its half
            lines += [f"{x},{y},{time + step},1,0,0:0:0:0:" for step in (167, 333)]
    kiai = ["18000,-100,4,2,0,70,0,1", "34000,-100,4,2,0,70,0,0"]
    own = [f"{time},-100,4,2,0,70,0,{int(18000 <= time < 34000)}" for time in range(6000, 60000, 8000)]
    own += [f"{time + 2000},-100,4,2,0,70,0,{int(18000 <= time < 34000)}" for time in range(6000, 60000, 8000)]
    return beatmap(lines, [RED_LINE, GREEN, *kiai, *own], mode, slider_multiplier=1.4, circle_size=4)


def changes(good: Beatmap, bad: Beatmap) -> tuple[list[HitObject], list[HitObject]]:
    """Objects that are in only one of the maps, ignoring their indices."""

    def bare(beatmap: Beatmap) -> Counter[HitObject]:
        return Counter(replace(o, index=0, combo_number=0) for o in beatmap.hit_objects)

    before, after = bare(good), bare(bad)
    return [_indexed(good, o) for o in before - after], [_indexed(bad, o) for o in after - before]


def _indexed(beatmap: Beatmap, bare: HitObject) -> HitObject:
    return next(o for o in beatmap.hit_objects if replace(o, index=0, combo_number=0) == bare)


def planted_soundly(fault: Fault, good: Beatmap, mode: Mode) -> tuple[Planted | None, bool]:
    """What a fault plants in a map with a place for everything, None only in other modes; and whether nothing changes elsewhere."""
    planted = fault.inject(good, np.random.default_rng(3))
    assert (planted is not None) is (mode in fault.modes), "the map has a place for everything"
    if planted is None:
        return None, True
    bad = planted.beatmap
    assert bad != good and planted.start <= planted.end and planted.note
    assert [o.index for o in bad.hit_objects] == list(range(len(bad.hit_objects)))
    assert [o.time for o in bad.hit_objects] == sorted(o.time for o in bad.hit_objects)
    assert {o.line for o in bad.hit_objects} <= {o.line for o in good.hit_objects}
    again = fault.inject(good, np.random.default_rng(3))
    assert again is not None and again.beatmap == bad, "the same seed gives the same mistake"
    gone, come = changes(good, bad)
    changed = [(o.time, o.end_time) for o in (*gone, *come)] + changed_lines(good, bad)
    assert changed
    return planted, all(in_spans(planted, start, end) for start, end in changed)


def has_its_objects(planted: Planted) -> bool:
    times = [planted.beatmap.hit_objects[i].time for i in planted.objects]
    return min(times) <= planted.end and max(times) >= planted.start


def in_spans(planted: Planted, start: float, end: float) -> bool:
    return any(low - 3 <= start and end <= high + 3 for low, high in planted.spans) or any(
        low <= start <= high for low, high in planted.spans
    )


def changed_lines(good: Beatmap, bad: Beatmap) -> list[tuple[float, float]]:
    """Times of objects at which another tempo, place in the measure, velocity, volume, sample set, index of samples or kiai is in
    force."""

    def values(beatmap: Beatmap, time: float) -> tuple[object, ...]:
        point = beatmap.timing_point_at(time)
        red = beatmap.red_line_at(time)
        of_measure = round((time - red.time) % (red.meter * red.beat_length), 3)
        samples = point.volume, point.sample_set, point.sample_index
        return point.velocity, *samples, point.kiai, red.beat_length, of_measure

    return [(o.time, o.time) for o in good.hit_objects if values(good, o.time) != values(bad, o.time)]


@cache
def full_map(mode: int = 0) -> Beatmap:
    """120 BPM, 32 measures with a place for every mistake: even circles in a line, a burst of three after a curved slider,
    sliders with sounds on their heads only, claps of the drum set, spinners; chords and holds in mania; steps of volume and
    velocity, two kiai."""
    lines: list[str] = []
    for measure in range(MEASURES):
        start, y = FIRST + measure * MEASURE, 60 + 40 * (measure % 5)
        lines += (_even, _burst, _even, _spinner if measure % 8 == 7 else _sliders)[measure % 4](
            mode, start, y, measure
        )
    return beatmap(lines, [RED_LINE, *_greens()], mode, slider_multiplier=1.4, circle_size=4)


def _greens() -> list[str]:
    values = {0: (100, 70, 0), 4: (100, 50, 0), 6: (100, 70, 0), 8: (100, 30, 0), 9: (100, 40, 0), 10: (100, 50, 0)}
    values |= {11: (100, 60, 0), 12: (100, 70, 0), 19: (80, 70, 0), 20: (100, 70, 1), 22: (100, 70, 0)}
    values |= {26: (100, 70, 1), 28: (100, 70, 0)}
    return [
        f"{FIRST + measure * MEASURE if measure else 0},-{length},4,2,0,{volume},0,{kiai}"
        for measure, (length, volume, kiai) in values.items()
    ]


def _head(mode: int, start: int, y: int, measure: int, half: float) -> tuple[int, int, int, int]:
    """x, time, flag and sound of the object on a half beat of a measure; every other measure runs to the left."""
    x = 40 + round(60 * half) if measure % 2 == 0 else 460 - round(60 * half)
    if mode == Mode.MANIA:
        x = 64 + 128 * (round(half * 2) % 4 if half % 1 else int(half) % 4)
    sound = {0: 4 if measure % 4 == 0 else 2, 2: 8, 4: 2, 6: 8}.get(half, 0)
    return x, start + round(half * BEAT / 2), 4 if half == 0 else 0, sound


def _circle(mode: int, start: int, y: int, measure: int, half: float, x: int | None = None) -> str:
    known, time, flag, sound = _head(mode, start, y, measure, half)
    return f"{known if x is None else x},{y},{time},{1 | flag},{sound},{_sets(sound)}"


def _sets(sound: int) -> str:
    return "0:3:0:0:" if sound == 8 else "0:0:0:0:"


def _slider(mode: int, start: int, y: int, measure: int, half: float, path: str, length: int, edges: str) -> str:
    x, time, flag, sound = _head(mode, start, y, measure, half)
    if mode == Mode.MANIA:
        return f"{x},{y},{time},128,{sound},{time + length * BEAT // 140}:{_sets(sound)}"
    way = -1 if measure % 2 else 1
    points = "|".join(
        f"{x + way * int(a)}:{y + int(b)}" for a, b in (point.split(":") for point in path[2:].split("|"))
    )
    return f"{x},{y},{time},{2 | flag},{sound},{path[0]}|{points},1,{length},{edges},0:0|0:0,0:0:0:0:"


def _even(mode: int, start: int, y: int, measure: int) -> list[str]:
    lines = [_circle(mode, start, y, measure, half) for half in range(8)]
    if mode == Mode.MANIA:
        lines.insert(1, _circle(mode, start, y, measure, 0, 320))
    if mode == Mode.CATCH and measure % 4 == 2:  # a hyperdash
        lines[3], lines[4] = _circle(mode, start, y, measure, 3, 20), _circle(mode, start, y, measure, 4, 480)
    return lines


def _burst(mode: int, start: int, y: int, measure: int) -> list[str]:
    path = "B|40:0|70:70|70:70|110:0"
    return [
        _circle(mode, start, y, measure, 0),
        _slider(mode, start, y, measure, 1, path, 140, "2|0"),
        *(_circle(mode, start, y, measure, half) for half in (4, 5, 6, 6.5, 7)),
    ]


def _sliders(mode: int, start: int, y: int, measure: int) -> list[str]:
    last = (
        _slider(mode, start, y, measure, 6, "", 70, "") if mode == Mode.MANIA else _circle(mode, start, y, measure, 6)
    )
    return [
        _slider(mode, start, y, measure, 0, "P|50:40|100:0", 140, "2|0"),
        _circle(mode, start, y, measure, 3),
        _slider(mode, start, y, measure, 4, "L|70:0", 70, "2|0"),
        last,
        _circle(mode, start, y, measure, 7),
    ]


def _spinner(mode: int, start: int, y: int, measure: int) -> list[str]:
    if mode == Mode.MANIA:
        return _sliders(mode, start, y, measure)
    return [f"256,192,{start},12,0,{start + 1000},0:0:0:0:", *(_circle(mode, start, y, measure, h) for h in (6, 7))]


@cache
def back_and_forth(mode: int = 0) -> Beatmap:
    """120 BPM, 24 measures of circles on every beat, each measure a combo further right for four, then the same mirrored."""
    lines = []
    for measure in range(24):
        for beat, x in enumerate((0, 100, 30, 60)):
            x += 20 + 120 * (measure % 4)
            x = 512 - x if measure % 8 >= 4 else x
            time = FIRST + measure * MEASURE + beat * BEAT
            lines.append(f"{x},{60 + 20 * beat},{time},{1 if beat else 5},0,0:0:0:0:")
    return beatmap(lines, [RED_LINE], mode)


def one_change(good: Beatmap, planted: Planted) -> tuple[HitObject, HitObject]:
    (before,), (after,) = changes(good, planted.beatmap)
    return before, after


@cache
def drawn(mode: int = 0) -> Beatmap:
    """120 BPM, 16 measures of an arc, a circle, a short slider and one that turns back."""
    lines = []
    for start in range(FIRST, FIRST + 16 * MEASURE, MEASURE):
        lines += [
            f"60,120,{start},6,0,P|110:180|160:120,1,140,2|0,0:0|0:0,0:0:0:0:",
            f"260,120,{start + 750},1,8,0:0:0:0:",
            f"300,160,{start + 1000},2,0,L|335:160,1,35,2|0,0:0|0:0,0:0:0:0:",
            f"404,190,{start + 1500},2,0,L|439:190,2,35,2|0|8,0:0|0:0|0:0,0:0:0:0:",
        ]
    return beatmap(lines, [RED_LINE], mode, slider_multiplier=1.4)


def columns_of(of_map: Beatmap, objects: Sequence[HitObject]) -> list[tuple[float, int]]:
    return sorted((o.time, of_map.column(o)) for o in objects)


def as_placed(objects: Sequence[HitObject]) -> set[HitObject]:
    """The notes without time and column, as they are before and after they move."""
    return {replace(o, index=0, combo_number=0, time=0.0, end_time=0.0, x=0.0) for o in objects}


def sorted_by_time(objects: Sequence[HitObject]) -> list[HitObject]:
    return sorted(objects, key=lambda o: o.time)


def heard(good: Beatmap, times: set[float]) -> OnsetEnvelope:
    """A song with an onset at these times [ms]."""
    values = np.zeros(round(good.hit_objects[-1].end_time) + MEASURE, dtype=np.float32)
    values[[round(time) for time in times]] = 1.0
    return OnsetEnvelope(values, 1.0)
