"""Passages that are pasted or compared: whether one can be cut out, what is put in its place, and its rhythm. Times in ms."""

from __future__ import annotations

from dataclasses import replace

from maimod.osu.beatmap import Beatmap, HitObject, ObjectKind
from maimod.training.faults.base import SAME_MS, Planted, over, rebuild, rhythm_of, starting_in

SOURCES_TRIED = 12
LEAST_CHANGED = 3
"""Ticks of a measure at which a wrong paste adds or removes an object."""
COPY_MEASURES = (1, 2, 4, 8)


def is_closed(beatmap: Beatmap, start: float, end: float) -> bool:
    """Whether no object runs over the borders of a stretch, and none in it is a spinner."""
    before = beatmap.hit_objects[: starting_in(beatmap, start, end)[0].index]
    inside = starting_in(beatmap, start, end)
    return all(o.end_time <= start + SAME_MS for o in before[-2 * beatmap.keys :]) and all(
        o.kind is not ObjectKind.SPINNER and o.end_time <= end - SAME_MS for o in inside
    )


def pasted(beatmap: Beatmap, start: float, end: float, new: list[HitObject], note: str) -> Planted:
    """Other objects in a stretch; they get the lines of those that were there."""
    old = starting_in(beatmap, start, end)
    lines = [o.line for o in old]
    placed = [replace(o, line=lines[min(i, len(lines) - 1)]) for i, o in enumerate(new)]
    kept = [o for o in beatmap.hit_objects if not old[0].index <= o.index <= old[-1].index]
    changed = rebuild(beatmap, hit_objects=[*kept[: old[0].index], *placed, *kept[old[0].index :]])
    return over(changed, start, end, note)


def ticks_of(beatmap: Beatmap, start: float, end: float) -> set[int]:
    """Ticks of 1/48 beat after `start` at which objects of a stretch [ms] start."""
    return {tick for tick, _ in rhythm_of(beatmap, start, end)}
