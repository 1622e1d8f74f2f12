"""Additions of all hits of objects, edges of sliders included; those of stretches [ms], and copies with others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from maimod.osu.beatmap import Beatmap, HitObject
from maimod.osu.timing import TICKS_PER_BEAT
from maimod.training.faults.base import ADDITIONS, additions_of, starting_in, with_additions


def sounds_of(o: HitObject) -> tuple[int, ...]:
    """Additions at the start of an object, or at each edge of a slider."""
    if o.slider is None:
        return (o.hitsound & ADDITIONS,)
    missing = o.slider.slides + 1 - len(o.slider.edge_sounds)
    return tuple(bits & ADDITIONS for bits in (*o.slider.edge_sounds, *(o.hitsound,) * missing))


def with_sounds(o: HitObject, sounds: tuple[int, ...]) -> HitObject:
    """The object with these additions; as it was if it has them."""
    if sounds == sounds_of(o):
        return o
    return replace(o, slider=replace(o.slider, edge_sounds=sounds)) if o.slider else with_additions(o, sounds[0])


def _hit_ticks(beatmap: Beatmap, o: HitObject, start: float) -> list[int]:
    """1/48 beats from `start` [ms] to the start of an object, or to each edge of a slider."""
    tick = beatmap.red_line_of(start).beat_length / TICKS_PER_BEAT
    times = o.edge_times() if o.slider else (o.time,)
    return [round((time - start) / tick) for time in times]


def layer_of(beatmap: Beatmap, start: float, end: float) -> dict[int, int]:
    """By 1/48 beats after `start`: the additions of the hits of the objects that start in a stretch [ms]."""
    found: Counter[int] = Counter()
    for o in starting_in(beatmap, start, end):
        for tick, bits in zip(_hit_ticks(beatmap, o, start), sounds_of(o), strict=True):
            found[tick] |= bits
    return dict(found)


def sounded(beatmap: Beatmap, start: float, end: float, layer: Mapping[int, int]) -> dict[int, HitObject]:
    """By index: the objects of a stretch [ms] that sound otherwise with a layer of additions, by 1/48 beats after its start.
    Of the notes of a chord the first gets them."""
    new, given = {}, set()
    for o in starting_in(beatmap, start, end):
        ticks = _hit_ticks(beatmap, o, start)
        other = with_sounds(o, tuple(0 if tick in given else layer.get(tick, 0) for tick in ticks))
        given.update(ticks)
        if other != o:
            new[o.index] = other
    return new


def hits_changed(beatmap: Beatmap, new: Mapping[int, HitObject]) -> int:
    """How many hits have other additions in the objects `new`, by index."""
    return sum(
        a != b
        for index, o in new.items()
        for a, b in zip(sounds_of(beatmap.hit_objects[index]), sounds_of(o), strict=True)
    )


def silent(o: HitObject) -> HitObject:
    """The object without additions, at its edges too."""
    slider = o.slider and replace(o.slider, edge_sounds=tuple(bits & ~ADDITIONS for bits in o.slider.edge_sounds))
    return replace(o, hitsound=o.hitsound & ~ADDITIONS, slider=slider)


def _sounds(beatmap: Beatmap, start: float, end: float) -> tuple[tuple[int, int], ...]:
    return tuple((round(o.time - start), additions_of(o)) for o in starting_in(beatmap, start, end) if additions_of(o))


def is_patterned(beatmap: Beatmap, place: tuple[float, float]) -> bool:
    """Whether a stretch has additions at the times of one of its neighbours."""
    start, end = place
    own = _sounds(beatmap, start, end)
    length = end - start

    def agrees(by: float) -> bool:
        other = _sounds(beatmap, start + by, end + by)
        return len(own) == len(other) and all(
            abs(a[0] - b[0]) <= 2 and a[1] == b[1] for a, b in zip(own, other, strict=True)
        )

    return any(agrees(by) for by in (-2 * length, -length, length, 2 * length))
