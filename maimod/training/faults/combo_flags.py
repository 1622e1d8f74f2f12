"""New combos: which were set by the mapper, where they are regular, and copies with others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from maimod.osu.beatmap import Beatmap, HitObject, ObjectKind
from maimod.training.faults.base import SAME_MS, on_downbeat, starting_in, stretches, with_objects

LEAST_FLAGS = 3


def flagged(beatmap: Beatmap) -> list[HitObject]:
    """New combos set by the mapper: within 4 beats of the object before, which is no spinner."""
    objects = beatmap.hit_objects
    return [
        o
        for before, o in pairwise(objects)
        if o.new_combo
        and o.kind is not ObjectKind.SPINNER
        and before.kind is not ObjectKind.SPINNER
        and o.time - before.end_time < 4 * beatmap.red_line_at(o.time).beat_length
    ]


def regular_combos(beatmap: Beatmap) -> list[HitObject]:
    """Flags on downbeats whose neighbouring flags are as far before as after; flags on downbeats if there are none
    such."""
    found = flagged(beatmap)
    downbeats = [o for o in found if on_downbeat(beatmap, o.time)]
    lines = {o.line for o in downbeats}
    regular = [
        o
        for before, o, after in zip(found, found[1:], found[2:], strict=False)
        if o.line in lines and abs(before.time + after.time - 2 * o.time) < 2 * SAME_MS
    ]
    return regular or downbeats


def with_flags(beatmap: Beatmap, inside: Sequence[HitObject], flags: Sequence[bool]) -> Beatmap:
    """A copy with other new combos at the objects `inside`."""
    new = {
        o.index: replace(o, new_combo=flag, combo_skip=o.combo_skip if flag and o.new_combo else 0)
        for o, flag in zip(inside, flags, strict=True)
        if flag != o.new_combo
    }
    return with_objects(beatmap, new)


def regular_stretches(beatmap: Beatmap, measures: int) -> list[tuple[float, float, list[HitObject]]]:
    """(start, end, objects) of stretches with new combos, most of them on downbeats, and without spinners."""
    own = {o.index for o in flagged(beatmap)}
    found = []
    for start, end in stretches(beatmap, measures):
        inside = starting_in(beatmap, start, end)
        flags = [o for o in inside if o.new_combo]
        if (
            len(flags) >= LEAST_FLAGS
            and all(o.index in own for o in flags)
            and all(o.kind is not ObjectKind.SPINNER for o in inside)
            and 2 * sum(on_downbeat(beatmap, o.time) for o in flags) > len(flags)
        ):
            found.append((start, end, inside))
    return found
